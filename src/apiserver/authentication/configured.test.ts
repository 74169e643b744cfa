import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { ManualClock, systemClock } from '#base/clock.ts';
import { ConfigurationError } from '../configuration/decode.ts';
import { HttpsOutbound } from '../outbound/client.ts';
import { createTestAuthority, type TestAuthority } from '../testing/certificates.ts';
import { startHttpsServer, type HttpsServer } from '../testing/https-server.ts';
import { AuthenticationError } from './contract.ts';
import type { JwtIssuer } from './jwt/configuration.ts';
import { readAuthenticationConfiguration } from './jwt/validation.ts';
import { jwtTokens } from './jwt/tokens.ts';
import { staticTokens } from './tokens/static.ts';
import { webhookTokens } from './tokens/webhook.ts';

const API = ['https://kubernetes'];
const outbound = new HttpsOutbound(systemClock);
let authority: TestAuthority;
let provider: HttpsServer;
let key: CryptoKey;
/** What the provider knows of groups. */
let distributed = '';

before(async () => {
  authority = await createTestAuthority(systemClock.now());
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  key = privateKey;
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
  provider = await startHttpsServer(authority, ({ path }, answer) => {
    if (path === '/.well-known/openid-configuration') answer.json(200, { issuer: provider.url, jwks_uri: `${provider.url}/keys` });
    else if (path === '/groups') answer.text(200, distributed);
    else answer.json(path === '/keys' ? 200 : 404, { keys: [jwk] });
  });
});
after(async () => {
  outbound.close();
  await provider.stop();
});

const token = (claims: Record<string, unknown>, { kid = 'one', issuer = provider.url, audience = 'app' } = {}): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(key);

const issuer = (more: Partial<JwtIssuer> = {}): JwtIssuer => ({
  issuer: { url: provider.url, certificateAuthority: authority.certificate, audiences: ['app'] },
  claimMappings: { username: { claim: 'sub', prefix: 'oidc:' }, groups: { claim: 'groups', prefix: '' } },
  ...more,
});
const authenticate = async (configuration: JwtIssuer, presented: string): Promise<unknown> =>
  (await jwtTokens(configuration, { audiences: API, outbound, clock: systemClock }).authenticate(presented, API))?.user;

test('jwtTokens takes user and groups from claims of a token that its issuer signed', async () => {
  const presented = await token({ sub: 'jane', groups: ['a', 'b'], jti: 'x' });
  assert.deepEqual(await authenticate(issuer(), presented), {
    name: 'oidc:jane',
    groups: ['a', 'b'],
    extra: { 'authentication.kubernetes.io/credential-id': ['JTI=x'] },
  });
});

test('jwtTokens leaves tokens of others alone', async () => {
  assert.equal(await authenticate(issuer(), 'no-jwt'), undefined);
  assert.equal(await authenticate(issuer(), await token({ sub: 'a' }, { issuer: 'https://other' })), undefined);
});

test('jwtTokens maps and judges by expressions', async () => {
  const configuration = issuer({
    claimMappings: {
      username: { expression: '"corp:" + claims.email.split("@")[0]' },
      groups: { expression: 'claims.roles.map(r, "role:" + r)' },
      uid: { expression: 'claims.sub' },
      extra: [{ key: 'example.com/tenant', valueExpression: 'claims.tenant' }],
    },
    claimValidationRules: [
      { expression: 'claims.hd == "example.com"', message: 'wrong domain' },
      { claim: 'acr', requiredValue: 'mfa' },
    ],
    userValidationRules: [{ expression: '!user.username.startsWith("system:") && size(user.groups) < 3', message: 'not that many' }],
  });
  const claims = { sub: '7', email: 'jane@example.com', roles: ['dev'], tenant: 't', hd: 'example.com', acr: 'mfa' };
  assert.deepEqual(await authenticate(configuration, await token(claims)), {
    name: 'corp:jane',
    uid: '7',
    groups: ['role:dev'],
    extra: { 'example.com/tenant': ['t'] },
  });
  const refused = async (change: object, why: RegExp): Promise<void> => {
    await assert.rejects(
      authenticate(configuration, await token({ ...claims, ...change })),
      (error) => error instanceof AuthenticationError && why.test(error.message),
    );
  };
  await refused({ hd: 'evil.com' }, /failed: wrong domain/);
  await refused({ acr: 'pwd' }, /required claim acr value does not match. Got = pwd, want = mfa/);
  await refused({ roles: ['a', 'b', 'c'] }, /user info validation rule: .*not that many/);
  await refused({ email: undefined }, /error evaluating username claim expression/);
});

