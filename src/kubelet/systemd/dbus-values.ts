// pure
// Values as D-Bus writes them, by their signature, in little-endian order. Source: D-Bus specification, Type System, Marshaling.

/** What cannot be read, or is no value of its signature. */
export class DbusFormatError extends Error {
  override readonly name = 'DbusFormatError';
}

/** A value that carries its signature. */
export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

/** `x` and `t` are bigints, arrays and structs lists, dictionaries lists of pairs. */
export type Value = number | bigint | string | boolean | Variant | readonly Value[];

export const variant = (signature: string, value: Value): Variant => ({ signature, value });

const ALIGNMENT: Readonly<Record<string, number>> = {
  y: 1,
  g: 1,
  v: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  h: 4,
  s: 4,
  o: 4,
  a: 4,
  x: 8,
  t: 8,
  d: 8,
  '(': 8,
  '{': 8,
};
/** Of containers within containers. */
const MOST_DEPTH = 64;
/** Bytes of an array. */
const MOST_ARRAY = 64 << 20;

const padded = (at: number, alignment: number): number => Math.ceil(at / alignment) * alignment;

/** The complete types of a signature: `sa(sv)` is `s` and `a(sv)`. @throws DbusFormatError */
export function completeTypes(signature: string): readonly string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length;) {
    const end = endOfType(signature, at, 0);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, at: number, depth: number): number {
  const code = signature[at] ?? '';
  if (depth > MOST_DEPTH || ALIGNMENT[code] === undefined) throw new DbusFormatError(`no signature: ${signature}`);
  if (code === 'a') return endOfType(signature, at + 1, depth + 1);
  if (code !== '(' && code !== '{') return at + 1;
  const close = code === '(' ? ')' : '}';
  let end = at + 1;
  while (signature[end] !== close) end = endOfType(signature, end, depth + 1);
  return end + 1;
}

const inner = (type: string): readonly string[] => completeTypes(type.slice(1, -1));

