// Whether a certificate and a private key are a pair, in Go's words. Source: crypto/tls X509KeyPair.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { pemBlocks } from '../certificates/pem.ts';

const CERTIFICATE = 'CERTIFICATE';
const isKey = (type: string): boolean => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY');

/** Why the two PEM texts are no pair; undefined when they are one. */
export function keyPairProblem(certificate: string, key: string): string | undefined {
  const certificates = pemBlocks(certificate);
  const first = certificates.find(({ type }) => type === CERTIFICATE);
  if (first === undefined) return noCertificate(certificates.map(({ type }) => type));
  const keys = pemBlocks(key);
  const own = keys.find(({ type }) => isKey(type));
  if (own === undefined) return noKey(keys.map(({ type }) => type));
  const publicKey = publicKeyOf(first.der);
  if (publicKey === undefined) return 'x509: malformed certificate';
  return pairProblem(first.der, publicKey, own.der);
}

function noCertificate(skipped: readonly string[]): string {
  if (skipped.length === 0) return 'tls: failed to find any PEM data in certificate input';
  if (skipped.length === 1 && skipped[0]?.endsWith('PRIVATE KEY') === true) {
    return 'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched';
  }
  return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${skipped.join(' ')}]`;
}

function noKey(skipped: readonly string[]): string {
  if (skipped.length === 0) return 'tls: failed to find any PEM data in key input';
  if (skipped.length === 1 && skipped[0] === CERTIFICATE)
    return 'tls: found a certificate rather than a key in the PEM for the private key';
  return `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [${skipped.join(' ')}]`;
}

function publicKeyOf(der: Uint8Array): KeyObject | undefined {
  try {
    return new X509Certificate(der).publicKey;
  } catch {
    return undefined;
  }
}

/** What the DER of a key may be, in the order in which it is tried. */
const KEY_FORMS = ['pkcs1', 'pkcs8', 'sec1'] as const;

function privateKeyOf(der: Uint8Array): KeyObject | undefined {
  for (const type of KEY_FORMS) {
    try {
      return createPrivateKey({ key: Buffer.from(der), format: 'der', type });
    } catch {
      continue; // another form, then
    }
  }
  return undefined;
}

const KEY_TYPES: ReadonlySet<string | undefined> = new Set(['rsa', 'ec', 'ed25519']);

function pairProblem(certificate: Uint8Array, { asymmetricKeyType: type }: KeyObject, der: Uint8Array): string | undefined {
  const key = privateKeyOf(der);
  if (key === undefined) return 'tls: failed to parse private key';
  if (!KEY_TYPES.has(key.asymmetricKeyType)) return 'tls: found unknown private key type in PKCS#8 wrapping';
  if (!KEY_TYPES.has(type)) return 'tls: unknown public key algorithm';
  if (key.asymmetricKeyType !== type) return 'tls: private key type does not match public key type';
  return new X509Certificate(certificate).checkPrivateKey(key) ? undefined : 'tls: private key does not match public key';
}
