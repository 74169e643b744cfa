// pure
// Keys in byte order: strings that JavaScript compares in the order of the key's UTF-8 bytes.
import { InvalidTransactionError } from './contract.ts';

/** Longest key, in UTF-8 bytes. Source: the contract. */
export const MAX_KEY_BYTES = 1024;

/** ASCII without NUL: one byte a character, so such a key is its own byte order. */
const PLAIN = /^[\x01-\x7f]*$/;

/**
 * The key's UTF-8 bytes as one character each (U+0000 to U+00FF). JavaScript compares UTF-16 code units, in which
 * U+FFFD comes after U+10000; these strings it compares byte by byte, and an ASCII key is returned as it is.
 */
export function toByteOrder(key: string): string {
  return PLAIN.test(key) ? key : Buffer.from(key, 'utf8').toString('latin1');
}

/** The inverse of toByteOrder. */
export function fromByteOrder(ordered: string): string {
  return PLAIN.test(ordered) ? ordered : Buffer.from(ordered, 'latin1').toString('utf8');
}

/**
 * As toByteOrder, for a key that is to be written.
 * @throws InvalidTransactionError when it is empty, has a NUL or half a surrogate pair, or is longer than 1,024 bytes
 */
export function writableKey(key: string): string {
  const plain = PLAIN.test(key);
  const ordered = plain ? key : Buffer.from(key, 'utf8').toString('latin1');
  if (ordered.length === 0) throw new InvalidTransactionError('key is empty');
  if (ordered.length > MAX_KEY_BYTES) {
    throw new InvalidTransactionError(`key of ${ordered.length} bytes is longer than ${MAX_KEY_BYTES}: ${key.slice(0, 64)}…`);
  }
  if (plain) return ordered;
  if (!key.isWellFormed()) throw new InvalidTransactionError(`key is not valid Unicode: ${JSON.stringify(key)}`);
  if (key.includes('\0')) throw new InvalidTransactionError(`key contains NUL: ${JSON.stringify(key)}`);
  return ordered;
}
