// Keys that sign and verify service-account tokens.
// Source: pkg/serviceaccount jwt.go keyIDFromPublicKey, signerFromRSAPrivateKey; openidmetadata.go algorithmFromPublicKey.
import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

export type Algorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512';

const DIGEST: Readonly<Record<Algorithm, string>> = { RS256: 'sha256', ES256: 'sha256', ES384: 'sha384', ES512: 'sha512' };
const CURVES: Readonly<Record<string, Algorithm>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

export interface VerifyingKey {
  /** Tells keys apart without giving the key away: a hash of it. */
  readonly id: string;
  readonly algorithm: Algorithm;
  readonly publicKey: KeyObject;
}

export interface SigningKey extends VerifyingKey {
  readonly privateKey: KeyObject;
}

/** @param pem PKCS#1, SEC1 or PKCS#8 @throws Error for anything but an RSA or NIST-curve key */
export function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  return { ...describe(createPublicKey(privateKey)), privateKey };
}

/** @param pem a public or private key, or a certificate @throws Error for anything but an RSA or NIST-curve key */
export function verifyingKey(pem: string): VerifyingKey {
  return describe(createPublicKey(pem));
}

function describe(publicKey: KeyObject): VerifyingKey {
  const id = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  return { id, algorithm: algorithmOf(publicKey), publicKey };
}

function algorithmOf(key: KeyObject): Algorithm {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  const algorithm = key.asymmetricKeyType === 'ec' ? CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] : undefined;
  if (algorithm === undefined)
    throw new Error(`unknown key type ${key.asymmetricKeyType}, must be RSA or ECDSA with curve 256, 384, or 521`);
  return algorithm;
}

/** Signature of `text`, base64url. */
export function signText(text: string, { algorithm, privateKey }: SigningKey): string {
  return sign(DIGEST[algorithm], Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}

export function verifyText(text: string, signature: Uint8Array, { algorithm, publicKey }: VerifyingKey): boolean {
  return verify(DIGEST[algorithm], Buffer.from(text), { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
}
