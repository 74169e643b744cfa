// Laws that hold for every built-in type, on generated objects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExactly } from '#apimachinery/json.ts';
import { seededIds } from '#base/ids.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { decodeBody } from './decode-body.ts';
import { decodeValue } from './decode.ts';
import { encodeJson, typeMetaPrefixLength } from './encode.ts';
import { isJsonObject } from './json-object.ts';
import { applyDefaults } from './defaults.ts';
import { Schema } from './schema.ts';
import { Generator } from './testing/generate.ts';
import { assertSameText } from './testing/same-text.ts';
import type { KubeObject } from './types.ts';

const OBJECTS_A_TYPE = 12;
const NOW = 0;
const resources = [...new Schema({ serves: () => true }).resources()];

function each(law: (object: KubeObject, info: (typeof resources)[number], generator: Generator) => void): void {
  for (const info of resources) {
    const generator = new Generator(seededIds(info.kind.length * 1000 + info.version.length));
    for (let i = 0; i < OBJECTS_A_TYPE; i++) law(generator.object(info, info.schema), info, generator);
  }
}

const reread = (object: unknown, { schema }: (typeof resources)[number]): string =>
  JSON.stringify(decodeValue(parseExactly(JSON.stringify(object)), schema, { fieldValidation: 'Strict' }).object);

test('every type is generated', () => assert.equal(resources.length, 95));

test('decoding what was decoded changes nothing', () =>
  each((object, info) => assertSameText(reread(object, info), JSON.stringify(object))));

test('defaulting gives canonical objects', () =>
  each((object, info) => {
    const defaulted = applyDefaults(object, info.schema, NOW);
    assertSameText(reread(defaulted, info), JSON.stringify(defaulted));
  }));

test('defaulting twice changes nothing and copies nothing', () =>
  each((object, info) => {
    const once = applyDefaults(object, info.schema, NOW);
    assert.equal(applyDefaults(once, info.schema, NOW), once);
  }));

test('defaulting does not change its argument', () =>
  each((object, info) => {
    const before = JSON.stringify(object);
    applyDefaults(object, info.schema, NOW);
    assertSameText(JSON.stringify(object), before);
  }));

test('an unknown field anywhere is named and dropped', () =>
  each((object, info) => {
    const value = { ...object, metadata: { ...object.metadata, surprise: 1 } };
    assert.throws(() => decodeValue(value, info.schema, { fieldValidation: 'Strict' }), {
      message: 'strict decoding error: unknown field "metadata.surprise"',
    });
    assert.deepEqual(decodeValue(value, info.schema, { fieldValidation: 'Ignore' }).object, object);
  }));

const GARBAGE: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  '',
  'x',
  '25%',
  [],
  [[]],
  [null],
  {},
  { a: null },
  { __proto__: [] },
  { name: {} },
];

/** `value` with one random part replaced. */
function damaged(value: unknown, generator: Generator): unknown {
  const parts = Array.isArray(value) ? [...value.keys()] : isJsonObject(value) ? Object.keys(value) : [];
  if (parts.length === 0 || generator.pick([true, false, false, false])) return generator.pick(GARBAGE);
  const part = generator.pick<string | number>(parts);
  if (Array.isArray(value)) return value.with(part as number, damaged(value[part as number], generator));
  return { ...(value as object), [part]: damaged((value as Record<string, unknown>)[part], generator) };
}

test('a damaged body is decoded and defaulted or refused with 400, never anything else', () => {
  const schema = new Schema({ serves: () => true });
  each((object, info, generator) => {
    for (let i = 0; i < 5; i++) {
      const value = damaged(object, generator);
      try {
        const body = decodeBody<object>(value, schema, {
          expected: info,
          fieldValidation: generator.pick(['Strict', 'Warn', 'Ignore']),
          text: '',
        });
        const defaulted = applyDefaults(body.object, info.schema, NOW);
        assertSameText(reread(defaulted, info), JSON.stringify(defaulted));
      } catch (error) {
        assert.ok(error instanceof StatusError && error.code === 400, `${JSON.stringify(value)}: ${String(error)}`);
      }
    }
  });
});

test('every encoded object begins with its kind and version', () =>
  each((object, info) => {
    const bytes = encodeJson(object);
    const start = 1 + typeMetaPrefixLength(info);
    const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
    assertSameText(`{${bytes.subarray(start).toString()}`, JSON.stringify(rest));
  }));
