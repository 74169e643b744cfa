import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANY, memberSchema, type FieldSchema, type ObjectSchema, type ScalarSchema } from './type-schema.ts';

const text: ScalarSchema = { shape: 'scalar', scalar: 'string', enum: undefined, default: undefined, nullable: false };
const field = (name: string): [string, FieldSchema] => [
  name,
  {
    name,
    type: text,
    required: false,
    mayBeNull: false,
    tellsEmpty: false,
    always: false,
    pointer: false,
    patchStrategy: [],
    patchMergeKey: undefined,
  },
];
const object = (unknownFields: 'drop' | 'keep'): ObjectSchema => ({
  shape: 'object',
  name: '',
  fields: new Map([field('a')]),
  unknownFields,
  mapType: 'granular',
  embedded: false,
  default: undefined,
  nullable: false,
});

test('memberSchema finds a declared field', () => assert.equal(memberSchema(object('drop'), 'a'), text));
test('memberSchema knows nothing of an undeclared field', () => assert.equal(memberSchema(object('drop'), 'b'), undefined));
test('memberSchema takes anything where unknown fields are kept', () => assert.equal(memberSchema(object('keep'), 'b'), ANY));
test('memberSchema gives the value type of a map', () =>
  assert.equal(memberSchema({ shape: 'map', values: text, mapType: 'granular', default: undefined, nullable: false }, 'b'), text));
test('memberSchema has no members in a scalar', () => assert.equal(memberSchema(text, 'a'), undefined));
