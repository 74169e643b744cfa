import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import type { TokenRequest } from '#api/gen/authentication-v1.ts';
import { nodes, pods, secrets, serviceaccounts } from '#api/resources.ts';
import type { ServiceAccount } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { MemoryReader } from '../../authorization/testing.ts';
import { AuthenticationError } from '../contract.ts';
import { parseToken } from './claims.ts';
import { issuerProblem, jsonWebKeySet, openIdConfiguration } from './discovery.ts';
import { ServiceAccountTokenIssuer } from './issuer.ts';
import { signingKey, verifyingKey, type SigningKey } from './keys.ts';
import { createToken, PROJECTED_TOKEN_SECONDS, type TokenRequestDeps } from './token-request.ts';
import { serviceAccountTokens } from './tokens.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const AUDIENCES = [ISSUER];
const rsa = signingKey(generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }) as string);
const ec = signingKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }) as string);

function setUp(key: SigningKey = ec) {
  const clock = new ManualClock();
  const reader = new MemoryReader();
  const account = reader.put(serviceaccounts, { metadata: { name: 'web', namespace: 'a', uid: 'sa-1' } });
  reader.put(pods, { metadata: { name: 'p', namespace: 'a', uid: 'pod-1' }, spec: { serviceAccountName: 'web', nodeName: 'n' } });
  reader.put(nodes, { metadata: { name: 'n', uid: 'node-1' } });
  reader.put(secrets, { metadata: { name: 's', namespace: 'a', uid: 'secret-1' } });
  const issuer = new ServiceAccountTokenIssuer({ issuer: ISSUER, key, clock, ids: seededIds(1) });
  const uses: string[] = [];
  const tokens = serviceAccountTokens({
    issuers: [ISSUER],
    audiences: AUDIENCES,
    keys: [rsa, ec],
    reader,
    clock,
    onLegacyUse: ({ secretName }) => uses.push(secretName),
  });
  const deps: TokenRequestDeps = { issuer, audiences: AUDIENCES, reader, clock, projectedTokens: 'extend' };
  return { clock, reader, account, issuer, tokens, deps, uses };
}

const boundPod = (account: ServiceAccount, expiresIn = 600) => ({
  account,
  audiences: AUDIENCES,
  expiresIn,
  pod: { name: 'p', uid: 'pod-1' },
  node: { name: 'n', uid: 'node-1' },
});

for (const [name, key] of [
  ['RS256', rsa],
  ['ES256', ec],
] as const) {
  test(`serviceAccountTokens accepts what the issuer signed with ${name}`, async () => {
    const { issuer, tokens, account } = setUp(key);
    const { token, id } = issuer.issue(boundPod(account));
    assert.equal(parseToken(token)?.algorithm, name);
    const answer = await tokens.authenticate(token, AUDIENCES);
    assert.deepEqual(answer, {
      audiences: AUDIENCES,
      user: {
        name: 'system:serviceaccount:a:web',
        uid: 'sa-1',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:a'],
        extra: {
          'authentication.kubernetes.io/pod-name': ['p'],
          'authentication.kubernetes.io/pod-uid': ['pod-1'],
          'authentication.kubernetes.io/credential-id': [`JTI=${id}`],
          'authentication.kubernetes.io/node-name': ['n'],
          'authentication.kubernetes.io/node-uid': ['node-1'],
        },
      },
    });
    assert.equal(await tokens.authenticate(token, AUDIENCES), answer, 'the same object from the cache');
  });
}

test('issuer writes claims as upstream does', () => {
  const { issuer, account } = setUp();
  const { token } = issuer.issue({ ...boundPod(account), warnAfter: 10 });
  const now = Date.UTC(2026, 0, 1) / 1_000;
  const claims = Buffer.from(token.split('.')[1] as string, 'base64url').toString();
  const jti = (JSON.parse(claims) as { jti: string }).jti;
  assert.equal(
    claims,
    `{"aud":["${ISSUER}"],"exp":${now + 600},"iat":${now},"iss":"${ISSUER}","jti":"${jti}",` +
      '"kubernetes.io":{"namespace":"a","node":{"name":"n","uid":"node-1"},"pod":{"name":"p","uid":"pod-1"},' +
      `"serviceaccount":{"name":"web","uid":"sa-1"},"warnafter":${now + 10}},"nbf":${now},"sub":"system:serviceaccount:a:web"}`,
  );
});

