import assert from 'node:assert/strict';
import { webcrypto, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { ManualClock } from '#base/clock.ts';
import { AuthenticationError, type AuthenticationRequest } from './contract.ts';
import { frontProxyAuthenticator, type RequestWithHeaders } from './front-proxy.ts';
import { certificateSubject, DerError } from './subject.ts';
import { x509Authenticator } from './x509.ts';

x509.cryptoProvider.set(webcrypto);
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 1);

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

async function authority(name: string): Promise<Authority> {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    notBefore: new Date(START - DAY_MS),
    notAfter: new Date(START + 100 * DAY_MS),
    extensions: [new x509.BasicConstraintsExtension(true)],
  });
  return { certificate, keys };
}

async function leaf(
  ca: Authority,
  subject: x509.JsonName,
  usages: string[] = [x509.ExtendedKeyUsage.clientAuth],
): Promise<X509Certificate> {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: ca.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: ca.keys.privateKey,
    notBefore: new Date(START - DAY_MS),
    notAfter: new Date(START + DAY_MS),
    extensions: usages.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(usages)],
  });
  return new X509Certificate(Buffer.from(certificate.rawData));
}

const native = (ca: Authority): X509Certificate => new X509Certificate(Buffer.from(ca.certificate.rawData));

function request(clientCertificate: X509Certificate | undefined, rawHeaders: readonly string[] = []): RequestWithHeaders {
  const query: AuthenticationRequest['query'] = { get: () => undefined, getAll: () => [], has: () => false };
  const header = (name: string): string | undefined =>
    rawHeaders[rawHeaders.findIndex((at, i) => i % 2 === 0 && at.toLowerCase() === name) + 1];
  return {
    header: (name) => (rawHeaders.some((at, i) => i % 2 === 0 && at.toLowerCase() === name) ? header(name) : undefined),
    rawHeaders,
    clientCertificate,
    path: '/',
    query,
    remoteAddress: '',
    signal: new AbortController().signal,
  };
}

const ca = await authority('CN=ca');
const other = await authority('CN=other');

test('x509Authenticator takes the last common name as user and organisations as groups', async () => {
  const certificate = await leaf(ca, [{ CN: ['old'] }, { CN: ['jane, "the\nadmin"'] }, { O: ['a'] }, { O: ['b,c'] }, { O: ['a'] }]);
  const authenticator = x509Authenticator({ authorities: [native(ca)], clock: new ManualClock(START) });
  const answer = await authenticator.authenticate(request(certificate));
  assert.equal(answer?.user.name, 'jane, "the\nadmin"');
  assert.deepEqual(answer?.user.groups, ['a', 'b,c']);
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  assert.deepEqual(answer?.user.extra, { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] });
  assert.equal(await authenticator.authenticate(request(certificate)), answer, 'the same object each time');
});

test('x509Authenticator reads the user uid of the Kubernetes OID', async () => {
  const certificate = await leaf(ca, [{ CN: ['jane'] }, { '1.3.6.1.4.1.57683.2': ['u-1'] }]);
  const answer = await x509Authenticator({ authorities: [native(ca)], clock: new ManualClock(START) }).authenticate(request(certificate));
  assert.equal(answer?.user.uid, 'u-1');
});

test('x509Authenticator refuses two uids', async () => {
  const certificate = await leaf(ca, [{ CN: ['jane'] }, { '1.3.6.1.4.1.57683.2': ['a'] }, { '1.3.6.1.4.1.57683.2': ['b'] }]);
  const authenticator = x509Authenticator({ authorities: [native(ca)], clock: new ManualClock(START) });
  assert.throws(
    () => authenticator.authenticate(request(certificate)),
    new AuthenticationError('expected 1 UID, but found multiple: [a b]'),
  );
});

test('x509Authenticator has no opinion without a certificate or a name', async () => {
  const authenticator = x509Authenticator({ authorities: [native(ca)], clock: new ManualClock(START) });
  assert.equal(await authenticator.authenticate(request(undefined)), undefined);
  assert.equal(await authenticator.authenticate(request(await leaf(ca, [{ O: ['a'] }]))), undefined);
});

test('x509Authenticator takes nobody’s word without authorities: those of a front proxy’s certificates do not vouch for users', async () => {
  const authenticator = x509Authenticator({ authorities: [], clock: new ManualClock(START) });
  assert.equal(await authenticator.authenticate(request(await leaf(ca, [{ CN: ['jane'] }, { O: ['system:masters'] }]))), undefined);
});

test('x509Authenticator refuses certificates of another authority, for servers, and out of date', async () => {
  const clock = new ManualClock(START);
  const authenticator = x509Authenticator({ authorities: [native(ca)], clock });
  const foreign = await leaf(other, [{ CN: ['jane'] }]);
  assert.throws(() => authenticator.authenticate(request(foreign)), /certificate signed by unknown authority/);
  const serving = await leaf(ca, [{ CN: ['jane'] }], [x509.ExtendedKeyUsage.serverAuth]);
  assert.throws(() => authenticator.authenticate(request(serving)), /incompatible key usage/);
  const good = await leaf(ca, [{ CN: ['jane'] }]);
  assert.notEqual(authenticator.authenticate(request(good)), undefined);
  clock.advance(2 * DAY_MS);
  assert.throws(() => authenticator.authenticate(request(good)), /expired or is not yet valid: current time is after/);
});

test('frontProxyAuthenticator takes the user from headers, values apart', async () => {
  const proxy = await leaf(ca, [{ CN: ['front-proxy-client'] }]);
  const authenticator = frontProxyAuthenticator({
    authorities: [native(ca)],
    allowedNames: ['front-proxy-client'],
    clock: new ManualClock(START),
  });
  const headers = ['X-Remote-User', 'jane', 'X-Remote-Group', 'a, b', 'X-Remote-Group', 'c', 'X-Remote-Extra-Acme.com%2Fteam', 'x'];
  const answer = await authenticator.authenticate(request(proxy, headers));
  assert.deepEqual(answer?.user, { name: 'jane', uid: '', groups: ['a, b', 'c'], extra: { 'acme.com/team': ['x'] } });
  assert.equal(await authenticator.authenticate(request(proxy)), undefined, 'no user header, no opinion');
});

test('frontProxyAuthenticator trusts nobody else', async () => {
  const headers = ['X-Remote-User', 'jane'];
  const clock = new ManualClock(START);
  const authenticator = frontProxyAuthenticator({ authorities: [native(ca)], allowedNames: ['front-proxy-client'], clock });
  assert.equal(await authenticator.authenticate(request(undefined, headers)), undefined);
  const stranger = await leaf(ca, [{ CN: ['jane'] }]);
  assert.throws(
    () => authenticator.authenticate(request(stranger, headers)),
    new AuthenticationError('x509: subject with cn=jane is not in the allowed list'),
  );
  const foreign = await leaf(other, [{ CN: ['front-proxy-client'] }]);
  assert.throws(() => authenticator.authenticate(request(foreign, headers)), AuthenticationError);
});

test('certificateSubject refuses what is no certificate', () => {
  for (const bytes of [[], [0x30], [0x30, 0x05, 1], [0x30, 0x84, 0xff, 0xff, 0xff, 0xff], [0x02, 0x01, 0x01]]) {
    assert.throws(() => certificateSubject(Uint8Array.from(bytes)), DerError);
  }
});
