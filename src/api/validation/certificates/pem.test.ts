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

async function requestOf(algorithm: typeof RSA | typeof EC): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=x',
    keys: keys as webcrypto.CryptoKeyPair,
    signingAlgorithm: algorithm,
  });
  return `${request.toString('pem')}\n`;
}

for (const algorithm of [RSA, EC]) {
  test(`requestProblem accepts a request signed with ${algorithm.name}`, async () => {
    assert.equal(requestProblem(base64(await requestOf(algorithm))), undefined);
  });

  test(`requestProblem refuses a request whose ${algorithm.name} signature is another's`, async () => {
    const der = Buffer.from((await requestOf(algorithm)).replace(/-----[^-]*-----|\s/g, ''), 'base64');
    const name = der.indexOf(Buffer.from([0x0c, 0x01, 0x78])) + 2;
    der[name < 2 ? der.indexOf(Buffer.from([0x13, 0x01, 0x78])) + 2 : name] = 0x79;
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    assert.equal(requestProblem(base64(pem)), 'x509: signature verification failed');
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
