import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '#apimachinery/errors.ts';
import { memberSchema } from '#apimachinery/type-schema.ts';
import { decodeBody } from '../decode-body.ts';
import { applyDefaults } from '../defaults.ts';
import { Schema, type ResourceInfo } from '../schema.ts';
import { customObjectSchema, type Props } from './from-crd.ts';
import { decodeCustom } from './prune.ts';

const props: Props = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', default: 3 },
        color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
        port: { 'x-kubernetes-int-or-string': true },
        note: { type: 'string', nullable: true },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        parts: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { type: 'object', properties: { name: { type: 'string' }, protocol: { type: 'string', default: 'TCP' } } },
        },
        free: {
          type: 'object',
          'x-kubernetes-preserve-unknown-fields': true,
          properties: { known: { type: 'object', properties: { a: { type: 'string' } } } },
        },
        anything: { 'x-kubernetes-preserve-unknown-fields': true },
        template: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
} as unknown as Props;

const type = customObjectSchema(props);
const head = { kind: 'Widget', apiVersion: 'example.com/v1', metadata: { name: 'w' } };
const decode = (spec: object, fieldValidation: 'Strict' | 'Warn' | 'Ignore' = 'Ignore') =>
  decodeCustom<{ readonly spec: object }>({ ...head, spec }, type, { fieldValidation });

test('customObjectSchema knows what every object has', () => {
  assert.equal(memberSchema(type, 'metadata')?.shape, 'object');
  assert.equal(type.embedded, true);
});

test('customObjectSchema carries list and map facts', () => {
  const spec = memberSchema(type, 'spec');
  assert.ok(spec?.shape === 'object');
  const parts = memberSchema(spec, 'parts');
  assert.ok(parts?.shape === 'list');
  assert.deepEqual([parts.listType, parts.listMapKeys], ['map', ['name']]);
  assert.equal(memberSchema(parts.items, 'protocol')?.default, 'TCP');
  assert.equal(memberSchema(spec, 'labels')?.shape, 'map');
  assert.equal(spec.fields.get('size')?.required, true);
});

for (const c of [
  { name: 'drops unknown fields', in: { size: 1, what: 2 }, out: { size: 1 } },
  { name: 'drops unknown fields of list items', in: { parts: [{ name: 'a', x: 1 }] }, out: { parts: [{ name: 'a' }] } },
  {
    name: 'keeps unknown fields where told, but not below known ones',
    in: { free: { b: { c: 1 }, known: { a: 'x', z: 1 } } },
    out: { free: { b: { c: 1 }, known: { a: 'x' } } },
  },
  { name: 'keeps values of no type', in: { anything: [1, { b: null, a: 1 }] }, out: { anything: [1, { a: 1, b: null }] } },
  { name: 'drops a null that means nothing', in: { port: null, labels: { a: null, b: 'x' } }, out: { labels: { b: 'x' } } },
  { name: 'keeps a null that is a value', in: { note: null }, out: { note: null } },
  { name: 'leaves wrong types to validation', in: { size: 'big', parts: 7 }, out: { parts: 7, size: 'big' } },
  {
    name: 'reads embedded metadata',
    in: { template: { kind: 'Pod', metadata: { name: 'p', labels: {}, bogus: 1 }, apiVersion: 'v1', spec: { b: 1, a: 2 } } },
    out: { template: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'p' }, spec: { a: 2, b: 1 } } },
  },
]) {
  test(`decodeCustom ${c.name}`, () => assert.equal(JSON.stringify(decode(c.in).object), JSON.stringify({ ...head, spec: c.out })));
}

test('decodeCustom puts kind, apiVersion and metadata first and sorts the rest', () => {
  const { object } = decodeCustom<object>(
    { spec: { size: 1 }, metadata: { labels: { b: '1', a: '2' }, name: 'w' }, apiVersion: 'a/v1', kind: 'K' },
    type,
    { fieldValidation: 'Strict' },
  );
  assert.equal(
    JSON.stringify(object),
    '{"kind":"K","apiVersion":"a/v1","metadata":{"name":"w","labels":{"a":"2","b":"1"}},"spec":{"size":1}}',
  );
});

