// AES with a fixed key: CBC with PKCS#7 padding, GCM with a random nonce, and GCM under a key derived anew for each value.
// Source: apiserver pkg/storage/value/encrypt/aes.
import { createCipheriv, createDecipheriv, createHmac, randomBytes, type CipherGCMTypes } from 'node:crypto';
import { Lru } from '#base/lru.ts';
import { bufferOf, DecryptionError, type Transformer } from './contract.ts';

const BLOCK = 16;
const NONCE = 12;
const TAG = 16;
/** Length of a seed, of what is mixed into it for one value, and of the key that comes out. Source: MinSeedSizeExtendedNonceGCM. */
const SEED = 32;
/** Derived keys kept for reading. */
const CACHED_KEYS = 4_096;

const cbcName = (key: Uint8Array): string => `aes-${key.length * 8}-cbc`;
const gcmName = (key: Uint8Array): CipherGCMTypes => `aes-${key.length * 8}-gcm` as CipherGCMTypes;

/** @param key of 16, 24 or 32 bytes */
export function aesCbc(key: Uint8Array): Transformer {
  return {
    encrypt(plain) {
      const iv = randomBytes(BLOCK);
      const cipher = createCipheriv(cbcName(key), key, iv);
      return Buffer.concat([iv, cipher.update(plain), cipher.final()]);
    },
    decrypt(value) {
      if (value.length < BLOCK) throw new DecryptionError('the stored data was shorter than the required size');
      if (value.length === BLOCK || value.length % BLOCK !== 0)
        throw new DecryptionError('the stored data is not a multiple of the block size');
      const decipher = createDecipheriv(cbcName(key), key, value.subarray(0, BLOCK));
      return {
        value: finish('invalid padding on input', () => Buffer.concat([decipher.update(value.subarray(BLOCK)), decipher.final()])),
        stale: false,
      };
    },
  };
}

/** @param key of 16, 24 or 32 bytes */
export function aesGcm(key: Uint8Array): Transformer {
  return {
    encrypt: (plain, context) => sealGcm(key, plain, context),
    decrypt: (value, context) => ({ value: openGcm(key, value, context), stale: false }),
  };
}

/** 32 bytes drawn for each value make a key of its own from the seed, so that nonces never wear out. Source: NewHKDFExtendedNonceGCMTransformer. */
export function extendedNonceGcm(seed: Uint8Array): Transformer {
  const keys = new Lru<string, Buffer>(CACHED_KEYS);
  return {
    encrypt(plain, context) {
      const info = randomBytes(SEED);
      return Buffer.concat([info, sealGcm(expand(seed, info), plain, context)]);
    },
    decrypt(value, context) {
      if (value.length < SEED) throw new DecryptionError('the stored data was shorter than the required size');
      const info = bufferOf(value).subarray(0, SEED);
      const name = info.toString('latin1');
      let key = keys.get(name);
      if (key === undefined) keys.set(name, (key = expand(seed, info)));
      return { value: openGcm(key, value.subarray(SEED), context), stale: false };
    },
  };
}

/** HKDF-SHA256's second half; one block is a whole key. Source: RFC 5869, 2.3. */
const expand = (seed: Uint8Array, info: Uint8Array): Buffer => createHmac('sha256', seed).update(info).update(Uint8Array.of(1)).digest();

function sealGcm(key: Uint8Array, plain: Uint8Array, context: string): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(gcmName(key), key, nonce).setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function openGcm(key: Uint8Array, value: Uint8Array, context: string): Buffer {
  if (value.length < NONCE + TAG) throw new DecryptionError('the stored data was shorter than the required size');
  const end = value.length - TAG;
  const decipher = createDecipheriv(gcmName(key), key, value.subarray(0, NONCE), { authTagLength: TAG })
    .setAAD(Buffer.from(context))
    .setAuthTag(value.subarray(end));
  return finish('cipher: message authentication failed', () =>
    Buffer.concat([decipher.update(value.subarray(NONCE, end)), decipher.final()]),
  );
}

/** OpenSSL says no more than that it failed. */
function finish(why: string, read: () => Buffer): Buffer {
  try {
    return read();
  } catch (error) {
    throw new DecryptionError(why, { cause: error });
  }
}
