// Lists put together from items that are encoded already, so that a LIST encodes nothing again.
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { ProtoWriter } from '#base/protobuf/writer.ts';
import type { ListMeta } from '../gen/meta-v1.ts';
import { schemaOfDefinition } from '../schema.ts';
import { messageCodec } from './codec.ts';
import { envelope } from './envelope.ts';

const DELIMITED = 2;
const METADATA_TAG = (1 << 3) | DELIMITED;
const ITEM_TAG = (2 << 3) | DELIMITED;

/** An item's message: what encodeProtobuf puts into the envelope. */
export function encodeItem(object: object, schema: ObjectSchema): Uint8Array {
  return messageCodec(schema).encode(object);
}

export interface ListParts {
  /** `PodList`, `v1`. */
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: ListMeta;
  /** Messages, as encodeItem gives them. */
  readonly items: readonly Uint8Array[];
}

/** A list in its envelope, in parts. Every list message has its metadata in field 1 and its items in field 2. */
export function listParts({ kind, apiVersion, metadata, items }: ListParts): readonly Uint8Array[] {
  const meta = messageCodec(schemaOfDefinition('io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta')).encode(metadata);
  const parts: Uint8Array[] = [framed(METADATA_TAG, meta.length), meta];
  for (const item of items) parts.push(framed(ITEM_TAG, item.length), item);
  return envelope({ apiVersion, kind }, parts);
}

const writer = new ProtoWriter();

function framed(tag: number, length: number): Uint8Array {
  writer.uint32(length);
  writer.byte(tag);
  return writer.finish();
}
