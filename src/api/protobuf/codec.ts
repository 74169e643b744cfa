// Objects as protobuf messages and back. What comes out of a message is canonical, like anything else that was decoded.
import { compileCodec } from '#base/protobuf/codec.ts';
import type { MessageCodec, ProtoCodec } from '#base/protobuf/schema.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { schemaHooks, SCALAR_HOOKS } from './hooks.ts';
import { messageName, protoSchema } from './messages.ts';

/** As deep as upstream's JSON; schemas of CRDs nest far. */
const MAX_DEPTH = 10_000;
const PROPS = 'k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

let compiled: ProtoCodec | undefined;

function codec(): ProtoCodec {
  compiled ??= compileCodec(protoSchema(), {
    bytes: 'base64',
    int64: 'exact',
    maxDepth: MAX_DEPTH,
    hooks: { ...SCALAR_HOOKS, ...schemaHooks(() => codec().message(PROPS)) },
  });
  return compiled;
}

/** Whether objects of the type can be protobuf: all built-in ones but Table; none of a CRD's. */
export function hasMessage(schema: ObjectSchema): boolean {
  return schema.name !== '' && messageName(schema.name) !== undefined;
}

/**
 * The codec of a type's message, without envelope and without kind and apiVersion. Decoded values are not canonical
 * yet: pass them through decodeBody or decodeValue.
 * @throws RangeError for a type that has no message
 */
export function messageCodec(schema: ObjectSchema): MessageCodec<object> {
  const name = messageName(schema.name);
  if (name === undefined || schema.name === '')
    throw new RangeError(`${schema.name === '' ? 'a custom type' : schema.name} has no message`);
  return codec().message(name);
}
