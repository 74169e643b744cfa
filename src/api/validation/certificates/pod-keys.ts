// The key that a pod asks a certificate for, and the proof that whoever asks has its private half.
// Source: certificates ValidatePodCertificateRequestCreate.
import { constants, createPublicKey, verify, type KeyObject } from 'node:crypto';
import type { PodCertificateRequestSpec } from '../../gen/certificates-v1beta1.ts';
import { requestingKey } from './signed-request.ts';

const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64');

/** Curves by their name in OpenSSL, as Go names them; Go reads no others. */
const CURVES: Readonly<Record<string, string>> = { secp224r1: 'P-224', prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
const RSA_SIZES: ReadonlySet<number> = new Set([3072, 4096]);

/** @param spki base64 of DER. Undefined for what is no key that Go reads */
function publicKey(spki: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: bytes(spki), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ec' && CURVES[curveOf(key)] === undefined ? undefined : key;
  } catch {
    return undefined;
  }
}

const curveOf = ({ asymmetricKeyDetails }: KeyObject): string => asymmetricKeyDetails?.namedCurve ?? '';

/** The key that `spec` asks with, however it tells it; undefined where it does not. */
export function requestedKey({ pkixPublicKey, stubPKCS10Request }: Partial<PodCertificateRequestSpec>): KeyObject | undefined {
  if (pkixPublicKey !== undefined && pkixPublicKey !== '' && pkixPublicKey !== null) return publicKey(pkixPublicKey);
  try {
    return requestingKey(bytes(stubPKCS10Request ?? ''));
  } catch {
    return undefined;
  }
}

export interface KeyProblem {
  /** What is shown of the key; undefined: all of it. */
  readonly shown?: string;
  readonly detail: string;
}

/** Why certificates are not made for `key`. */
export function keyProblem(key: KeyObject): KeyProblem | undefined {
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return undefined;
    case 'ec': {
      const curve = CURVES[curveOf(key)] ?? '';
      return curve === 'P-224' ? { shown: `curve ${curve}`, detail: 'elliptic public keys must use curve P256 or P384' } : undefined;
    }
    case 'rsa': {
      const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
      if (RSA_SIZES.has(bits)) return undefined;
      return { shown: `${bits}-bit modulus`, detail: 'RSA keys must have modulus size 3072 or 4096' };
    }
    default:
      return { detail: 'unknown public key type; supported types are Ed25519, ECDSA, and RSA' };
  }
}

/** Whether `proof` (base64) is the signature of the pod's UID by `key`. */
export function provesPossession(key: KeyObject, podUid: string, proof: string): boolean {
  const [data, signature] = [Buffer.from(podUid), bytes(proof)];
  if (key.asymmetricKeyType !== 'rsa') return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', data, key, signature);
  const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
  return verify('sha256', data, pss, signature);
}
