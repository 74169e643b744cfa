// Values at rest: what stands in the store in place of an object's bytes. Formats are upstream's, byte for byte, so that a
// store written by kube-apiserver can be read with the same EncryptionConfiguration.
import { StoreUnavailableError } from '#store/contract.ts';

/** What decryption found. */
export interface Decrypted {
  readonly value: Buffer;
  /** Written by another key or provider than new values are: the next write of the object renews it. */
  readonly stale: boolean;
}

/** A value was not written by this key, was changed, or the key service does not answer. */
export class DecryptionError extends StoreUnavailableError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'none', options);
  }
}

/** Nothing may be written: the key service is out of reach for too long. */
export class EncryptionError extends StoreUnavailableError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'none', options);
  }
}

/**
 * One way to encrypt. `context` is the store key: values cannot be swapped between keys.
 * Synchronous wherever the key is at hand.
 */
export interface Transformer {
  /** @throws EncryptionError */
  encrypt(plain: Uint8Array, context: string): Buffer | Promise<Buffer>;
  /** @throws DecryptionError */
  decrypt(value: Uint8Array, context: string): Decrypted | Promise<Decrypted>;
}

/** The transformer of a resource (`secrets`, `widgets.example.com`); undefined: values stand as they are. */
export type TransformerOf = (resource: string) => Transformer | undefined;

export const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
