// `application/vnd.kubernetes.protobuf` for whoever speaks in whole objects: kinds are looked up in a registry.
import { StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { parseApiVersion, type GroupVersionKind } from '#apimachinery/resource.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import type { Schema } from '../schema.ts';
import { hasMessage } from './codec.ts';
import { encodeProtobuf, readProtobufBody } from './envelope.ts';
import { encodeWatchFrame } from './watch.ts';

export type GroupVersion = Pick<GroupVersionKind, 'group' | 'version'>;
const UNNAMED: GroupVersion = { group: '', version: '' };

export interface KubeProtobuf {
  /**
   * A body in JSON's form, with kind and apiVersion: those it names, else those expected. Without `version` it must name them.
   * @throws StatusError BadRequest
   */
  decode(bytes: Uint8Array, kind: string, version?: GroupVersion): object;
  /** @throws StatusError NotAcceptable for an object whose kind has no protobuf form: of a CRD, or a Table */
  encode(object: object): Buffer;
  /** One event of a watch. @throws as encode */
  frame(type: string, object: object): Buffer;
}

export function kubeProtobuf(schema: Schema): KubeProtobuf {
  const encode = (object: object): Buffer => encodeProtobuf(object, typeOf(object, schema));
  return {
    decode: (bytes, kind, { group, version } = UNNAMED) => readProtobufBody(bytes, schema, { group, version, kind }),
    encode,
    frame: (type, object) => encodeWatchFrame(type, encode(object)),
  };
}

function typeOf(object: { readonly apiVersion?: string; readonly kind?: string }, schema: Schema): ObjectSchema {
  const { apiVersion = '', kind = '' } = object;
  const type = schema.kind({ ...parseApiVersion(apiVersion), kind });
  if (type !== undefined && hasMessage(type)) return type;
  throw new StatusError(
    'NotAcceptable',
    `${kind === '' ? 'an object without kind' : `kind ${goQuote(kind)} of ${apiVersion}`} has no protobuf form, only JSON and YAML`,
  );
}
