// The form private keys are written in.
import type { KeyObject } from 'node:crypto';

/**
 * A key of an elliptic curve or of RSA, PEM, in the form that names its kind: some clients read a key of a curve in no other.
 * Source: client-go util/keyutil MarshalPrivateKeyToPEM.
 */
export function keyText(key: KeyObject): string {
  return key.export({ type: key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1', format: 'pem' }) as string;
}