for (const c of [
  { name: 'the account is gone', act: (r: MemoryReader) => r.remove(serviceaccounts, 'web', 'a'), why: /serviceaccounts "web" not found/ },
  {
    name: 'the account was made anew',
    act: (r: MemoryReader) => r.put(serviceaccounts, { metadata: { name: 'web', namespace: 'a', uid: 'sa-2' } }),
    why: /service account UID \(sa-2\) does not match claim \(sa-1\)/,
  },
  { name: 'the pod is gone', act: (r: MemoryReader) => r.remove(pods, 'p', 'a'), why: /service account token has been invalidated/ },
  {
    name: 'the pod was made anew',
    act: (r: MemoryReader) => r.put(pods, { metadata: { name: 'p', namespace: 'a', uid: 'pod-2' } }),
    why: /pod UID \(pod-2\) does not match service account pod ref claim \(pod-1\)/,
  },
  {
    name: 'the pod was deleted more than a minute ago',
    act: (r: MemoryReader) =>
      r.put(pods, { metadata: { name: 'p', namespace: 'a', uid: 'pod-1', deletionTimestamp: '2025-12-31T23:58:59Z' } }),
    why: /service account token has been invalidated/,
  },
]) {
  test(`serviceAccountTokens refuses a cached token when ${c.name}`, async () => {
    const { issuer, tokens, account, reader } = setUp();
    const { token } = issuer.issue(boundPod(account));
    await tokens.authenticate(token, AUDIENCES);
    c.act(reader);
    await assert.rejects(async () => tokens.authenticate(token, AUDIENCES), { name: 'AuthenticationError', message: c.why });
  });
}

test('serviceAccountTokens goes by the pod alone when the node of a pod-bound token is gone', async () => {
  const { issuer, tokens, account, reader } = setUp();
  const { token } = issuer.issue(boundPod(account));
  reader.remove(nodes, 'n');
  assert.notEqual(await tokens.authenticate(token, AUDIENCES), undefined);
});

test('serviceAccountTokens waits for the cache before it refuses for a missing object', async () => {
  const { issuer, tokens, account, reader } = setUp();
  reader.remove(pods, 'p', 'a');
  reader.onCatchUp = () => reader.put(pods, { metadata: { name: 'p', namespace: 'a', uid: 'pod-1' } });
  const { token } = issuer.issue(boundPod(account));
  assert.notEqual(await tokens.authenticate(token, AUDIENCES), undefined);
});

test('serviceAccountTokens refuses an expired token, a minute late', () => {
  const { issuer, tokens, account, clock } = setUp();
  const { token } = issuer.issue(boundPod(account, 600));
  clock.advance(659_000);
  assert.notEqual(tokens.authenticate(token, AUDIENCES), undefined);
  clock.advance(2_000);
  assert.throws(() => tokens.authenticate(token, AUDIENCES), new AuthenticationError('service account token has expired'));
});

test('serviceAccountTokens refuses other audiences', () => {
  const { issuer, tokens, account } = setUp();
  const { token } = issuer.issue({ ...boundPod(account), audiences: ['vault'] });
  assert.throws(() => tokens.authenticate(token, AUDIENCES), /token audiences \["vault"\] is invalid for the target audiences/);
  assert.notEqual(tokens.authenticate(token, ['vault', 'other']), undefined);
});

test('serviceAccountTokens refuses changed, unsigned and confused tokens', () => {
  const { issuer, tokens, account } = setUp(ec);
  const { token } = issuer.issue(boundPod(account));
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  const forged = encode({ ...claims, sub: 'system:serviceaccount:kube-system:admin' });
  for (const bad of [
    `${header}.${forged}.${signature}`,
    `${encode({ alg: 'none' })}.${payload}.`,
    `${encode({ alg: 'HS256', kid: ec.id })}.${payload}.${signature}`,
    `${encode({ alg: 'RS256', kid: rsa.id })}.${payload}.${signature}`,
    `${encode({ alg: 'ES256', kid: 'unknown' })}.${payload}.${signature}`,
  ]) {
    assert.throws(() => tokens.authenticate(bad, AUDIENCES), AuthenticationError, bad);
  }
  for (const other of ['', 'a.b.c', 'abcdef.0123456789abcdef', `${header}.${encode({ iss: 'https://other' })}.x`]) {
    assert.equal(tokens.authenticate(other, AUDIENCES), undefined);
  }
});

