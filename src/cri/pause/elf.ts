// pure
// The smallest static executable around a piece of machine code.
import type { Architecture } from '../image/oci-image.ts';

/** Source: System V ABI, "ELF Header" and "Program Header", 64-bit. */
const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const ET_EXEC = 2;
const EM: Readonly<Record<Architecture, number>> = { amd64: 62, arm64: 183 };
const PT_LOAD = 1;
const PF_READ_EXECUTE = 5;
/** Where the file is mapped, and its alignment: a page of up to 64 KiB. */
const BASE = 0x400000;
const ALIGNMENT = 0x10000;

/** An executable that is mapped whole, readable and executable, and begins with `code`. */
export function elfExecutable(architecture: Architecture, code: Uint8Array): Uint8Array {
  const start = HEADER_SIZE + PROGRAM_HEADER_SIZE;
  const size = start + code.length;
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  const half = (offset: number, value: number): void => view.setUint16(offset, value, true);
  const long = (offset: number, value: number): void => view.setUint32(offset, value, true);
  const wide = (offset: number, value: number): void => view.setBigUint64(offset, BigInt(value), true);

  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // magic, 64 bits, little endian, version 1
  half(16, ET_EXEC);
  half(18, EM[architecture]);
  long(20, 1); // version
  wide(24, BASE + start); // entry
  wide(32, HEADER_SIZE); // program headers
  half(52, HEADER_SIZE);
  half(54, PROGRAM_HEADER_SIZE);
  half(56, 1); // one program header

  long(HEADER_SIZE, PT_LOAD);
  long(HEADER_SIZE + 4, PF_READ_EXECUTE);
  wide(HEADER_SIZE + 16, BASE); // virtual address
  wide(HEADER_SIZE + 24, BASE); // physical address
  wide(HEADER_SIZE + 32, size); // in the file
  wide(HEADER_SIZE + 40, size); // in memory
  wide(HEADER_SIZE + 48, ALIGNMENT);

  file.set(code, start);
  return file;
}