test('jwtTokens refuses another audience, an unknown key and a token that has ended', async () => {
  await assert.rejects(
    authenticate(issuer(), await token({ sub: 'a' }, { audience: 'else' })),
    /expected audience in \["app"\] got \["else"\]/,
  );
  await assert.rejects(authenticate(issuer(), await token({ sub: 'a' }, { kid: 'two' })), AuthenticationError);
  const clock = new ManualClock(systemClock.now());
  const tokens = jwtTokens(issuer(), { audiences: API, outbound, clock });
  const presented = await token({ sub: 'a' });
  clock.advance(9 * 60_000 + 55_000);
  await tokens.authenticate(presented, API);
  clock.advance(6_000);
  assert.throws(() => tokens.authenticate(presented, API), /token is expired/);
  clock.advance(5_000);
  await assert.rejects(async () => tokens.authenticate(presented, API), /token is expired/);
});

const configuration = (...jwt: readonly object[]): string =>
  JSON.stringify({ kind: 'AuthenticationConfiguration', apiVersion: 'apiserver.config.k8s.io/v1', jwt });
const good = { issuer: { url: 'https://a', audiences: ['x'] }, claimMappings: { username: { claim: 'sub', prefix: '' } } };

for (const [what, text, message] of [
  ['plain http', configuration({ ...good, issuer: { url: 'http://a', audiences: ['x'] } }), /URL scheme must be https/],
  ['an issuer twice', configuration(good, good), /jwt\[1\].issuer.url: Duplicate value: "https:\/\/a"/],
  [
    'a claim without a prefix',
    configuration({ ...good, claimMappings: { username: { claim: 'sub' } } }),
    /username.prefix: Required value/,
  ],
  [
    'many audiences without a policy',
    configuration({ ...good, issuer: { url: 'https://a', audiences: ['x', 'y'] } }),
    /audienceMatchPolicy must be MatchAny/,
  ],
  [
    'an audience twice, and an empty one',
    configuration({ ...good, issuer: { url: 'https://a', audiences: ['x', 'x', ''], audienceMatchPolicy: 'MatchAny' } }),
    /\[jwt\[0\].issuer.audiences\[1\]: Duplicate value: "x", jwt\[0\].issuer.audiences\[2\]: Required value\]/,
  ],
  [
    'no audience',
    configuration({ ...good, issuer: { url: 'https://a' } }),
    /audiences: Required value: at least one jwt\[0\].issuer.audiences is/,
  ],
  ['no issuer', configuration({ ...good, issuer: { audiences: ['x'] } }), /jwt\[0\].issuer.url: Required value/],
  [
    'authorities that are none',
    configuration({ ...good, issuer: { url: 'https://a', audiences: ['x'], certificateAuthority: 'x' } }),
    /certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates/,
  ],
  [
    'an egress selector of another name',
    configuration({ ...good, issuer: { url: 'https://a', audiences: ['x'], egressSelectorType: 'etcd' } }),
    /egressSelectorType: Invalid value: "etcd": egress selector must be either controlplane or cluster/,
  ],
  [
    'an issuer of its own',
    configuration({ ...good, issuer: { url: 'https://own', audiences: ['x'] } }),
    /url: Invalid value: "https:\/\/own": URL must not overlap with disallowed issuers: \[https:\/\/own\]/,
  ],
  [
    'a key that is Kubernetes own',
    configuration({ ...good, claimMappings: { ...good.claimMappings, extra: [{ key: 'a.k8s.io/x', valueExpression: 'claims.x' }] } }),
    /extra\[0\].key: Invalid value: "a.k8s.io\/x": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use/,
  ],
  [
    'a message for a claim',
    configuration({ ...good, claimValidationRules: [{ claim: 'a', requiredValue: 'b', message: 'c' }] }),
    /claimValidationRules\[0\].message: Invalid value: "c": may not be specified when claim is set/,
  ],
  [
    'a user rule without an expression',
    configuration({ ...good, userValidationRules: [{ message: 'c' }] }),
    /userValidationRules\[0\].expression: Required value/,
  ],
  [
    'an address of mail that nobody has verified',
    configuration({ ...good, claimMappings: { username: { expression: 'claims.?email.orValue("x")' } } }),
    /username.expression: Invalid value: .*: claims.email_verified must be used in claimMappings.username.expression or/,
  ],
] as const) {
  test(`readAuthenticationConfiguration refuses ${what}`, () =>
    assert.throws(() => readAuthenticationConfiguration(text, ['https://own']), message));
}

test('readAuthenticationConfiguration takes an address of mail that some expression has verified', () => {
  const username = { expression: 'claims.email' };
  const rule = { expression: 'claims.?email_verified.orValue(true) == true' };
  readAuthenticationConfiguration(configuration({ ...good, claimMappings: { username }, claimValidationRules: [rule] }));
});

test('jwtTokens takes an empty user from a claim, and none from an expression', async () => {
  const plain = issuer({ claimMappings: { username: { claim: 'sub', prefix: '' } } });
  assert.deepEqual(await authenticate(plain, await token({ sub: '' })), { name: '', groups: [] });
  const expression = issuer({ claimMappings: { username: { expression: 'claims.sub' } } });
  await assert.rejects(authenticate(expression, await token({ sub: '' })), /oidc: empty username via CEL expression is not allowed/);
});

