// Requests of pods for certificates: keys with their proofs, and what a signer may answer.
import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, sign, webcrypto, type KeyObject } from 'node:crypto';
import { before, test } from 'node:test';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { Problems } from '../problems.ts';
import { createErrors, kindOf, objectOf, updateErrors } from '../fixture.ts';
import { issuedNow } from './pod-request-status.ts';

x509.cryptoProvider.set(webcrypto);

const KIND = 'certificates.k8s.io/v1beta1/PodCertificateRequest';
const SIGNED = { name: 'ECDSA', hash: 'SHA-256' } as const;
const UID = 'pod-uid';
const NOW = Date.parse('2026-01-01T00:00:00Z');
const HOUR = 3_600_000;

const spec = {
  signerName: 'example.com/own',
  podName: 'web',
  podUID: UID,
  serviceAccountName: 'default',
  serviceAccountUID: 'a',
  nodeName: 'n',
  nodeUID: 'b',
};

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const spki = ({ publicKey }: Pair): string => publicKey.export({ format: 'der', type: 'spki' }).toString('base64');

function proof({ privateKey }: Pair, uid = UID): string {
  const rsa = privateKey.asymmetricKeyType === 'rsa';
  const key = rsa ? { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING } : privateKey;
  return sign(privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256', Buffer.from(uid), key).toString('base64');
}

const curve = (namedCurve: string): Pair => generateKeyPairSync('ec', { namedCurve });
const rsa = (modulusLength: number): Pair => generateKeyPairSync('rsa', { modulusLength });
const own = curve('P-256');
const keyed = (pair: Pair, uid = UID): object => ({ ...spec, pkixPublicKey: spki(pair), proofOfPossession: proof(pair, uid) });

let keys: webcrypto.CryptoKeyPair;
let stub: string;
before(async () => {
  keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  stub = Buffer.from((await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: SIGNED })).rawData).toString('base64');
});

for (const [name, pair, error] of [
  ['Ed25519', generateKeyPairSync('ed25519'), undefined],
  ['P-256', own, undefined],
  ['P-521', curve('P-521'), undefined],
  ['RSA of 3072 bits', rsa(3072), undefined],
  ['RSA of 2048 bits', rsa(2048), '"2048-bit modulus": RSA keys must have modulus size 3072 or 4096'],
  ['P-224', curve('secp224r1'), '"curve P-224": elliptic public keys must use curve P256 or P384'],
] as const) {
  test(`a key of ${name} is ${error === undefined ? 'taken with its proof' : `refused: ${error}`}`, () => {
    assert.deepEqual(createErrors(KIND, { spec: keyed(pair) }), error === undefined ? [] : [`spec.pkixPublicKey: Invalid value: ${error}`]);
    if (error !== undefined) return;
    assert.deepEqual(createErrors(KIND, { spec: keyed(pair, 'another') }), [
      'spec.proofOfPossession: Invalid value: could not verify proof-of-possession signature',
    ]);
  });
}

test('a PKCS#10 request stands for key and proof', () => {
  assert.deepEqual(createErrors(KIND, { spec: { ...spec, stubPKCS10Request: stub } }), []);
  const one = 'spec: Invalid value: exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set';
  assert.deepEqual(createErrors(KIND, { spec }), [one]);
  assert.deepEqual(createErrors(KIND, { spec: { ...keyed(own), stubPKCS10Request: stub } }), [one]);
  const broken = Buffer.from(stub, 'base64').subarray(0, -4).toString('base64');
  assert.deepEqual(createErrors(KIND, { spec: { ...spec, stubPKCS10Request: broken } }), [
    `spec.stubPKCS10Request: Invalid value: "${broken}": must be a valid PKCS#10 CSR`,
  ]);
});

test('who asks is named, for an hour at least, and for a day by the signers of Kubernetes', () => {
  const errors = (more: object): readonly string[] => createErrors(KIND, { spec: { ...keyed(own), ...more } });
  assert.deepEqual(errors({ nodeUID: '', serviceAccountUID: 'x'.repeat(129) }), [
    'spec.serviceAccountUID: Too long: may not be more than 128 bytes',
    'spec.nodeUID: Invalid value: "": must not be empty',
  ]);
  assert.deepEqual(errors({ maxExpirationSeconds: 3599 }), [
    'spec.maxExpirationSeconds: Invalid value: 3599: must be in the range [3600, 7862400]',
  ]);
  const long = { signerName: 'kubernetes.io/kube-apiserver-client-pod', maxExpirationSeconds: 86401 };
  assert.deepEqual(errors(long), ['spec.maxExpirationSeconds: Invalid value: 86401: must be in the range [3600, 86400]']);
  assert.deepEqual(errors({ unverifiedUserAnnotations: { plain: 'x' } }), [
    'spec.unverifiedUserAnnotations: Invalid value: "plain": must be a domain-prefixed key (such as "acme.io/foo")',
  ]);
});

