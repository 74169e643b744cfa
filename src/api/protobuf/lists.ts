// Lists put together from items that are encoded already, so that a LIST encodes nothing again.
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { ProtoWriter } from '#base/protobuf/writer.ts';
import type { ListMeta } from '../gen/meta-v1.ts';
import { schemaOfDefinition } from '../schema.ts';
import { messageCodec } from './codec.ts';
import { envelopeOf, MAGIC } from './envelope.ts';

const DELIMITED = 2;
const METADATA_TAG = (1 << 3) | DELIMITED;
const ITEM_TAG = (2 << 3) | DELIMITED;
/** Of a varint's bytes: more follow. */
const CONTINUES = 0x80;

/** An item's message: what encodeProtobuf puts into the envelope. */
export function encodeItem(object: object, schema: ObjectSchema): Uint8Array {
  return messageCodec(schema).encode(object);
}

/** A list's kind and metadata: `PodList`, `v1`. */
export interface ListHead {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: ListMeta;
}

/** An item as it stands in every list, whatever stands before it: every list message has its items in field 2. */
export function listItem(message: Uint8Array): Uint8Array {
  writer.bytes(message);
  writer.byte(ITEM_TAG);
  return writer.finish();
}

/** What `listItem` was given. */
export function messageOfItem(item: Uint8Array): Uint8Array {
  let start = 1; // behind the tag
  while (((item[start] as number) & CONTINUES) !== 0) start++;
  return item.subarray(start + 1);
}

/** What stands around items of `bytes` bytes together, as listItem gives them: the envelope, and the metadata in field 1. */
export function listEnvelope(
  { kind, apiVersion, metadata }: ListHead,
  bytes: number,
): { readonly before: readonly Uint8Array[]; readonly behind: readonly Uint8Array[] } {
  const meta = messageCodec(schemaOfDefinition('io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta')).encode(metadata);
  const frame = framed(METADATA_TAG, meta.length);
  const { before, behind } = envelopeOf({ apiVersion, kind }, frame.length + meta.length + bytes);
  return { before: [MAGIC, before, frame, meta], behind: [behind] };
}

const writer = new ProtoWriter();

function framed(tag: number, length: number): Uint8Array {
  writer.uint32(length);
  writer.byte(tag);
  return writer.finish();
}
