import 'reflect-metadata';
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { test } from 'node:test';
import { cryptoProvider, Pkcs10CertificateRequestGenerator, X509CertificateGenerator } from '@peculiar/x509';
import { certificateProblem, requestProblem } from './pem.ts';

cryptoProvider.set(webcrypto as Crypto);

const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const PSS = { ...RSA, name: 'RSA-PSS', saltLength: 32 };
const SHA1 = { hash: 'SHA-1' };

type Algorithm = typeof RSA | typeof EC | typeof PSS;

async function requestOf(algorithm: Algorithm): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=x',
    keys: keys as webcrypto.CryptoKeyPair,
    signingAlgorithm: algorithm,
  });
  return `${request.toString('pem')}\n`;
}

/** With the first `from` made `to`. */
function changed(pem: string, from: readonly number[], to: readonly number[]): string {
  const der = Buffer.from(pem.replace(/-----[^-]*-----|\s/g, ''), 'base64');
  const at = der.indexOf(Buffer.from(from));
  assert.ok(at >= 0);
  Buffer.from(to).copy(der, at);
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
}

for (const [what, algorithm, failure] of [
  ['RSA', RSA, 'crypto/rsa: verification error'],
  ['RSA and SHA-1', { ...RSA, ...SHA1 }, 'crypto/rsa: verification error'],
  ['RSA-PSS', PSS, 'crypto/rsa: verification error'],
  ['ECDSA', EC, 'x509: ECDSA verification failure'],
  ['ECDSA and SHA-1', { ...EC, ...SHA1 }, 'x509: ECDSA verification failure'],
] as const) {
  test(`requestProblem accepts a request signed with ${what}`, async () => {
    assert.equal(requestProblem(base64(await requestOf(algorithm))), undefined);
  });

  test(`requestProblem refuses a request whose signature with ${what} is another's`, async () => {
    const name = [0x55, 0x04, 0x03]; // of CN
    assert.equal(requestProblem(base64(changed(await requestOf(algorithm), name, [0x55, 0x04, 0x0a]))), failure);
  });
}

const RSA_WITH = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
for (const [what, algorithm, from, to, problem] of [
  ['MD5', RSA, [...RSA_WITH, 0x0b], [...RSA_WITH, 0x04], 'x509: cannot verify signature: insecure algorithm MD5-RSA'],
  ['SHA-224', RSA, [...RSA_WITH, 0x0b], [...RSA_WITH, 0x0e], 'x509: cannot verify signature: algorithm unimplemented'],
  ['RSA-PSS of a short salt', { ...PSS, saltLength: 20 }, [], [], 'x509: cannot verify signature: algorithm unimplemented'],
  ['a small key', { ...RSA, modulusLength: 512 }, [], [], /^crypto\/rsa: 512-bit keys are insecure/],
] as const) {
  test(`requestProblem refuses a request signed with ${what}`, async () => {
    assert.match(
      requestProblem(base64(changed(await requestOf(algorithm), from, to))) ?? '',
      typeof problem === 'string' ? new RegExp(`^${problem}$`) : problem,
    );
  });
}

for (const [text, problem] of [
  ['', 'PEM block type must be CERTIFICATE REQUEST'],
  ['-----BEGIN X-----\naGk=\n-----END X-----\n', 'PEM block type must be CERTIFICATE REQUEST'],
  ['-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n', "asn1: structure error: tags don't match"],
  ['-----BEGIN CERTIFICATE REQUEST-----\nMIL/\n-----END CERTIFICATE REQUEST-----\n', 'asn1: structure error: length too large'],
] as const) {
  test(`requestProblem refuses ${JSON.stringify(text)}`, () => {
    assert.equal(requestProblem(base64(text)), problem);
  });
}

test('certificateProblem takes a chain of certificates and nothing else', async () => {
  const keys = (await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const pem = `${(await X509CertificateGenerator.createSelfSigned({ name: 'CN=x', keys, signingAlgorithm: EC })).toString('pem')}\n`;
  assert.equal(certificateProblem(''), undefined);
  assert.equal(certificateProblem(base64(pem + pem)), undefined);
  assert.equal(certificateProblem(base64('x')), 'must contain at least one CERTIFICATE PEM block');
  assert.equal(certificateProblem(base64(pem.replaceAll('CERTIFICATE', 'KEY'))), 'only CERTIFICATE PEM blocks are allowed, found "KEY"');
  assert.equal(certificateProblem(base64('-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n')), 'x509: malformed certificate');
});
