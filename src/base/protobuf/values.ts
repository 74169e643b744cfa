// One value, both ways: the checks and forms of each scalar, of enums and of map keys. The interpreter calls these by
// table, generated code by name, so both refuse and accept the same.
import { ProtobufEncodeError } from './errors.ts';
import type { Int64 } from './int64.ts';
import type { EnumPlan, ValuePlan } from './plan.ts';
import type { ProtoReader } from './reader.ts';
import type { BytesForm, EnumForm, Int64Form, ScalarType } from './schema.ts';
import type { ProtoWriter } from './writer.ts';

/** A plain object whose shape its message plan knows. */
export type Properties = Record<string, unknown>;

/** @throws ProtobufEncodeError always: `label` cannot carry `value` */
export function refuse(label: string, expected: string, value: unknown): never {
  throw new ProtobufEncodeError(`${label}: ${describe(value)} is not ${expected}`);
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' || typeof value === 'function' ? `an ${typeof value}` : String(value);
}

/** Prepends one scalar, without its tag; refuses what the type cannot carry. */
export type PutScalar = (writer: ProtoWriter, value: unknown, label: string) => void;

export function putString(writer: ProtoWriter, value: unknown, label: string): void {
  if (typeof value !== 'string') refuse(label, 'a string', value);
  writer.string(value);
}

export function putBytes(writer: ProtoWriter, value: unknown, label: string): void {
  if (value instanceof Uint8Array) writer.bytes(value);
  else if (typeof value !== 'string' || !writer.base64(value)) refuse(label, 'bytes or base64', value);
}

export function putBool(writer: ProtoWriter, value: unknown, label: string): void {
  if (typeof value !== 'boolean') refuse(label, 'a bool', value);
  writer.bool(value);
}

export function putInt32(writer: ProtoWriter, value: unknown, label: string): void {
  writer.int32(int32(value, label, 'an int32'));
}

export function putSint32(writer: ProtoWriter, value: unknown, label: string): void {
  writer.sint32(int32(value, label, 'an sint32'));
}

export function putSfixed32(writer: ProtoWriter, value: unknown, label: string): void {
  writer.sfixed32(int32(value, label, 'an sfixed32'));
}

export function putUint32(writer: ProtoWriter, value: unknown, label: string): void {
  writer.uint32(uint32(value, label, 'a uint32'));
}

export function putFixed32(writer: ProtoWriter, value: unknown, label: string): void {
  writer.fixed32(uint32(value, label, 'a fixed32'));
}

export function putFloat(writer: ProtoWriter, value: unknown, label: string): void {
  if (typeof value !== 'number') refuse(label, 'a float', value);
  writer.float(value);
}

export function putDouble(writer: ProtoWriter, value: unknown, label: string): void {
  if (typeof value !== 'number') refuse(label, 'a double', value);
  writer.double(value);
}

export function putInt64(writer: ProtoWriter, value: unknown, label: string): void {
  writer.int64(int64(value, label), label);
}

export function putUint64(writer: ProtoWriter, value: unknown, label: string): void {
  writer.uint64(int64(value, label), label);
}

export function putSint64(writer: ProtoWriter, value: unknown, label: string): void {
  writer.sint64(int64(value, label), label);
}

export function putFixed64(writer: ProtoWriter, value: unknown, label: string): void {
  writer.fixed64(int64(value, label), label);
}

export function putSfixed64(writer: ProtoWriter, value: unknown, label: string): void {
  writer.sfixed64(int64(value, label), label);
}

function int32(value: unknown, label: string, expected: string): number {
  if (typeof value !== 'number' || (value | 0) !== value) refuse(label, expected, value);
  return value;
}

function uint32(value: unknown, label: string, expected: string): number {
  if (typeof value !== 'number' || value >>> 0 !== value) refuse(label, expected, value);
  return value;
}

function int64(value: unknown, label: string): Int64 {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string') refuse(label, 'an integer', value);
  return value;
}

export const PUT_SCALAR: Readonly<Record<ScalarType, PutScalar>> = {
  double: putDouble,
  float: putFloat,
  int32: putInt32,
  int64: putInt64,
  uint32: putUint32,
  uint64: putUint64,
  sint32: putSint32,
  sint64: putSint64,
  fixed32: putFixed32,
  fixed64: putFixed64,
  sfixed32: putSfixed32,
  sfixed64: putSfixed64,
  bool: putBool,
  string: putString,
  bytes: putBytes,
};

export function putEnum(writer: ProtoWriter, value: unknown, label: string, type: EnumPlan): void {
  const number = typeof value === 'string' ? type.numbers.get(value) : value;
  if (typeof number !== 'number' || (number | 0) !== number) refuse(label, `a value of ${type.name}`, value);
  writer.int32(number);
}

export function getEnum(reader: ProtoReader, type: EnumPlan, form: EnumForm): string | number {
  const number = reader.int32();
  return form === 'number' ? number : (type.names.get(number) ?? number);
}

export function getScalar(reader: ProtoReader, type: ScalarType, int64Form: Int64Form, bytes: BytesForm, end: number): unknown {
  switch (type) {
    case 'string':
      return reader.string(end);
    case 'bytes':
      return reader.bytes(bytes, end);
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return reader[type](int64Form);
    default:
      return reader[type]();
  }
}

/** The value a field has when nothing is written; a new one each time where it could be changed. */
export function zeroOf(value: Exclude<ValuePlan, { kind: 'message' }>, bytes: BytesForm, enums: EnumForm): unknown {
  if (value.kind === 'enum') return enums === 'number' ? 0 : (value.type.names.get(0) ?? 0);
  switch (value.type) {
    case 'string':
      return '';
    case 'bool':
      return false;
    case 'bytes':
      return bytes === 'base64' ? '' : Buffer.alloc(0);
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return value.int64 === 'bigint' ? 0n : value.int64 === 'string' ? '0' : 0;
    default:
      return 0;
  }
}

/** Whether a value, in any form its type accepts, is the type's zero. A negative floating zero is not. */
export function isZero(value: Exclude<ValuePlan, { kind: 'message' }>, given: unknown): boolean {
  if (value.kind === 'enum') return given === 0 || (typeof given === 'string' && value.type.numbers.get(given) === 0);
  switch (value.type) {
    case 'string':
      return given === '';
    case 'bool':
      return given === false;
    case 'bytes':
      return given === '' || (given instanceof Uint8Array && given.length === 0);
    case 'float':
    case 'double':
      return Object.is(given, 0);
    default:
      return given === 0 || given === 0n || given === '0';
  }
}

/** The object of a message, list or map field. @throws ProtobufEncodeError for anything else */
export function properties(value: unknown, label: string): Properties {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(label, 'an object', value);
  return value as Properties;
}

export function list(value: unknown, label: string): readonly unknown[] {
  if (!Array.isArray(value)) refuse(label, 'a list', value);
  return value as readonly unknown[];
}

/** The other members of a oneof must be absent. */
export function alone(object: Properties, rivals: readonly string[], label: string): void {
  for (const rival of rivals) {
    const other = object[rival];
    if (other !== undefined && other !== null) throw new ProtobufEncodeError(`${label}: ${rival} of the same oneof is set too`);
  }
}

/** Sets a property whatever its name: a key from outside may be `__proto__`. */
export function setOwn(object: Properties, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}
