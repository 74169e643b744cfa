// A schema with every scalar, label and option, for the codec's own tests.
import type { ProtoField, ProtoSchema } from '../schema.ts';

const optional = (n: number, type: string, more: Partial<ProtoField> = {}): ProtoField => ({ n, type, label: 'optional', ...more });
const repeated = (n: number, type: string): ProtoField => ({ n, type, label: 'repeated' });
const map = (n: number, key: string, value: string): ProtoField => ({ n, type: 'map', label: 'map', key, value });

const SCALARS = [
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
] as const;

const KEYS = SCALARS.filter((type) => type !== 'double' && type !== 'float' && type !== 'bytes');

const messages: ProtoSchema['messages'] = {
  'test.Scalars': { fields: Object.fromEntries(SCALARS.map((type, i) => [`${type}_field`, optional(i + 1, type)])) },
  'test.Lists': {
    fields: Object.fromEntries([...SCALARS, 'test.Colour', 'test.Leaf'].map((type, i) => [`list${i}`, repeated(i + 10, type)])),
  },
  'test.Maps': {
    fields: Object.fromEntries([
      ...KEYS.map((type, i) => [`by_${type}`, map(i + 1, type, 'string')]),
      ...[...SCALARS, 'test.Colour', 'test.Leaf'].map((type, i) => [`to${i}`, map(i + 100, 'string', type)]),
    ]),
  },
  'test.Leaf': { fields: { name: optional(1, 'string'), colour: optional(2, 'test.Colour') } },
  'test.Tree': {
    fields: {
      name: optional(1, 'string'),
      left: optional(2, 'test.Tree'),
      children: repeated(3, 'test.Tree'),
      leaf: optional(3000, 'test.Leaf'),
    },
  },
  'test.Choice': {
    fields: {
      before: optional(1, 'string'),
      number: optional(2, 'int32', { oneof: 'what' }),
      text: optional(3, 'string', { oneof: 'what' }),
      leaf: optional(4, 'test.Leaf', { oneof: 'what' }),
      lone: optional(5, 'bool', { oneof: 'single' }),
    },
  },
  'test.Always': {
    fields: {
      name: optional(1, 'string', { always: true }),
      count: optional(2, 'int64', { always: true, zero: 'absent' }),
      ready: optional(3, 'bool', { always: true, zero: 'absent' }),
      leaf: optional(4, 'test.AlwaysLeaf', { always: true }),
      data: optional(5, 'bytes', { zero: 'absent' }),
      colour: optional(6, 'test.Colour', { always: true }),
    },
  },
  'test.AlwaysLeaf': { fields: { name: optional(1, 'string', { always: true }), more: optional(2, 'string') } },
  'test.Outer': {
    fields: {
      name: optional(1, 'string'),
      source: optional(2, 'test.Source', { inline: true, always: true }),
      extra: optional(3, 'test.Extra', { inline: true }),
      renamed: optional(4, 'string', { json: 'newName' }),
    },
  },
  'test.Source': {
    fields: { path: optional(1, 'string'), tree: optional(2, 'test.Tree'), deeper: optional(3, 'test.Extra2', { inline: true }) },
  },
  'test.Extra': { fields: { labels: map(1, 'string', 'string') } },
  'test.Extra2': { fields: { bottom: optional(1, 'int32'), wide: optional(2, 'int64', { int64: 'bigint' }) } },
  'test.Event': {
    fields: {
      at: optional(1, 'test.Stamp', { always: true }),
      log: repeated(2, 'test.Stamp'),
      by: map(3, 'string', 'test.Stamp'),
      note: optional(4, 'string'),
    },
  },
  'test.Stamp': { fields: { seconds: optional(1, 'int64') } },
};

const enums = { 'test.Colour': { RED: 0, GREEN: 1, BLUE: 2, NAVY: 2, ODD: -5 } };

export const PROTO3: ProtoSchema = { syntax: 'proto3', messages, enums };
export const PROTO2: ProtoSchema = { syntax: 'proto2', messages, enums };
