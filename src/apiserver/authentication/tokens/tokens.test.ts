import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secrets } from '#api/resources.ts';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { MemoryReader } from '../../authorization/testing.ts';
import { AuthenticationError, type AuthenticationRequest } from '../contract.ts';
import { bearerAuthenticator } from './bearer.ts';
import { bootstrapTokens } from './bootstrap.ts';
import type { TokenAuthenticator } from './contract.ts';

const AUDIENCES = ['api'];

function request(headers: Readonly<Record<string, string>>): AuthenticationRequest {
  const query: AuthenticationRequest['query'] = { get: () => undefined, getAll: () => [], has: () => false };
  return {
    header: (name) => headers[name],
    clientCertificate: undefined,
    path: '/',
    query,
    remoteAddress: '',
    signal: new AbortController().signal,
  };
}

const user = (name: string) => ({ user: { name, groups: [] }, audiences: AUDIENCES });
const kind = (name: string, authenticate: TokenAuthenticator['authenticate']): TokenAuthenticator => ({ name, authenticate });
const refuses = (why: string) =>
  kind('refuses', () => {
    throw new AuthenticationError(why);
  });
const ignores = kind('ignores', () => undefined);
const accepts = kind('accepts', (token) => user(token));
const acceptsLater = kind('accepts later', (token) => Promise.resolve(user(token)));
const ignoresLater = kind('ignores later', () => Promise.resolve(undefined));

for (const c of [
  { name: 'of the Authorization header', headers: { authorization: 'Bearer abc' }, token: 'abc' },
  { name: 'in any case of the scheme', headers: { authorization: '  bEaReR abc  ' }, token: 'abc' },
  {
    name: 'of a WebSocket subprotocol',
    headers: {
      upgrade: 'websocket',
      'sec-websocket-protocol': `v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.${Buffer.from('abc').toString('base64url')}`,
    },
    token: 'abc',
  },
]) {
  test(`bearerAuthenticator takes the token ${c.name}`, async () => {
    assert.equal((await bearerAuthenticator([accepts], AUDIENCES).authenticate(request(c.headers)))?.user.name, c.token);
  });
}

for (const headers of [
  {},
  { authorization: 'Basic abc' },
  { authorization: 'Bearer' },
  { authorization: 'Bearer  abc' },
  { 'sec-websocket-protocol': 'base64url.bearer.authorization.k8s.io.YWJj' },
]) {
  test(`bearerAuthenticator has no opinion on ${JSON.stringify(headers)}`, async () => {
    assert.equal(await bearerAuthenticator([accepts], AUDIENCES).authenticate(request(headers)), undefined);
  });
}

test('bearerAuthenticator asks kinds in order until one accepts', async () => {
  for (const kinds of [
    [ignores, accepts],
    [refuses('no'), accepts],
    [ignoresLater, acceptsLater],
    [ignores, refuses('no'), acceptsLater],
  ]) {
    const answer = await bearerAuthenticator(kinds, AUDIENCES).authenticate(request({ authorization: 'Bearer abc' }));
    assert.equal(answer?.user.name, 'abc');
  }
});

for (const c of [
  { kinds: [ignores], why: 'invalid bearer token' },
  { kinds: [refuses('a'), ignoresLater], why: 'a' },
  { kinds: [refuses('a'), ignoresLater, refuses('b')], why: '[a, b]' },
]) {
  test(`bearerAuthenticator refuses with ${c.why}`, async () => {
    const authenticator = bearerAuthenticator(c.kinds, AUDIENCES);
    await assert.rejects(async () => authenticator.authenticate(request({ authorization: 'Bearer abc' })), new AuthenticationError(c.why));
  });
}

test('bearerAuthenticator lets bugs through', async () => {
  const broken = kind('broken', () => {
    throw new TypeError('bug');
  });
  await assert.rejects(
    async () => bearerAuthenticator([broken], AUDIENCES).authenticate(request({ authorization: 'Bearer abc' })),
    TypeError,
  );
});

function bootstrap(data: Readonly<Record<string, string>>, type = 'bootstrap.kubernetes.io/token') {
  const reader = new MemoryReader();
  const whole = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', ...data };
  const encoded = Object.fromEntries(Object.entries(whole).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
  reader.put(secrets, { metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' }, type, data: encoded });
  return bootstrapTokens({ audiences: AUDIENCES, reader, clock: new ManualClock(), logger: silentLogger });
}

test('bootstrapTokens accepts a token with its groups', async () => {
  const answer = await bootstrap({ 'auth-extra-groups': 'system:bootstrappers:worker,system:bootstrappers:a' }).authenticate(
    'abcdef.0123456789abcdef',
    AUDIENCES,
  );
  assert.deepEqual(answer?.user, {
    name: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers', 'system:bootstrappers:a', 'system:bootstrappers:worker'],
  });
});

for (const c of [
  { name: 'another secret part', tokens: bootstrap({}), token: 'abcdef.0123456789abcdee' },
  { name: 'no such Secret', tokens: bootstrap({}), token: 'abcdeg.0123456789abcdef' },
  { name: 'another form', tokens: bootstrap({}), token: 'abcdef.0123456789abcdef0' },
  { name: 'another type of Secret', tokens: bootstrap({}, 'Opaque'), token: 'abcdef.0123456789abcdef' },
  { name: 'an expired token', tokens: bootstrap({ expiration: '2026-01-01T00:00:00Z' }), token: 'abcdef.0123456789abcdef' },
  { name: 'an expiration nobody can read', tokens: bootstrap({ expiration: 'soon' }), token: 'abcdef.0123456789abcdef' },
  { name: 'a token for signing only', tokens: bootstrap({ 'usage-bootstrap-authentication': 'false' }), token: 'abcdef.0123456789abcdef' },
  { name: 'a group of another kind', tokens: bootstrap({ 'auth-extra-groups': 'system:masters' }), token: 'abcdef.0123456789abcdef' },
]) {
  test(`bootstrapTokens does not know ${c.name}`, async () => assert.equal(await c.tokens.authenticate(c.token, AUDIENCES), undefined));
}

test('bootstrapTokens are for this server only', async () => {
  assert.equal(await bootstrap({}).authenticate('abcdef.0123456789abcdef', ['vault']), undefined);
});
