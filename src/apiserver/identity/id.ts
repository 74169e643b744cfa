// pure
import { createHash } from 'node:crypto';

const COMPONENT = 'kube-apiserver';
const HASH_BYTES = 16;
/** Source: RFC 4648 base32, in lower case. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** `apiserver-` and a hash of host and component, each behind its length. Source: server.NewConfig. */
export function apiServerId(hostname: string): string {
  const hash = createHash('sha256').update(lengthPrefixed(hostname)).update(lengthPrefixed(COMPONENT)).digest();
  return `apiserver-${base32(hash.subarray(0, HASH_BYTES))}`;
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Without padding: five bits a digit, the last ones filled up with zeros. */
function base32(bytes: Uint8Array): string {
  let digits = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) digits += ALPHABET[(held >>> (bits - 5)) & 31];
  }
  return bits === 0 ? digits : digits + ALPHABET[(held << (5 - bits)) & 31];
}
