// `application/vnd.kubernetes.protobuf`: four bytes of magic, then runtime.Unknown with the kind and the message.
// Source: apimachinery pkg/runtime/serializer/protobuf, runtime.Unknown.
import { badRequest } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { apiVersionOf, parseApiVersion, type GroupVersionKind } from '#apimachinery/resource.ts';
import { ProtobufDecodeError } from '#base/protobuf/errors.ts';
import { ProtoReader } from '#base/protobuf/reader.ts';
import { ProtoWriter } from '#base/protobuf/writer.ts';
import type { Schema } from '../schema.ts';
import { summaryOf } from '../body-summary.ts';
import type { KubeObject } from '../types.ts';
import { hasMessage, messageCodec } from './codec.ts';
import { eachField } from './hooks.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';

/** `k8s` and a zero byte. */
export const MAGIC: Uint8Array = Uint8Array.of(0x6b, 0x38, 0x73, 0);

const DELIMITED = 2;
const tag = (field: number): number => (field << 3) | DELIMITED;
const READER = { maxDepth: 100, strictUtf8: false } as const;

/** An object with its kind: the answer to a GET, the body of a POST. @throws RangeError for a type without a message */
export function encodeProtobuf(object: KubeObject | object, schema: ObjectSchema): Buffer {
  const { apiVersion = '', kind = '' } = object as { readonly apiVersion?: string; readonly kind?: string };
  return inEnvelope({ apiVersion, kind }, messageCodec(schema).encode(object));
}

/** A whole message in its envelope. */
export const inEnvelope = (type: { readonly apiVersion: string; readonly kind: string }, message: Uint8Array): Buffer =>
  Buffer.concat(envelope(type, [message]));

/** Used within one call only; a new one would take 8 KiB each time. */
const writer = new ProtoWriter();

/** An encoded message, in parts, in its envelope: what stands before it, its parts, what stands behind. */
export function envelope(
  type: { readonly apiVersion: string; readonly kind: string },
  message: readonly Uint8Array[],
): readonly Uint8Array[] {
  const { before, behind } = envelopeOf(
    type,
    message.reduce((sum, { length }) => sum + length, 0),
  );
  return [MAGIC, before, ...message, behind];
}

/** What stands around a message of `length` bytes; MAGIC comes first. */
export function envelopeOf(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  length: number,
): { readonly before: Uint8Array; readonly behind: Uint8Array } {
  writer.string(''); // contentType
  writer.byte(tag(4));
  writer.string(''); // contentEncoding
  writer.byte(tag(3));
  const behind = writer.finish();
  writer.uint32(length);
  writer.byte(tag(2));
  const message = writer.size;
  writer.string(kind);
  writer.byte(tag(2));
  writer.string(apiVersion);
  writer.byte(tag(1));
  writer.uint32(writer.size - message);
  writer.byte(tag(1));
  return { before: writer.finish(), behind };
}

/** What an envelope holds: a kind (empty members where it does not say) and the message's bytes. */
export interface Enveloped extends GroupVersionKind {
  readonly message: Uint8Array;
}

/** @throws ProtobufDecodeError, or Error with upstream's words for what is no envelope */
export function openEnvelope(bytes: Uint8Array): Enveloped {
  if (bytes.length === 0) throw new EnvelopeError('empty data');
  if (Buffer.compare(bytes.subarray(0, MAGIC.length), MAGIC) !== 0) {
    throw new EnvelopeError(`provided data does not appear to be a protobuf message, expected prefix [${MAGIC.join(' ')}]`);
  }
  if (bytes.length === MAGIC.length) throw new EnvelopeError('empty body');
  const reader = new ProtoReader(bytes.subarray(MAGIC.length), READER);
  const end = reader.buffer.length;
  let typeMeta = { apiVersion: '', kind: '' };
  let message: Uint8Array = new Uint8Array();
  eachField(reader, end, (number, wireType) => {
    if (wireType !== DELIMITED) return false;
    if (number === 1) typeMeta = readTypeMeta(reader, reader.delimited(end));
    else if (number === 2) message = reader.bytes('view', end) as Uint8Array;
    else return false;
    return true;
  });
  return { ...parseApiVersion(typeMeta.apiVersion), kind: typeMeta.kind, message };
}

export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
}

function readTypeMeta(reader: ProtoReader, end: number): { readonly apiVersion: string; readonly kind: string } {
  let apiVersion = '';
  let kind = '';
  eachField(reader, end, (number, wireType) => {
    if (wireType !== DELIMITED || number > 2) return false;
    if (number === 1) apiVersion = reader.string(end);
    else kind = reader.string(end);
    return true;
  });
  return { apiVersion, kind };
}

/**
 * A protobuf body as the JSON-shaped value decodeBody takes: of the kind it names, or of `expected` where it names none.
 * A kind that `schema` does not know comes out empty, for decodeBody to refuse in its own words.
 * @throws StatusError BadRequest for bytes that are no object
 */
export function readProtobufBody(bytes: Uint8Array, schema: Schema, expected: GroupVersionKind): object {
  const { message, ...gvk } = namedMessage(bytes, expected);
  const type = schema.kind(gvk);
  return {
    kind: gvk.kind,
    apiVersion: apiVersionOf(gvk),
    ...(type === undefined || !hasMessage(type) ? {} : decodedMessage(message, type, gvk, expected)),
  };
}

/** What the envelope says, completed by what is expected. @throws StatusError BadRequest */
function namedMessage(bytes: Uint8Array, expected: GroupVersionKind): Enveloped {
  try {
    const { message, ...named } = openEnvelope(bytes);
    const home = named.version === '' ? expected : named;
    if (home.version === '')
      throw new EnvelopeError(`Object 'apiVersion' is missing in 'runtime.TypeMeta{APIVersion:"", Kind:${goQuote(named.kind)}}'`);
    return { message, group: home.group, version: home.version, kind: named.kind === '' ? expected.kind : named.kind };
  } catch (error) {
    if (!(error instanceof ProtobufDecodeError || error instanceof EnvelopeError)) throw error;
    throw badRequest(`the object provided is unrecognized (must be of type ${expected.kind}): ${goWords(error)} (${summaryOf(bytes)})`);
  }
}

/** Once the kind is known, it is named. Source: transformDecodeError. @throws StatusError BadRequest */
function decodedMessage(message: Uint8Array, type: ObjectSchema, { kind, version }: GroupVersionKind, expected: GroupVersionKind): object {
  try {
    return messageCodec(type).decode(message);
  } catch (error) {
    if (!(error instanceof ProtobufDecodeError)) throw error;
    throw badRequest(`${kind} in version ${goQuote(version)} cannot be handled as a ${expected.kind}: ${goWords(error)}`);
  }
}

/** As generated code says it; what it says of other faults depends on where it stands. Source: io.ErrUnexpectedEOF, ErrIntOverflowGenerated. */
function goWords(error: ProtobufDecodeError | EnvelopeError): string {
  if (error instanceof EnvelopeError || error.fault === 'malformed') return error.message;
  return error.fault === 'truncated' ? 'unexpected EOF' : 'proto: integer overflow';
}
