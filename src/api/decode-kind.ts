// Decodes a value by its type, built-in or a CRD's.
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { decodeValue, type Decoded, type DecodeOptions } from './decode.ts';
import { decodeCustom } from './structural/prune.ts';

/** A CRD's type has no name: only definitions of the tables have one. */
export const isCustomType = ({ name }: ObjectSchema): boolean => name === '';

/** @throws DecodeError */
export function decodeKind<T>(value: unknown, schema: ObjectSchema, options: DecodeOptions): Decoded<T> {
  return isCustomType(schema) ? decodeCustom<T>(value, schema, options) : decodeValue<T>(value, schema, options);
}
