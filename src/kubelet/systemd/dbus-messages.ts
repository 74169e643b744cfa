// pure
// Messages of D-Bus: a head of fields, then values. Source: D-Bus specification, Message Protocol.
import { DbusFormatError, readValues, type Value, type Variant, variant, writeValues } from './dbus-values.ts';

export type MessageKind = 'call' | 'return' | 'error' | 'signal';

export interface Message {
  readonly kind: MessageKind;
  /** Not 0. */
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  readonly signature: string;
  readonly body: readonly Value[];
}

const KINDS: readonly MessageKind[] = ['call', 'return', 'error', 'signal'];
const LITTLE_ENDIAN = 'l'.charCodeAt(0);
const VERSION = 1;
/** Bytes before the fields, their length included. */
const FIXED = 16;
const HEAD = 'yyyyuua(yv)';
const MOST_MESSAGE = 128 << 20;

/** Name, number and type of the fields of a head. */
const FIELDS = [
  ['path', 1, 'o'],
  ['interface', 2, 's'],
  ['member', 3, 's'],
  ['errorName', 4, 's'],
  ['replySerial', 5, 'u'],
  ['destination', 6, 's'],
  ['sender', 7, 's'],
] as const;
const SIGNATURE = 8;

export function encodeMessage(message: Message): Buffer {
  const { kind, serial, signature, body } = message;
  const bytes = writeValues(signature, body);
  const fields: Value[] = FIELDS.flatMap(([name, code, type]) => {
    const value = message[name];
    return value === undefined ? [] : [[code, variant(type, value)]];
  });
  if (signature !== '') fields.push([SIGNATURE, variant('g', signature)]);
  const head = writeValues(HEAD, [LITTLE_ENDIAN, KINDS.indexOf(kind) + 1, 0, VERSION, bytes.length, serial, fields]);
  return Buffer.concat([head, Buffer.alloc(-head.length & 7), bytes]);
}

/** Bytes of the message that begins here; undefined while too little of it is there. @throws DbusFormatError */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < FIXED) return undefined;
  if (bytes[0] !== LITTLE_ENDIAN) throw new DbusFormatError('a message of another byte order');
  const length = ((FIXED + bytes.readUInt32LE(12) + 7) & ~7) + bytes.readUInt32LE(4);
  if (length > MOST_MESSAGE) throw new DbusFormatError(`a message of ${length} bytes`);
  return length;
}

/** @throws DbusFormatError */
export function decodeMessage(bytes: Buffer): Message {
  const [, type, , , bodyLength, serial, fields] = readValues(HEAD, bytes) as readonly [
    number,
    number,
    number,
    number,
    number,
    number,
    readonly (readonly [number, Variant])[],
  ];
  const kind = KINDS[type - 1];
  if (kind === undefined) throw new DbusFormatError(`a message of kind ${type}`);
  const byCode = new Map(fields.map(([code, { value }]) => [code, value]));
  const named = FIELDS.flatMap(([name, code]) => (byCode.has(code) ? [[name, byCode.get(code)] as const] : []));
  const signature = (byCode.get(SIGNATURE) as string | undefined) ?? '';
  const body = readValues(signature, bytes.subarray(bytes.length - bodyLength));
  return { kind, serial, signature, body, ...Object.fromEntries(named) };
}