test('decodeCustom keeps no members of what has another type than its place, or none, and names them', () => {
  const schema = customObjectSchema({
    type: 'object',
    properties: {
      text: { type: 'string' },
      list: { type: 'array', items: { type: 'object', properties: { a: { type: 'integer' } } } },
      map: { type: 'object', additionalProperties: true },
      free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
  } as never);
  const given = { text: { a: 1 }, list: { b: 2 }, map: { one: { c: 3 }, two: 4 }, free: { d: { e: 5 } } };
  const whole = { apiVersion: 'a.b/v1', kind: 'K', metadata: { name: 'x' }, ...given };
  const { object, warnings } = decodeCustom<typeof given>(whole, schema, { fieldValidation: 'Warn' });
  const { text, list, map, free } = object;
  assert.deepEqual({ text, list, map, free }, { text: {}, list: {}, map: { one: {}, two: 4 }, free: { d: { e: 5 } } });
  assert.deepEqual(
    warnings,
    ['list.b', 'map.one.c', 'text.a'].map((path) => `unknown field "${path}"`),
  );
});

test('decodeCustom names unknown fields in order, metadata’s too', () => {
  const value = { ...head, metadata: { name: 'w', nme: 1 }, other: 1, spec: { z: 1, parts: [{ y: 1 }] } };
  const { warnings } = decodeCustom(value, type, { fieldValidation: 'Warn' });
  assert.deepEqual(warnings, [
    'unknown field "metadata.nme"',
    'unknown field "other"',
    'unknown field "spec.parts[0].y"',
    'unknown field "spec.z"',
  ]);
  assert.throws(
    () => decodeCustom(value, type, { fieldValidation: 'Strict' }),
    /^DecodeError: strict decoding error: unknown field "metadata.nme", unknown field "other"/,
  );
});

test('decodeCustom keeps everything for a CRD of old', () => {
  const { object } = decodeCustom<{ readonly any: object }>({ ...head, any: { b: 1 } }, customObjectSchema(undefined, true), {
    fieldValidation: 'Strict',
  });
  assert.deepEqual(object.any, { b: 1 });
});

test('applyDefaults follows the schema of a CRD, for nulls and list items too', () => {
  const { object } = decode({ color: null, parts: [{ name: 'a' }, { name: 'b', protocol: 'UDP' }] });
  const defaulted = applyDefaults(object, type, 0);
  assert.equal(
    JSON.stringify(defaulted.spec),
    '{"color":"red","parts":[{"name":"a","protocol":"TCP"},{"name":"b","protocol":"UDP"}],"size":3}',
  );
  assert.equal(applyDefaults(defaulted, type, 0), defaulted);
});

test('applyDefaults adds nothing below an absent parent', () => assert.deepEqual(applyDefaults({ ...head }, type, 0), head));

const resource: ResourceInfo = {
  group: 'example.com',
  version: 'v1',
  resource: 'widgets',
  kind: 'Widget',
  namespaced: true,
  singular: 'widget',
  shortNames: [],
  categories: [],
  listKind: 'WidgetList',
  verbs: ['get', 'create'],
  schema: type,
  subresources: new Map(),
  storage: { group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget' },
  removedIn: undefined,
  deprecatedIn: undefined,
  origin: 'custom',
};

test('Schema serves a custom resource from when it is added until it is removed', () => {
  const schema = new Schema();
  const before = schema.generation;
  schema.add(resource);
  assert.ok(schema.generation > before);
  assert.equal(schema.resource(resource), resource);
  assert.equal(schema.resourceOfKind(resource), resource);
  assert.deepEqual(schema.groups().at(-1), { name: 'example.com', versions: ['v1'] });
  schema.add({ ...resource, version: 'v1beta1' });
  schema.add({ ...resource, version: 'v2' });
  assert.deepEqual(schema.groups().at(-1)?.versions, ['v2', 'v1', 'v1beta1']);
  for (const version of ['v1', 'v2', 'v1beta1']) schema.remove({ ...resource, version });
  assert.equal(schema.kind(resource), undefined);
  assert.equal(
    schema.groups().some(({ name }) => name === 'example.com'),
    false,
  );
});

test('decodeBody reads custom bodies and refuses them in upstream’s words', () => {
  const schema = new Schema();
  schema.add(resource);
  const body = (value: unknown): unknown =>
    decodeBody(value, schema, { expected: resource, fieldValidation: 'Strict', text: JSON.stringify(value) }).object;
  assert.deepEqual(body({ ...head, spec: { size: 1 } }), { ...head, spec: { size: 1 } });
  const refusal = (value: unknown): string => {
    try {
      body(value);
    } catch (error) {
      assert.ok(error instanceof StatusError && error.code === 400);
      return error.message;
    }
    return '';
  };
  assert.equal(
    refusal({ apiVersion: 'example.com/v1' }),
    `the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in '{"apiVersion":"example.com/v1"}' ({"apiVersion":"example.com/v1" ...)`,
  );
  assert.equal(
    refusal({ ...head, apiVersion: 'example.com/v2' }),
    'the API version in the data (example.com/v2) does not match the expected API version (example.com/v1)',
  );
  assert.equal(
    refusal({ ...head, metadata: { labels: { a: 1 } } }),
    'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string',
  );
  assert.equal(
    refusal({ ...head, extra: 1 }),
    'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "extra"',
  );
});