test('serviceAccountTokens accepts a token of a Secret as long as the Secret holds it', async () => {
  const { issuer, tokens, account, reader, uses } = setUp();
  const token = issuer.issueLegacy(account, 'tok');
  const secret = { metadata: { name: 'tok', namespace: 'a', uid: 'x' }, data: { token: Buffer.from(token).toString('base64') } };
  reader.put(secrets, secret);
  const answer = await tokens.authenticate(token, AUDIENCES);
  assert.deepEqual(answer?.user, {
    name: 'system:serviceaccount:a:web',
    uid: 'sa-1',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:a'],
  });
  assert.deepEqual(uses, ['tok']);
  reader.put(secrets, {
    ...secret,
    metadata: { ...secret.metadata, labels: { 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' } },
  });
  await assert.rejects(async () => tokens.authenticate(token, AUDIENCES), /has been marked invalid/);
  reader.put(secrets, { ...secret, data: { token: 'YQ==' } });
  await assert.rejects(async () => tokens.authenticate(token, AUDIENCES), /Token does not match server's copy/);
});

const tokenRequest = (spec: Partial<TokenRequest['spec']> = {}, metadata = {}): TokenRequest => ({
  kind: 'TokenRequest',
  apiVersion: 'authentication.k8s.io/v1',
  metadata,
  spec: { audiences: null, expirationSeconds: 3_600, boundObjectRef: null, ...spec },
  status: { token: '', expirationTimestamp: null },
});

function call(request: TokenRequest) {
  const warned: string[] = [];
  const annotated: Record<string, string> = {};
  return {
    warned,
    annotated,
    namespace: 'a',
    name: 'web',
    request,
    warnings: { add: (text: string) => void warned.push(text), texts: warned },
    audit: { add: (key: string, value: string) => void (annotated[key] = value), entries: annotated, requestEntries: {} },
  };
}

test('createToken fills the request in and issues a token that is accepted', async () => {
  const { deps, tokens } = setUp();
  const asked = call(tokenRequest({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'pod-1' } }));
  const answer = await createToken(asked, deps);
  assert.deepEqual(answer.metadata, { name: 'web', namespace: 'a', uid: 'sa-1', creationTimestamp: '2026-01-01T00:00:00Z' });
  assert.deepEqual(answer.spec.audiences, AUDIENCES);
  assert.equal(answer.status.expirationTimestamp, '2026-01-01T01:00:00Z');
  const response = await tokens.authenticate(answer.status.token, AUDIENCES);
  assert.deepEqual(response?.user.extra?.['authentication.kubernetes.io/node-name'], ['n']);
  assert.equal(
    asked.annotated['authentication.kubernetes.io/issued-credential-id'],
    response?.user.extra?.['authentication.kubernetes.io/credential-id']?.[0],
  );
});

test('createToken lets the projected token of a pod outlive its term, and says when to warn', async () => {
  const { deps } = setUp();
  const bound = { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' }, expirationSeconds: PROJECTED_TOKEN_SECONDS };
  const { status } = await createToken(call(tokenRequest(bound)), deps);
  const claims = parseToken(status.token)?.claims;
  assert.equal((claims?.exp ?? 0) - (claims?.iat ?? 0), 365 * 24 * 3_600);
  assert.equal((claims?.['kubernetes.io']?.warnafter ?? 0) - (claims?.iat ?? 0), PROJECTED_TOKEN_SECONDS);
  assert.equal(status.expirationTimestamp, '2026-01-01T01:00:07Z');
});

for (const c of [
  {
    name: 'a term under ten minutes',
    request: tokenRequest({ expirationSeconds: 599 }),
    reason: 'Invalid',
    message: /spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes/,
  },
  {
    name: 'a term over 2^32 seconds',
    request: tokenRequest({ expirationSeconds: 2 ** 32 + 1 }),
    reason: 'Invalid',
    message: /larger than 2\^32 seconds/,
  },
  {
    name: 'another name in the body',
    request: tokenRequest({}, { name: 'x' }),
    reason: 'Invalid',
    message: /metadata.name: Invalid value: "x": must match the service account name if specified/,
  },
  {
    name: 'another uid in the body',
    request: tokenRequest({}, { uid: 'x' }),
    reason: 'Conflict',
    message: /the UID in the token request \(x\) does not match the UID of the service account \(sa-1\)/,
  },
  {
    name: 'a pod that does not exist',
    request: tokenRequest({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'q' } }),
    reason: 'NotFound',
    message: /pods "q" not found/,
  },
  {
    name: 'a pod of another uid',
    request: tokenRequest({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'x' } }),
    reason: 'Conflict',
    message: /the UID in the bound object reference \(x\) does not match/,
  },
  {
    name: 'an object of another kind',
    request: tokenRequest({ boundObjectRef: { kind: 'Deployment', apiVersion: 'apps/v1', name: 'p' } }),
    reason: 'BadRequest',
    message: /cannot bind token to object of type apps\/v1, Kind=Deployment/,
  },
]) {
  test(`createToken refuses ${c.name}`, async () => {
    await assert.rejects(createToken(call(c.request), setUp().deps), (error: unknown) => {
      assert.ok(error instanceof StatusError);
      assert.equal(error.reason, c.reason);
      assert.match(error.message, c.message);
      return true;
    });
  });
}

test('createToken refuses a pod of another account', async () => {
  const { deps, reader } = setUp();
  reader.put(pods, { metadata: { name: 'p', namespace: 'a', uid: 'pod-1' }, spec: { serviceAccountName: 'db' } });
  const request = tokenRequest({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } });
  await assert.rejects(
    createToken(call(request), deps),
    /cannot bind token for serviceaccount "web" to pod running with different serviceaccount name/,
  );
});