class Writer {
  #buffer = Buffer.alloc(256);
  #at = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  align(alignment: number): void {
    this.#room(padded(this.#at, alignment) - this.#at);
  }

  value(type: string, value: Value): void {
    const code = type[0] ?? '';
    this.align(ALIGNMENT[code] ?? 1);
    switch (code) {
      case 'y':
        this.#put(1, (buffer, at) => buffer.writeUInt8(value as number, at));
        return;
      case 'b':
        this.#put(4, (buffer, at) => buffer.writeUInt32LE(value === true ? 1 : 0, at));
        return;
      case 'n':
        this.#put(2, (buffer, at) => buffer.writeInt16LE(value as number, at));
        return;
      case 'q':
        this.#put(2, (buffer, at) => buffer.writeUInt16LE(value as number, at));
        return;
      case 'i':
        this.#put(4, (buffer, at) => buffer.writeInt32LE(value as number, at));
        return;
      case 'u':
      case 'h':
        this.#put(4, (buffer, at) => buffer.writeUInt32LE(value as number, at));
        return;
      case 'x':
        this.#put(8, (buffer, at) => buffer.writeBigInt64LE(value as bigint, at));
        return;
      case 't':
        this.#put(8, (buffer, at) => buffer.writeBigUInt64LE(value as bigint, at));
        return;
      case 'd':
        this.#put(8, (buffer, at) => buffer.writeDoubleLE(value as number, at));
        return;
      case 's':
      case 'o':
        this.#text(value as string, 4);
        return;
      case 'g':
        this.#text(value as string, 1);
        return;
      case 'v': {
        const { signature, value: held } = value as Variant;
        this.#text(signature, 1);
        this.value(signature, held);
        return;
      }
      case 'a':
        this.#array(type.slice(1), value as readonly Value[]);
        return;
      default:
        for (const [i, part] of inner(type).entries()) this.value(part, (value as readonly Value[])[i] as Value);
    }
  }

  #array(item: string, values: readonly Value[]): void {
    const length = this.#room(4);
    this.align(ALIGNMENT[item[0] ?? ''] ?? 1);
    const from = this.#at;
    for (const value of values) this.value(item, value);
    this.#buffer.writeUInt32LE(this.#at - from, length);
  }

  #text(text: string, lengthBytes: 1 | 4): void {
    const bytes = Buffer.from(text, 'utf8');
    this.#put(lengthBytes, (buffer, at) => buffer.writeUIntLE(bytes.length, at, lengthBytes));
    this.#put(bytes.length + 1, (buffer, at) => bytes.copy(buffer, at)); // a zero ends it
  }

  #put(bytes: number, write: (buffer: Buffer, at: number) => void): void {
    const at = this.#room(bytes);
    write(this.#buffer, at);
  }

  /** Where so many zero bytes begin. What was the buffer before may be it no longer. */
  #room(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer, Buffer.alloc(this.#at)]);
    return at;
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  align(alignment: number): void {
    this.#at = padded(this.#at, alignment);
  }

  value(type: string, depth = 0): Value {
    if (depth > MOST_DEPTH) throw new DbusFormatError('values lie too deep in one another');
    const code = type[0] ?? '';
    this.align(ALIGNMENT[code] ?? 1);
    switch (code) {
      case 'y':
        return this.#bytes.readUInt8(this.#step(1));
      case 'b':
        return this.#bytes.readUInt32LE(this.#step(4)) !== 0;
      case 'n':
        return this.#bytes.readInt16LE(this.#step(2));
      case 'q':
        return this.#bytes.readUInt16LE(this.#step(2));
      case 'i':
        return this.#bytes.readInt32LE(this.#step(4));
      case 'u':
      case 'h':
        return this.#bytes.readUInt32LE(this.#step(4));
      case 'x':
        return this.#bytes.readBigInt64LE(this.#step(8));
      case 't':
        return this.#bytes.readBigUInt64LE(this.#step(8));
      case 'd':
        return this.#bytes.readDoubleLE(this.#step(8));
      case 's':
      case 'o':
        return this.#text(this.#bytes.readUInt32LE(this.#step(4)));
      case 'g':
        return this.#text(this.#bytes.readUInt8(this.#step(1)));
      case 'v': {
        const signature = this.value('g') as string;
        const [only, ...more] = completeTypes(signature);
        if (only === undefined || more.length > 0) throw new DbusFormatError(`a variant of ${signature}`);
        return { signature, value: this.value(only, depth + 1) };
      }
      case 'a':
        return this.#array(type.slice(1), depth);
      default:
        return inner(type).map((part) => this.value(part, depth + 1));
    }
  }

  #array(item: string, depth: number): readonly Value[] {
    const length = this.#bytes.readUInt32LE(this.#step(4));
    if (length > MOST_ARRAY) throw new DbusFormatError(`an array of ${length} bytes`);
    this.align(ALIGNMENT[item[0] ?? ''] ?? 1);
    const end = this.#at + length;
    const values: Value[] = [];
    while (this.#at < end) values.push(this.value(item, depth + 1));
    if (this.#at !== end) throw new DbusFormatError('an array ends within a value');
    return values;
  }

  #text(length: number): string {
    const at = this.#step(length + 1);
    return this.#bytes.toString('utf8', at, at + length);
  }

  #step(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > this.#bytes.length) throw new DbusFormatError('a value is cut off');
    return at;
  }
}

/** Values one after the other, as a message's body. */
export function writeValues(signature: string, values: readonly Value[]): Buffer {
  const writer = new Writer();
  for (const [i, type] of completeTypes(signature).entries()) writer.value(type, values[i] as Value);
  return writer.bytes;
}

/** `from`: where they begin; alignment counts from the first byte. @throws DbusFormatError */
export function readValues(signature: string, bytes: Buffer, from = 0): readonly Value[] {
  const reader = new Reader(bytes, from);
  return completeTypes(signature).map((type) => reader.value(type));
}
