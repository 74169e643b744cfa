// pure
// A gzip member put together of blocks that were deflated apart: its head, its end, and the checksum of the whole from those
// of its parts. Source: RFC 1952, RFC 1951; zlib's crc32_combine.

/** Deflate, no name, no time. */
export const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff]);

/** An empty last block, then checksum and length of what was packed. */
export function gzipEnd({ crc, length }: Checked): Buffer {
  const end = Buffer.alloc(10);
  end[0] = 3;
  end.writeUInt32LE(crc, 2);
  end.writeUInt32LE(length % 2 ** 32, 6);
  return end;
}

/** Some bytes by their CRC-32 and their number. */
export interface Checked {
  readonly crc: number;
  readonly length: number;
}

/** Of nothing. */
export const NOTHING: Checked = { crc: 0, length: 0 };

/** Of both, one after the other. */
export const joined = (a: Checked, b: Checked): Checked => ({
  crc: (product(powerOfX(b.length), a.crc) ^ b.crc) >>> 0,
  length: a.length + b.length,
});

/** The polynomial of gzip's CRC-32; bits stand in reverse, x to the 0 is the highest. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;

/** Of two polynomials over the field of two elements, modulo POLYNOMIAL. */
function product(a: number, b: number): number {
  let sum = 0;
  let term = b;
  for (let rest = a; rest !== 0; rest = (rest << 1) >>> 0) {
    if (rest >= ONE) sum ^= term;
    term = (term & 1) === 1 ? (term >>> 1) ^ POLYNOMIAL : term >>> 1;
  }
  return sum >>> 0;
}

const BITS_OF_BYTES = 8;
/** x to the 8 · 2^n, modulo POLYNOMIAL. */
const POWERS: number[] = [ONE >>> BITS_OF_BYTES];

/** x to the power of the bits of `bytes` bytes. */
function powerOfX(bytes: number): number {
  let power = ONE;
  for (let n = 0, rest = bytes; rest > 0; n++, rest = Math.floor(rest / 2)) {
    const known = (POWERS[n] ??= product(POWERS[n - 1] as number, POWERS[n - 1] as number));
    if (rest % 2 === 1) power = product(known, power);
  }
  return power;
}