test('jwtTokens takes no signature but those it is told of, and knows of no others', async () => {
  const options = { audiences: API, outbound, clock: systemClock };
  const presented = await token({ sub: 'a' });
  await assert.rejects(
    async () => jwtTokens(issuer(), { ...options, algorithms: ['RS256'] }).authenticate(presented, API),
    AuthenticationError,
  );
  assert.throws(() => jwtTokens(issuer(), { ...options, algorithms: ['HS256'] }), /oidc: unsupported signing alg: "HS256"/);
  const elsewhere = { ...issuer().issuer, egressSelectorType: 'cluster' };
  assert.throws(() => jwtTokens(issuer({ issuer: elsewhere }), options), /egress lookup required with egress selector type "cluster"/);
});

test('jwtTokens finds groups that another issuer knows', async () => {
  const source = (endpoint: string): Record<string, unknown> => ({
    sub: 'jane',
    _claim_names: { groups: 'src' },
    _claim_sources: { src: { endpoint: `${provider.url}${endpoint}`, access_token: 'secret' } },
  });
  distributed = await token({ groups: ['far'] });
  assert.deepEqual(await authenticate(issuer(), await token(source('/groups'))), { name: 'oidc:jane', groups: ['far'] });
  assert.equal(provider.requests.find(({ path }) => path === '/groups')?.headers.authorization, 'Bearer secret');
  assert.deepEqual(await authenticate(issuer(), await token({ ...source('/groups'), groups: ['near'] })), {
    name: 'oidc:jane',
    groups: ['near'],
  });
  const refused = async (claims: Record<string, unknown>, why: RegExp): Promise<void> => {
    const presented = await token(claims);
    await assert.rejects(authenticate(issuer(), presented), (error) => error instanceof AuthenticationError && why.test(error.message));
  };
  await refused(source('/missing'), /could not expand distributed claims: while getting distributed claim "groups": .* 404/);
  await refused({ ...source('/groups'), _claim_sources: undefined }, /oidc: no claim sources/);
  await refused({ ...source('/groups'), _claim_sources: {} }, /id token _claim_names contained a source src missing in _claims_sources/);
  distributed = await token({ groups: ['far'] }, { audience: 'else' });
  await refused(source('/groups'), /expected audience in \["app"\] got \["else"\]/);
  distributed = await token({ roles: ['far'] });
  await refused(source('/groups'), /did not contain claim: groups/);
});

test('jwtTokens asks for groups again after ten seconds', async () => {
  const clock = new ManualClock(systemClock.now());
  const tokens = jwtTokens(issuer(), { audiences: API, outbound, clock });
  const presented = await token({
    sub: 'jane',
    _claim_names: { groups: 'src' },
    _claim_sources: { src: { endpoint: `${provider.url}/groups` } },
  });
  const groups = async (): Promise<unknown> => (await tokens.authenticate(presented, API))?.user.groups;
  distributed = await token({ groups: ['before'] });
  assert.deepEqual(await groups(), ['before']);
  distributed = await token({ groups: ['after'] });
  clock.advance(9_000);
  assert.deepEqual(await groups(), ['before']);
  clock.advance(2_000);
  assert.deepEqual(await groups(), ['after']);
});

test('jwtTokens refuses expressions that do not compile', () => {
  const wrong = issuer({ claimMappings: { username: { expression: 'claims.sub +' } } });
  assert.throws(() => jwtTokens(wrong, { audiences: API, outbound, clock: systemClock }), ConfigurationError);
});

test('staticTokens reads users, uids and quoted groups', async () => {
  const tokens = staticTokens('abc,jane,7,"dev,ops"\n\ndef, bob ,8\n', API);
  assert.deepEqual(await tokens.authenticate('abc', API), { user: { name: 'jane', uid: '7', groups: ['dev', 'ops'] }, audiences: API });
  assert.deepEqual((await tokens.authenticate('def', API))?.user, { name: 'bob', uid: '8', groups: [] });
  assert.equal(await tokens.authenticate('other', API), undefined);
  assert.throws(() => staticTokens('abc,jane', API), /line 1: must have at least 3 columns/);
});

test('webhookTokens asks once for each token, and again when its answer has aged', async () => {
  const clock = new ManualClock();
  let asked = 0;
  const webhook = {
    post: async (body: string): Promise<unknown> => {
      asked++;
      const { spec } = JSON.parse(body) as { readonly spec: { readonly token: string } };
      return spec.token === 'good'
        ? { status: { authenticated: true, user: { username: 'jane', groups: ['a'] } } }
        : { status: { error: 'no such token' } };
    },
  };
  const tokens = webhookTokens({ webhook, version: 'v1', cacheMs: 120_000, audiences: API, clock });
  const both = await Promise.all([tokens.authenticate('good', API), tokens.authenticate('good', API)]);
  assert.deepEqual(both[0], { user: { name: 'jane', groups: ['a'] }, audiences: API });
  assert.equal(asked, 1);
  await assert.rejects(async () => tokens.authenticate('bad', API), /no such token/);
  clock.advance(120_001);
  await tokens.authenticate('good', API);
  assert.equal(asked, 3);
});
