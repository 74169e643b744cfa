// XSalsa20 with Poly1305. Source: apiserver pkg/storage/value/encrypt/secretbox.
import { randomBytes } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { bufferOf, DecryptionError, type Transformer } from './contract.ts';

const NONCE = 24;
const TAG = 16;

/** @param key of 32 bytes */
export function secretbox(key: Uint8Array): Transformer {
  return {
    encrypt(plain) {
      const nonce = randomBytes(NONCE);
      return Buffer.concat([nonce, xsalsa20poly1305(key, nonce).encrypt(plain)]);
    },
    decrypt(value) {
      if (value.length < NONCE + TAG) throw new DecryptionError('the stored data was shorter than the required size');
      try {
        return { value: bufferOf(xsalsa20poly1305(key, value.subarray(0, NONCE)).decrypt(value.subarray(NONCE))), stale: false };
      } catch (error) {
        throw new DecryptionError('failed to decrypt the stored data', { cause: error });
      }
    },
  };
}
