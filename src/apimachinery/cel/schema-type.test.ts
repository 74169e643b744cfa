import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapeName } from './names.ts';
import { schemaType, type SchemaProps } from './schema-type.ts';
import { showType, type Type } from './types.ts';

const REQUEST = 3 * 1024 * 1024;

function field(type: Type | undefined, ...path: readonly string[]): Type | undefined {
  let at = type;
  for (const name of path) at = at?.kind === 'object' ? at.fields.get(name)?.type : at?.kind === 'map' ? at.values : undefined;
  return at;
}

for (const c of [
  { name: 'a bounded string counts four bytes a character', schema: { type: 'string', maxLength: 5 }, type: 'string', size: 20 },
  { name: 'an enum is as long as its longest value', schema: { type: 'string', enum: ['a', 'abc'] }, type: 'string', size: 3 },
  { name: 'an unbounded string fills a request', schema: { type: 'string' }, type: 'string', size: REQUEST - 2 },
  { name: 'a date-time is a timestamp', schema: { type: 'string', format: 'date-time' }, type: 'google.protobuf.Timestamp', size: 32 },
  { name: 'a list is bounded', schema: { type: 'array', maxItems: 3, items: { type: 'integer' } }, type: 'list(int)', size: 3 },
  {
    name: 'an unbounded list by the size of its items',
    schema: { type: 'array', items: { type: 'boolean' } },
    type: 'list(bool)',
    size: Math.trunc((REQUEST - 2) / 5),
  },
  {
    name: 'a map by the size of its members',
    schema: { type: 'object', additionalProperties: { type: 'number' } },
    type: 'map(string, double)',
    size: Math.trunc((REQUEST - 2) / 7),
  },
  { name: 'either kind is dynamic', schema: { 'x-kubernetes-int-or-string': true }, type: 'dyn', size: REQUEST - 2 },
] satisfies { name: string; schema: SchemaProps; type: string; size: number }[]) {
  test(`schemaType: ${c.name}`, () => {
    const type = schemaType(c.schema, 'selfType');
    assert.ok(type);
    assert.deepEqual({ type: showType(type), size: type.maxElements }, { type: c.type, size: c.size });
  });
}

test('schemaType names objects by where they stand, escapes members and hides what has no type', () => {
  const type = schemaType(
    {
      type: 'object',
      properties: { spec: { type: 'object', properties: { namespace: { type: 'string' }, 'a-b': { type: 'integer' }, any: {} } } },
    },
    'selfType',
    true,
  );
  const spec = field(type, 'spec');
  assert.ok(spec?.kind === 'object');
  assert.equal(showType(spec), 'selfType.spec');
  assert.deepEqual([...spec.fields.keys()], ['__namespace__', 'a__dash__b']);
  assert.equal(field(type, 'metadata', 'name')?.kind, 'string');
});

for (const [name, escaped] of [
  ['spec', 'spec'],
  ['in', '__in__'],
  ['a__b', 'a__underscores__b'],
  ['x/y.z', 'x__slash__y__dot__z'],
  ['1a', undefined],
  ['a$', undefined],
] as const) {
  test(`escapeName: ${name}`, () => assert.equal(escapeName(name), escaped));
}

test('schemaType: keys of maps have no size, as upstream', () => {
  const type = schemaType({ type: 'object', additionalProperties: { type: 'string' } }, 'selfType');
  assert.equal(type?.kind === 'map' ? type.keys.maxElements : undefined, 0);
});
