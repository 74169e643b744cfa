import 'reflect-metadata';
import assert from 'node:assert/strict';
import { generateKeyPairSync, KeyObject, webcrypto } from 'node:crypto';
import { test } from 'node:test';
import { cryptoProvider, X509CertificateGenerator } from '@peculiar/x509';
import { keyPairProblem } from './key-pairs.ts';

cryptoProvider.set(webcrypto as Crypto);

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };

interface Pair {
  readonly certificate: string;
  readonly key: KeyObject;
}

async function pairOf(algorithm: typeof EC | typeof RSA): Promise<Pair> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({ name: 'CN=x', keys, signingAlgorithm: algorithm });
  return { certificate: certificate.toString('pem'), key: KeyObject.from(keys.privateKey) };
}

const pem = (key: KeyObject, type: 'pkcs1' | 'pkcs8' | 'sec1' = 'pkcs8'): string =>
  key.export({ format: 'pem', type: type as 'pkcs8' }).toString();
const block = (type: string, body = 'MAA='): string => `-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`;

test('keyPairProblem takes a certificate with its key in any form', async () => {
  const [ec, rsa] = await Promise.all([pairOf(EC), pairOf(RSA)]);
  assert.equal(keyPairProblem(ec.certificate, pem(ec.key)), undefined);
  assert.equal(keyPairProblem(ec.certificate, block('EC PARAMETERS') + pem(ec.key, 'sec1')), undefined);
  assert.equal(keyPairProblem(block('X') + rsa.certificate, pem(rsa.key, 'pkcs1')), undefined);
});

test('keyPairProblem tells of a key of another certificate', async () => {
  const [one, other, rsa] = await Promise.all([pairOf(EC), pairOf(EC), pairOf(RSA)]);
  const unfit = generateKeyPairSync('x25519').privateKey;
  assert.equal(keyPairProblem(one.certificate, pem(other.key)), 'tls: private key does not match public key');
  assert.equal(keyPairProblem(one.certificate, pem(rsa.key)), 'tls: private key type does not match public key type');
  assert.equal(keyPairProblem(one.certificate, pem(unfit)), 'tls: found unknown private key type in PKCS#8 wrapping');
  assert.equal(keyPairProblem(one.certificate, block('PRIVATE KEY')), 'tls: failed to parse private key');
});

test('keyPairProblem tells what it found instead of a certificate or a key', async () => {
  const { certificate, key } = await pairOf(EC);
  for (const [first, second, problem] of [
    ['', '', 'tls: failed to find any PEM data in certificate input'],
    [certificate, 'x', 'tls: failed to find any PEM data in key input'],
    [
      pem(key),
      certificate,
      'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched',
    ],
    [certificate, certificate, 'tls: found a certificate rather than a key in the PEM for the private key'],
    [
      block('A') + block('B'),
      '',
      'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [A B]',
    ],
    [
      certificate,
      block('A') + block('B'),
      'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [A B]',
    ],
    [block('CERTIFICATE'), pem(key), 'x509: malformed certificate'],
  ] as const)
    assert.equal(keyPairProblem(first, second), problem);
});