test('createToken shortens to the maximum and warns', async () => {
  const { deps } = setUp();
  const asked = call(tokenRequest({ expirationSeconds: 7_200 }));
  const answer = await createToken(asked, { ...deps, maxExpirationSeconds: 3_600 });
  assert.equal(answer.spec.expirationSeconds, 3_600);
  assert.deepEqual(asked.warned, ['requested expiration of 7200 seconds shortened to 3600 seconds']);
});

test('jsonWebKeySet gives keys that verify tokens', () => {
  const { issuer, account } = setUp(ec);
  const { keys } = jsonWebKeySet({ keys: [rsa, ec] });
  assert.deepEqual(
    keys.map(({ kid, alg, use }) => ({ kid, alg, use })),
    [
      { kid: rsa.id, alg: 'RS256', use: 'sig' },
      { kid: ec.id, alg: 'ES256', use: 'sig' },
    ],
  );
  assert.ok(
    keys.every((key) => !('d' in key)),
    'no private part',
  );
  const parsed = parseToken(issuer.issue(boundPod(account)).token);
  const key = createPublicKey({ key: keys[1] as Record<string, string>, format: 'jwk' });
  assert.ok(verify('sha256', Buffer.from(parsed?.signed ?? ''), { key, dsaEncoding: 'ieee-p1363' }, parsed?.signature as Uint8Array));
});

test('openIdConfiguration describes the issuer', () => {
  assert.deepEqual(openIdConfiguration({ issuer: ISSUER, jwksUri: 'https://h/openid/v1/jwks', keys: [rsa, ec] }), {
    issuer: ISSUER,
    jwks_uri: 'https://h/openid/v1/jwks',
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256', 'RS256'],
  });
  assert.equal(issuerProblem(ISSUER), undefined);
  assert.match(issuerProblem('http://x') ?? '', /must use https/);
  assert.match(issuerProblem('https://x?a=b') ?? '', /may not include a query/);
});

test('verifyingKey derives the key id from the public key alone', () => {
  const pem = ec.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  assert.equal(verifyingKey(pem).id, ec.id);
  assert.equal(
    ec.id,
    createHash('sha256')
      .update(ec.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64url'),
  );
});
