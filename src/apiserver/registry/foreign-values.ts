// Values that another API server put into the same store: upstream keeps built-in kinds as protobuf, at times in a
// version of its own choice. Pure.
import { parseExactly } from '#apimachinery/json.ts';
import { decodeBody } from '#api/decode-body.ts';
import { MAGIC } from '#api/protobuf/envelope.ts';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import type { Schema } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { parseApiVersion, type GroupVersionKind } from '#apimachinery/resource.ts';
import type { Conversion } from './catalog.ts';

const isProtobuf = (bytes: Uint8Array): boolean => MAGIC.every((byte, at) => bytes[at] === byte);

/**
 * Reads such values as objects of `kind` in the version this server stores. Source: storagebackend codec, which tells
 * protobuf from JSON by the first four bytes.
 * @throws StatusError BadRequest, or SyntaxError, for what is neither
 */
export function foreignValues(
  schema: Schema,
  kind: string,
  conversions: Readonly<Record<string, Conversion>>,
): (bytes: Uint8Array) => KubeObject {
  const protobuf = kubeProtobuf(schema);
  return (bytes) => {
    if (!isProtobuf(bytes)) return parseExactly(Buffer.from(bytes).toString()) as KubeObject;
    const value = protobuf.decode(bytes, kind) as KubeObject;
    const expected: GroupVersionKind = { ...parseApiVersion(value.apiVersion ?? ''), kind };
    // The same steps as for a body: members of a message that say nothing are not there in an object.
    const { object } = decodeBody<KubeObject>(value, schema, { expected, fieldValidation: 'Ignore', text: '' });
    return conversions[`${kind}.${expected.version}.${expected.group}`]?.toStored(object) ?? object;
  };
}