const condition = (type: string, status = 'True'): object => ({
  type,
  status,
  reason: 'R',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const time = (ms: number): string => new Date(ms).toISOString().replace('.000', '');

async function issued(life: number, more: object = {}, to = keys, names: readonly string[] = []): Promise<object> {
  const signer = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.create({
    publicKey: to.publicKey,
    signingKey: signer.privateKey,
    notBefore: new Date(NOW),
    notAfter: new Date(NOW + life),
    signingAlgorithm: SIGNED,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })))],
  });
  return {
    conditions: [condition('Issued')],
    certificateChain: `${made.toString('pem')}\n`,
    notBefore: time(NOW),
    notAfter: time(NOW + life),
    beginRefreshAt: time(NOW + life / 2),
    ...more,
  };
}

const answerErrors = (status: object, before: object = {}): readonly string[] => {
  const request = { spec: { ...spec, stubPKCS10Request: stub } };
  return updateErrors(KIND, { ...request, status }, { ...request, status: before }, 'status').map((text) =>
    text.replace(/"-----BEGIN[^"]*"/, 'PEM'),
  );
};

test('a certificate is issued to the key that asked, for as long as it asked, with its times', async () => {
  const chain = (why: string): readonly string[] => [`status.certificateChain: Invalid value: ${why}`];
  assert.deepEqual(answerErrors(await issued(24 * HOUR)), []);
  const others = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  assert.deepEqual(
    answerErrors(await issued(24 * HOUR, {}, others)),
    chain('PEM: leaf certificate was not issued to the requested public key'),
  );
  assert.deepEqual(
    answerErrors(await issued(25 * HOUR)),
    chain('90000000000000: leaf certificate lifetime must be <= spec.maxExpirationSeconds (86400)'),
  );
  assert.deepEqual(answerErrors(await issued(HOUR / 2)), chain('1800000000000: leaf certificate lifetime must be >= 1 hour'));
  assert.deepEqual(
    answerErrors(await issued(HOUR, {}, keys, ['a..b', 'c.d'])),
    chain("\"a..b\": leaf certificate's DNSName should not contain '..'"),
  );
  assert.deepEqual(
    answerErrors(await issued(HOUR, { certificateChain: 'x' })),
    chain('"x": issued certificate chain must contain at least one certificate'),
  );
  assert.deepEqual(answerErrors(await issued(HOUR, { beginRefreshAt: time(NOW + 9 * 60_000) })), [
    'status.beginRefreshAt: Invalid value: "2026-01-01T00:09:00Z": must be at least 10 minutes after status.notBefore',
  ]);
  assert.deepEqual(answerErrors(await issued(HOUR, { notAfter: undefined })), [
    'status.notAfter: Required value: must be present and consistent with the issued certificate',
  ]);
});

test('a certificate begins about when it is handed in', async () => {
  const request = objectOf(kindOf(KIND), { spec, status: await issued(HOUR) }) as never;
  const old = objectOf(kindOf(KIND), { spec }) as never;
  const errors = (now: number): number => {
    const out = new Problems();
    issuedNow(out, request, old, now);
    return out.list.length;
  };
  assert.deepEqual([errors(NOW + 299_000), errors(NOW + 300_000), errors(NOW - 300_000)], [0, 1, 1]);
});

test('there is one outcome, and it stays', async () => {
  assert.deepEqual(answerErrors({ conditions: [condition('Denied')] }), []);
  assert.deepEqual(answerErrors({ conditions: [condition('Denied')], certificateChain: 'x' }), [
    'status: Invalid value: non-condition status fields must be empty when denying or failing the PodCertificateRequest',
  ]);
  assert.deepEqual(answerErrors({ conditions: [condition('Failed')] }, { conditions: [condition('Denied')] }), [
    'status: Invalid value: immutable after PodCertificateRequest is issued, denied, or failed',
  ]);
  assert.deepEqual(answerErrors({ conditions: [condition('Denied'), condition('Failed', 'False')] }), [
    'status.conditions.[1].type: Invalid value: "Failed": There may be at most one condition with type "Issued", "Denied", or "Failed"',
    'status.conditions.[1].status: Unsupported value: "False": supported values: "True"',
  ]);
  assert.deepEqual(answerErrors({ certificateChain: 'x' }), [
    'status: Invalid value: status is immutable unless transitioning to "Issued", "Denied", or "Failed"',
  ]);
});
