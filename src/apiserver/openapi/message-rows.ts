// pure
// Tables of protobuf messages, a row each, and the schema they make. Without what no Kubernetes document uses.
import type { ProtoField, ProtoMessage, ProtoSchema } from '#base/protobuf/schema.ts';

/** Fields of one message: `n type`; a trailing `*` for a list, `?` for a member of the message's oneof. */
export type Row = Readonly<Record<string, `${number} ${string}`>>;

const SCALARS: ReadonlySet<string> = new Set(['string', 'bool', 'double', 'int64']);

/** A member of a map, as gnostic writes one. */
export const namedRow = (value: string): Row => ({ name: '1 string', value: `2 ${value}` });
export const listRow = (of: string): Row => ({ additional_properties: `1 ${of}*` });

/** @param namespace of all messages: `openapi.v2` */
export function messageSchema(namespace: string, rows: Readonly<Record<string, Row>>): ProtoSchema {
  const field = (row: `${number} ${string}`): ProtoField => {
    const [n = '', type = ''] = row.split(' ');
    const plain = type.replace(/[*?]$/, '');
    return {
      n: Number(n),
      type: SCALARS.has(plain) ? plain : `${namespace}.${plain}`,
      label: type.endsWith('*') ? 'repeated' : 'optional',
      ...(type.endsWith('?') ? { oneof: 'oneof' } : {}),
    };
  };
  const message = (row: Row): ProtoMessage => ({
    fields: Object.fromEntries(Object.entries(row).map(([name, one]) => [name, field(one)])),
  });
  return {
    syntax: 'proto3',
    messages: Object.fromEntries(Object.entries(rows).map(([name, row]) => [`${namespace}.${name}`, message(row)])),
  };
}

/** Members of a schema that both messages take as they are, by their name there. */
export const PLAIN_OF_SCHEMAS: Readonly<Record<string, string>> = {
  title: 'title',
  multipleOf: 'multiple_of',
  maximum: 'maximum',
  exclusiveMaximum: 'exclusive_maximum',
  minimum: 'minimum',
  exclusiveMinimum: 'exclusive_minimum',
  maxLength: 'max_length',
  minLength: 'min_length',
  pattern: 'pattern',
  maxItems: 'max_items',
  minItems: 'min_items',
  uniqueItems: 'unique_items',
  maxProperties: 'max_properties',
  minProperties: 'min_properties',
  externalDocs: 'external_docs',
};
