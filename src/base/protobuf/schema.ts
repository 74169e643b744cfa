// The message table a codec is compiled from, and what a codec does with it. Data only; ./plan.ts resolves it.
import type { ProtoReader } from './reader.ts';
import type { ProtoWriter } from './writer.ts';

/** The scalar types of the protobuf language. */
export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes';

/**
 * How the 64-bit types appear.
 * - `number`: the nearest double, exact up to 2^53. Encoding takes 2^63 (2^64 for the unsigned types), the double
 *   nearest to the largest value, as that largest value, so decode and encode still agree there.
 * - `exact`: a number when it is a safe integer, otherwise a bigint.
 * - `bigint`: always a bigint.
 * - `string`: decimal digits.
 *
 * Encoding accepts all of them, whichever is chosen.
 */
export type Int64Form = 'number' | 'exact' | 'bigint' | 'string';

/**
 * How `bytes` appear.
 * - `view`: a Buffer onto the input, no copy: the input must not be changed afterwards and is kept alive.
 * - `copy`: a Buffer of its own.
 * - `base64`: standard base64 with padding, as JSON carries bytes.
 *
 * Encoding accepts a Uint8Array or a base64 string, whichever is chosen.
 */
export type BytesForm = 'view' | 'copy' | 'base64';

/** How enum values appear; a value that the table does not name appears as its number in either form. */
export type EnumForm = 'name' | 'number';

export interface ProtoField {
  /** Field number, 1 to 2^29 - 1. */
  readonly n: number;
  /** A ScalarType, or the full name of a message or enum; `map` when the label is `map`. */
  readonly type: string;
  readonly label: 'optional' | 'repeated' | 'map';
  /** Map key: an integer type, bool or string. */
  readonly key?: string;
  /** Map value: a ScalarType, or the full name of a message or enum. */
  readonly value?: string;
  /** Members of one oneof carry its name. At most one may be set; the last on the wire wins. */
  readonly oneof?: string;
  readonly deprecated?: boolean;
  /** Property name in JavaScript, where it is neither the field's name nor what `CodecOptions.names` makes of it. */
  readonly json?: string;
  /**
   * Written even when absent: a scalar as its zero, a message as an empty message (whose own `always` fields are
   * written in turn). The non-pointer fields of gogo-generated proto2 code.
   */
  readonly always?: boolean;
  /** `absent`: a zero, empty bytes or an empty string on the wire is read as if the field were not there. */
  readonly zero?: 'absent';
  /** The fields of this (optional, message) field are properties of the containing object itself. */
  readonly inline?: boolean;
  /** Overrides `CodecOptions.int64` for this field. */
  readonly int64?: Int64Form;
}

export interface ProtoMessage {
  readonly fields: Readonly<Record<string, ProtoField>>;
}

export interface ProtoMethod {
  readonly request: string;
  readonly response: string;
  readonly clientStream?: boolean;
  readonly serverStream?: boolean;
}

export interface ProtoSchema {
  /** proto3: repeated numbers are packed, zeros are not written, strings must be valid UTF-8. */
  readonly syntax: 'proto2' | 'proto3';
  readonly messages: Readonly<Record<string, ProtoMessage>>;
  /** Enum name to value name to number. */
  readonly enums?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Service name to method name; the call path is `/service/Method`. */
  readonly services?: Readonly<Record<string, Readonly<Record<string, ProtoMethod>>>>;
}

/**
 * Represents one message type by another JavaScript value: a time as a string, a wrapper as what it wraps.
 * Applied wherever the type is used: fields, list elements, map values, and the root of an encode or decode.
 */
export interface MessageHook {
  /**
   * Prepends the message's body (neither tag nor length, the codec adds them). The writer runs from the end to the
   * start, so fields are written last first. `value` is undefined for an absent field marked `always`.
   * @throws ProtobufEncodeError for a value it cannot represent
   */
  encode(writer: ProtoWriter, value: unknown): void;
  /**
   * Reads the body from `reader.pos` to `end`, leaving `reader.pos` at `end`. Returning undefined leaves the
   * property out (a list or map gets null in its place).
   * @throws ProtobufDecodeError
   */
  decode(reader: ProtoReader, end: number): unknown;
}

export interface CodecOptions {
  /** Default `number`. */
  readonly int64?: Int64Form;
  /** Default `view`. */
  readonly bytes?: BytesForm;
  /** Default `name`. */
  readonly enums?: EnumForm;
  /** Property names: `proto` as in the table (default), or `camel`: `pod_sandbox_id` is `podSandboxId`. */
  readonly names?: 'proto' | 'camel';
  /**
   * `omit` (default): a decoded object has the fields that were on the wire.
   * `fill`: scalars outside a oneof, lists and maps are always there, with their zero; message fields are not.
   */
  readonly defaults?: 'omit' | 'fill';
  /** By full message name. */
  readonly hooks?: Readonly<Record<string, MessageHook>>;
  /** Most messages nested in one another, both ways. Default 100, at most 1,000. */
  readonly maxDepth?: number;
  /** `auto` (default): compiled where code may be generated from strings, otherwise interpreted. */
  readonly mode?: 'auto' | 'compiled' | 'interpreted';
}

/** One message type, both ways. */
export interface MessageCodec<T = unknown> {
  readonly name: string;
  /**
   * The message's bytes, the caller's own. Small ones lie in Node's buffer pool: who keeps many for long copies them.
   * @throws ProtobufEncodeError when a value does not fit its field
   */
  encode(value: T): Uint8Array;
  /**
   * Unknown fields are skipped; packed and unpacked lists are both read.
   * @throws ProtobufDecodeError for truncated or malformed input
   */
  decode(bytes: Uint8Array): T;
  /** Prepends the body to a writer the caller owns: for envelopes around the message, without a copy. */
  write(writer: ProtoWriter, value: T): void;
  /** Reads the body from `reader.pos` to `end`; leaves `reader.pos` at `end`. */
  read(reader: ProtoReader, end: number): T;
}

export interface ProtoCodec {
  readonly mode: 'compiled' | 'interpreted';
  /**
   * The codec of one message type, built at the first call; the same object at every call.
   * @throws RangeError for a name the schema does not have
   */
  message<T = unknown>(name: string): MessageCodec<T>;
}
