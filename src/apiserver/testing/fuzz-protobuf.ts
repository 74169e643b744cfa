// Damage to a protobuf message that leaves it a message, or almost one: at its fields, as deep as they go.
import type { Ids } from '#base/ids.ts';

interface Field {
  readonly number: number;
  readonly wire: number;
  /** Behind the tag and, of what has one, the length. */
  readonly value: Buffer;
}

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const;
/** Deeper, a message is taken for bytes. */
const MAX_DEPTH = 8;
/** Bytes that begin what Kubernetes says in protobuf. */
const MAGIC = 4;

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]);

/** The envelope of an object, `k8s\0…`, with one field of it or below it damaged. */
export function damagedEnvelope(bytes: Buffer, ids: Ids): Buffer {
  return Buffer.concat([bytes.subarray(0, MAGIC), damaged(bytes.subarray(MAGIC), ids, 0)]);
}

function damaged(message: Buffer, ids: Ids, depth: number): Buffer {
  const fields = fieldsOf(message);
  if (fields === undefined || fields.length === 0) return Buffer.concat([message, ids.bytes(3)]);
  const at = Math.floor(ids.fraction() * fields.length);
  const field = fields[at] as Field;
  const isMessage = field.wire === BYTES && (fieldsOf(field.value)?.length ?? 0) > 0;
  const others = fields.map(written);
  if (isMessage && depth < MAX_DEPTH && ids.fraction() < 0.8) {
    others[at] = written({ ...field, value: damaged(field.value, ids, depth + 1) });
  } else {
    const change = CHANGES[Math.floor(ids.fraction() * CHANGES.length)] as Change;
    others[at] = change(field, ids);
  }
  return Buffer.concat(others);
}

type Change = (field: Field, ids: Ids) => Buffer;

const CHANGES: readonly Change[] = [
  () => Buffer.alloc(0),
  (field) => Buffer.concat([written(field), written(field)]),
  (field, ids) => written({ ...field, number: 1 + Math.floor(ids.fraction() * 2 ** 29) }),
  (field, ids) => written({ ...field, number: Math.floor(ids.fraction() * 30) }),
  (field, ids) => Buffer.concat([Buffer.from(varint(field.number * 8 + Math.floor(ids.fraction() * 8))), field.value]),
  (field, ids) => Buffer.concat([tag(field), Buffer.from(varint(Math.floor(ids.fraction() * 2 ** 40))), field.value]),
  (field) => Buffer.concat([tag(field), Buffer.from(varint(field.value.length + 1)), field.value]),
  (field) => written({ number: field.number, wire: VARINT, value: Buffer.alloc(10, 0xff) }),
  (field) => written({ number: field.number, wire: VARINT, value: Buffer.from('ffffffffffffffffff01', 'hex') }),
  (field) => written({ number: field.number, wire: FIXED64, value: Buffer.alloc(8, 0xff) }),
  (field) => written({ number: field.number, wire: FIXED32, value: Buffer.alloc(4, 0xff) }),
  (field) => written({ number: field.number, wire: BYTES, value: Buffer.from([0xff, 0xc0, 0x80, 0]) }),
  (field) => written({ number: field.number, wire: BYTES, value: Buffer.alloc(5_000, 'x') }),
  (field) => written({ number: field.number, wire: BYTES, value: Buffer.alloc(0) }),
  (field) => Buffer.concat([Buffer.from(varint(field.number * 8 + 3)), written(field), Buffer.from(varint(field.number * 8 + 4))]),
  (field) => Buffer.concat([Buffer.from(varint(field.number * 8 + 3)), written(field)]),
];

const tag = ({ number, wire }: Field): Buffer => Buffer.from(varint(number * 8 + wire));

const written = (field: Field): Buffer =>
  Buffer.concat([tag(field), Buffer.from(field.wire === BYTES ? varint(field.value.length) : []), field.value]);

/** Undefined where the bytes are no message. */
function fieldsOf(bytes: Buffer): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  const read = (): number | undefined => {
    let value = 0;
    for (let i = 0; i < 10 && at < bytes.length; i++) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * 128 ** i;
      if (byte < 128) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const key = read();
    if (key === undefined || key < 8) return undefined;
    const [number, wire] = [Math.floor(key / 8), key % 8];
    let start = at;
    let length: number | undefined = wire === FIXED64 ? 8 : wire === FIXED32 ? 4 : undefined;
    if (wire === VARINT) {
      if (read() === undefined) return undefined;
      length = at - start;
    } else if (wire === BYTES) {
      length = read();
      start = at;
    }
    if (length === undefined || start + length > bytes.length) return undefined;
    fields.push({ number, wire, value: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return fields;
}
