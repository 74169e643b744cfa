// Tar archives as byte streams. Deterministic: what an entry says is all that is written, and nothing of the machine.

/** File contents: in memory, or opened when their turn comes and read once. */
export type TarBody = Uint8Array | { readonly size: number; open(): AsyncIterable<Uint8Array> };

interface EntryBase {
  /** Relative, with `/` between the parts and none at either end: `etc/passwd`. */
  readonly path: string;
  /** Permission bits with set-id and sticky bits: 0o1777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export type TarEntry =
  | (EntryBase & { readonly kind: 'file'; readonly body: TarBody })
  | (EntryBase & { readonly kind: 'directory' })
  | (EntryBase & { readonly kind: 'symlink'; readonly target: string })
  /** `target` is the path of an entry before it. */
  | (EntryBase & { readonly kind: 'hardlink'; readonly target: string });

const BLOCK = 512;
/** Longest path or link target a plain header holds, bytes; longer ones get a pax record before them. */
const LONGEST_NAME = 100;
/** Modification time of everything, seconds since the epoch: the same files give the same archive. */
const MTIME = 0;

const TYPE_FLAGS = { file: '0', hardlink: '1', symlink: '2', directory: '5' } as const;
const PAX = 'x';

/** The archive's bytes. Source: POSIX pax, "ustar Interchange Format" and "pax Extended Header". */
export async function* tar(entries: Iterable<TarEntry> | AsyncIterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) {
    const target = 'target' in entry ? entry.target : '';
    const path = entry.kind === 'directory' ? `${entry.path}/` : entry.path;
    const body = entry.kind === 'file' ? entry.body : undefined;
    const size = body === undefined ? 0 : sizeOf(body);
    const records = [...long('path', path), ...long('linkpath', target)];
    if (records.length > 0) yield* pax(records.join(''));
    yield header({ ...entry, path, target, size, type: TYPE_FLAGS[entry.kind] });
    if (body !== undefined) yield* contents(body, size, path);
  }
  yield Buffer.alloc(2 * BLOCK);
}

export function sizeOf(body: TarBody): number {
  return body instanceof Uint8Array ? body.length : body.size;
}

async function* contents(body: TarBody, size: number, path: string): AsyncGenerator<Uint8Array> {
  let written = 0;
  for await (const chunk of body instanceof Uint8Array ? [body] : body.open()) {
    written += chunk.length;
    if (written > size) break;
    yield chunk;
  }
  if (written !== size) throw new Error(`${path} changed while it was archived`);
  yield* padding(size);
}

function* padding(size: number): Generator<Uint8Array> {
  if (size % BLOCK !== 0) yield Buffer.alloc(BLOCK - (size % BLOCK));
}

/** The pax record of a value that the header cannot hold. */
function long(key: string, value: string): string[] {
  if (Buffer.byteLength(value) <= LONGEST_NAME) return [];
  // A record begins with its own length in decimal, which counts its own digits.
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return [`${length} ${key}=${value}\n`];
}

function* pax(records: string): Generator<Uint8Array> {
  const body = Buffer.from(records);
  yield header({ path: 'pax', mode: 0o644, uid: 0, gid: 0, target: '', size: body.length, type: PAX });
  yield body;
  yield* padding(body.length);
}

interface Header extends EntryBase {
  readonly target: string;
  readonly size: number;
  readonly type: string;
}

function header({ path, mode, uid, gid, target, size, type }: Header): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(path, 0, LONGEST_NAME);
  octal(block, mode, 100, 8);
  octal(block, uid, 108, 8);
  octal(block, gid, 116, 8);
  octal(block, size, 124, 12);
  octal(block, MTIME, 136, 12);
  block.fill(' ', 148, 156); // the checksum is taken with spaces in its own place
  block.write(type, 156);
  block.write(target, 157, LONGEST_NAME);
  block.write('ustar\0' + '00', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** @throws RangeError when the value has more digits than the field */
function octal(block: Buffer, value: number, offset: number, width: number): void {
  const digits = value.toString(8).padStart(width - 1, '0');
  if (digits.length >= width) throw new RangeError(`${value} is too large for a tar header`);
  block.write(digits, offset);
}
