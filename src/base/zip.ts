// Reads zip archives as far as unpacking a file takes: stored and deflated entries, checked against their checksums.
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Transform, type Writable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';

export class ZipError extends Error {
  override readonly name = 'ZipError';
}

export interface ZipEntry {
  /** As in the archive: parts divided by `/`, a folder ends with one. */
  readonly name: string;
  /** Bytes, unpacked and packed. */
  readonly size: number;
  readonly packedSize: number;
  readonly method: 'stored' | 'deflated';
  readonly checksum: number;
  /** Where its local header starts, in bytes. */
  readonly offset: number;
}

// Source: APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
const END_OF_DIRECTORY = 0x06054b50;
const END_OF_DIRECTORY_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_ENTRY_SIZE = 46;
const LOCAL_HEADER = 0x04034b50;
const LOCAL_HEADER_SIZE = 30;
const METHODS = new Map<number, ZipEntry['method']>([
  [0, 'stored'],
  [8, 'deflated'],
]);

/**
 * What the archive at `path` holds, in its own order.
 * @throws ZipError when it is no zip archive, is damaged, larger than 4 GiB, encrypted or packed in another way
 */
export async function zipEntries(path: string): Promise<ZipEntry[]> {
  await using file = await open(path);
  const { size } = await file.stat();
  const tail = await read(file, Math.max(0, size - END_OF_DIRECTORY_SIZE - LONGEST_COMMENT), size);
  const end = lastIndexOf(tail, END_OF_DIRECTORY);
  if (end === -1) throw new ZipError(`${path} is no zip archive`);

  const count = tail.readUInt16LE(end + 10);
  const start = tail.readUInt32LE(end + 16);
  const directory = await read(file, start, start + tail.readUInt32LE(end + 12));
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count;) {
    const { entry, next } = directoryEntry(directory, at, path);
    entries.push(entry);
    at = next;
  }
  return entries;
}

function directoryEntry(directory: Buffer, at: number, path: string): { entry: ZipEntry; next: number } {
  if (at + DIRECTORY_ENTRY_SIZE > directory.length || directory.readUInt32LE(at) !== DIRECTORY_ENTRY) {
    throw new ZipError(`${path} is damaged: its directory ends early`);
  }
  const nameLength = directory.readUInt16LE(at + 28);
  const nameAt = at + DIRECTORY_ENTRY_SIZE;
  const name = directory.toString('utf8', nameAt, nameAt + nameLength);
  const method = METHODS.get(directory.readUInt16LE(at + 10));
  const encrypted = (directory.readUInt16LE(at + 8) & 1) === 1;
  if (method === undefined || encrypted) throw new ZipError(`${path}: ${name} is ${encrypted ? 'encrypted' : 'packed in an unknown way'}`);
  return {
    entry: {
      name,
      method,
      checksum: directory.readUInt32LE(at + 16),
      packedSize: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    },
    next: nameAt + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32),
  };
}

/**
 * Unpacks `entry` of the archive at `path` into `target` and ends it.
 * @throws ZipError when what comes out has another size or checksum than the archive says
 */
export async function unpackZipEntry(path: string, entry: ZipEntry, target: Writable): Promise<void> {
  const start = await contentStart(path, entry);
  // A stream of no bytes at all cannot be asked for by its first and last byte.
  const packed = entry.packedSize === 0 ? [] : createReadStream(path, { start, end: start + entry.packedSize - 1 });
  const check = new Checked(entry, path);
  if (entry.method === 'stored') await pipeline(packed, check, target);
  else await pipeline(packed, createInflateRaw(), check, target);
}

async function contentStart(path: string, { name, offset }: ZipEntry): Promise<number> {
  await using file = await open(path);
  const header = await read(file, offset, offset + LOCAL_HEADER_SIZE);
  if (header.readUInt32LE(0) !== LOCAL_HEADER) throw new ZipError(`${path} is damaged: no header where ${name} should start`);
  return offset + LOCAL_HEADER_SIZE + header.readUInt16LE(26) + header.readUInt16LE(28);
}

/** Lets bytes through and fails when they are not those the entry promises; never lets more through than promised. */
class Checked extends Transform {
  #size = 0;
  #checksum = 0;
  readonly #entry: ZipEntry;
  readonly #path: string;

  constructor(entry: ZipEntry, path: string) {
    super();
    this.#entry = entry;
    this.#path = path;
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: Error | null, chunk?: Buffer) => void): void {
    this.#size += chunk.length;
    if (this.#size > this.#entry.size) return done(this.#damaged());
    this.#checksum = crc32(chunk, this.#checksum);
    done(null, chunk);
  }

  override _flush(done: (error: Error | null) => void): void {
    done(this.#size === this.#entry.size && this.#checksum === this.#entry.checksum ? null : this.#damaged());
  }

  #damaged(): ZipError {
    return new ZipError(`${this.#path} is damaged: ${this.#entry.name} does not match its checksum`);
  }
}

/** Bytes from `start` up to `end`. */
async function read(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
  if (bytesRead < end - start) throw new ZipError('the archive ends early');
  return buffer;
}

function lastIndexOf(buffer: Buffer, signature: number): number {
  for (let at = buffer.length - END_OF_DIRECTORY_SIZE; at >= 0; at--) {
    if (buffer.readUInt32LE(at) === signature) return at;
  }
  return -1;
}
