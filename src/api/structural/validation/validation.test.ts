import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText } from '#apimachinery/field-errors.ts';
import type { Props } from '../from-crd.ts';
import { compileValidator } from './compile.ts';
import { compileEmbeddedChecks } from './embedded.ts';
import { compileListChecks } from './lists.ts';

const ofSpec = (spec: object): Props => ({ type: 'object', properties: { a: spec } }) as Props;
const texts = (spec: object, value: unknown): readonly string[] => compileValidator(ofSpec(spec)).create({ a: value }).map(errorText);

const NOT_WHOLE = '<nil>: Invalid value: "": Checked value must be of type integer (default format) in a';

/** Texts are upstream's, as its validator gives them for the same schema and value. */
const CASES: readonly (readonly [name: string, spec: object, value: unknown, errors: readonly string[]])[] = [
  ['a text for a number', { type: 'integer' }, 'x', ['a: Invalid value: "string": a in body must be of type integer: "string"']],
  [
    'a fraction for a whole number',
    { type: 'integer' },
    1.5,
    [
      'a: Invalid value: "number": a in body must be of type integer: "number"',
      '<nil>: Invalid value: "": Checked value must be of type integer (default format) in a',
    ],
  ],
  ['a whole number for a number', { type: 'number' }, 1, []],
  ['what is hardly more than a whole number', { type: 'integer', multipleOf: 3 }, 123_456_789.125, [NOT_WHOLE]],
  [
    'what is hardly less than a whole number',
    { type: 'integer' },
    2.999_999_999_9,
    ['a: Invalid value: "number": a in body must be of type integer: "number"', NOT_WHOLE],
  ],
  ['a multiple but for what floats lose', { type: 'number', multipleOf: 0.1 }, 1.1, []],
  [
    'a multiple that floats miss from below',
    { type: 'number', multipleOf: 0.01 },
    0.29,
    ['a: Invalid value: 0.29: a in body should be a multiple of 0.01'],
  ],
  ['a fraction where whole numbers are listed', { type: 'number', enum: [1, 2] }, 1.5, []],
  [
    'an object that is not listed',
    { type: 'object', enum: ['x'] },
    { b: 1, a: 2 },
    ['a: Unsupported value: {"a":2,"b":1}: supported values: "x"'],
  ],
  [
    'alternatives of which as many checks were made',
    { type: 'object', anyOf: [{ enum: ['x'] }, { maxProperties: 0 }] },
    { b: 1 },
    ['<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)', 'a: Unsupported value: {"b":1}: supported values: "x"'],
  ],
  [
    'alternatives of which one looks further',
    { type: 'object', anyOf: [{ enum: ['x'] }, { required: ['c'], properties: { b: { minimum: 5 } } }] },
    { b: 'abc' },
    ['<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)', 'a.c: Required value'],
  ],
  ['null', { type: 'string' }, null, ['a: Invalid value: "null": a in body must be of type string: "null"']],
  ['null where it may be', { type: 'string', nullable: true }, null, []],
  [
    'a list for a number or text',
    { 'x-kubernetes-int-or-string': true },
    [],
    ['a: Invalid value: "array": a in body must be of type integer,string: "array"'],
  ],
  ['what is too small', { type: 'integer', minimum: 2 }, 1, ['a: Invalid value: 1: a in body should be greater than or equal to 2']],
  [
    'what must be smaller',
    { type: 'number', maximum: 1.5, exclusiveMaximum: true },
    1.5,
    ['a: Invalid value: 1.5: a in body should be less than 1.5'],
  ],
  ['what is no multiple', { type: 'integer', multipleOf: 3 }, 4, ['a: Invalid value: 4: a in body should be a multiple of 3']],
  [
    'a whole number beside a factor below one',
    { type: 'number', multipleOf: 0.5 },
    3,
    ['a: Invalid value: 0: factor MultipleOf declared for a must be positive: 0'],
  ],
  ['a whole number beside a factor of halves', { type: 'number', multipleOf: 2.5 }, 4, []],
  [
    'bounds that are none of their type',
    { type: 'integer', multipleOf: 0.5, minimum: 1.5, maximum: 2.5 },
    3,
    [
      '<nil>: Invalid value: "": MultipleOf value must be of type integer (default format) in a',
      '<nil>: Invalid value: "": Minimum boundary value must be of type integer (default format) in a',
      '<nil>: Invalid value: "": Maximum boundary value must be of type integer (default format) in a',
      'a: Invalid value: 3: a in body should be less than or equal to 2.5',
    ],
  ],
  [
    'what is too large to be whole',
    { type: 'integer', maximum: 10 },
    1e20,
    [
      'a: Invalid value: "number": a in body must be of type integer: "number"',
      '<nil>: Invalid value: "": Checked value must be of type integer (default format) in a',
      'a: Invalid value: 1e+20: a in body should be less than or equal to 10',
    ],
  ],
  [
    'what is too large for its format',
    { type: 'integer', format: 'int32' },
    2 ** 31,
    ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in a'],
  ],
  ['a long text', { type: 'string', maxLength: 2 }, 'äöü', ['a: Too long: may not be more than 2 bytes']],
  ['a short text', { type: 'string', minLength: 3 }, 'äö', ['a: Invalid value: "äö": a in body should be at least 3 chars long']],
  ['a text of another form', { type: 'string', pattern: '^a+$' }, 'b', ['a: Invalid value: "b": a in body should match \'^a+$\'']],
  [
    'a text of another format',
    { type: 'string', format: 'date-time' },
    'x',
    ['a: Invalid value: "x": a in body must be of type date-time: "x"'],
  ],
  ['a number for a format', { type: 'string', format: 'date' }, 1, ['a: Invalid value: "int64": a in body must be of type date: "int64"']],
  ['a format nobody knows', { type: 'string', format: 'colour' }, 'x', []],
  ['a value that is not offered', { enum: ['x', 1] }, 'y', ['a: Unsupported value: "y": supported values: "x", "1"']],
  ['what rounds to the greatest float', { type: 'number', format: 'float' }, 3.4028235e38, []],
  [
    'more than a float can be',
    { type: 'number', format: 'float' },
    3.4028236e38,
    ['<nil>: Invalid value: "": Checked value must be of type number with format float in a'],
  ],
  ['few items', { type: 'array', minItems: 1 }, [], ['a: Invalid value: 0: a in body should have at least 1 items']],
  ['many items', { type: 'array', maxItems: 1 }, [1, 2], ['a: Too many: 2: must have at most 1 item']],
  ['many members', { type: 'object', maxProperties: 1 }, { x: 1, y: 2 }, ['a: Too many: 2: must have at most 1 item']],
  ['a missing member of an item', { type: 'array', items: { type: 'object', required: ['k'] } }, [{}], ['a[0].k: Required value']],
  [
    'a value of a map',
    { type: 'object', additionalProperties: { type: 'string' } },
    { 'b.c': 1 },
    ['a.b.c: Invalid value: "integer": a.b.c in body must be of type string: "integer"'],
  ],
  [
    'none of several',
    { type: 'string', anyOf: [{ pattern: '^a' }, { minLength: 9 }] },
    'b',
    ['<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)', 'a: Invalid value: "b": a in body should match \'^a\''],
  ],
  [
    'two of which one',
    { type: 'string', oneOf: [{ pattern: '^a' }, { minLength: 1 }] },
    'a',
    ['<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
  ],
  [
    'the alternative that fits best',
    { type: 'object', oneOf: [{ required: ['x'] }, { properties: { y: { enum: [1] } }, required: ['y'] }] },
    { y: 2 },
    [
      '<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found none valid',
      'a.y: Unsupported value: 2: supported values: "1"',
    ],
  ],
  [
    'not all of all',
    { type: 'string', allOf: [{ pattern: '^a' }, { minLength: 1 }] },
    'b',
    ['a: Invalid value: "b": a in body should match \'^a\'', '<nil>: Invalid value: "": "a" must validate all the schemas (allOf)'],
  ],
  [
    'what must not be',
    { type: 'string', not: { pattern: '^a' } },
    'a',
    ['<nil>: Invalid value: "": "a" must not validate the schema (not)'],
  ],
];

for (const [name, spec, value, errors] of CASES) {
  test(`compileValidator judges ${name}`, () => assert.deepEqual(texts(spec, value), errors));
}

test('compileValidator tells paths of a part from the whole', () => {
  const status = compileValidator({ type: 'object', properties: { n: { type: 'integer' } }, required: ['m'] } as Props, 'status');
  assert.deepEqual(status.create({ n: 'x' }).map(errorText), [
    'status.n: Invalid value: "string": n in body must be of type integer: "string"',
    'status.m: Required value',
  ]);
});

const KEYED = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['k'],
  items: { type: 'object', properties: { k: { type: 'string' }, v: { type: 'string', maxLength: 1 } } },
};
const LONG = { type: 'string', maxLength: 1 };

for (const [name, spec, old, next, errors] of [
  ['a member that stays wrong', { type: 'object', properties: { x: LONG, y: LONG } }, { x: 'long', y: 'a' }, { x: 'long', y: 'b' }, []],
  [
    'a member that becomes wrong',
    { type: 'object', properties: { x: LONG } },
    { x: 'a' },
    { x: 'long' },
    ['a.x: Too long: may not be more than 1 byte'],
  ],
  [
    'items by their keys',
    KEYED,
    [{ k: '1', v: 'long' }],
    [
      { k: '2', v: 'a' },
      { k: '1', v: 'long' },
    ],
    [],
  ],
  [
    'a list of which items changed places',
    { ...KEYED, maxItems: 1 },
    [{ k: '1' }, { k: '2', v: 'long' }],
    [{ k: '2', v: 'long' }, { k: '1' }],
    [],
  ],
  [
    'a list that was too long before and has another item',
    { ...KEYED, maxItems: 1 },
    [{ k: '1' }, { k: '2' }],
    [{ k: '2' }, { k: '3' }],
    ['a: Too many: 2: must have at most 1 item'],
  ],
  [
    'items that only have a place',
    { type: 'array', items: LONG },
    ['long'],
    ['long', 'a'],
    ['a[0]: Too long: may not be more than 1 byte'],
  ],
  ['a list as a whole', { type: 'array', items: LONG }, ['long'], ['long'], []],
  ['items that lack a key', KEYED, [{ v: 'long' }], [{ v: 'long' }], ['a[0].v: Too long: may not be more than 1 byte']],
  [
    'items whose key is null',
    { ...KEYED, items: { type: 'object', properties: { k: { type: 'string', nullable: true }, v: LONG } } },
    [{ k: null, v: 'long' }],
    [{ k: null, v: 'long' }],
    ['a[0].v: Too long: may not be more than 1 byte'],
  ],
  [
    'the first of the items that had the keys',
    KEYED,
    [
      { k: '1', v: 'long' },
      { k: '1', v: 'a' },
    ],
    [{ k: '1', v: 'long' }],
    [],
  ],
  [
    'alternatives, which know nothing of what was before',
    { type: 'object', properties: { x: { type: 'string' }, y: { type: 'string' } }, anyOf: [{ properties: { x: { maxLength: 1 } } }] },
    { x: 'long', y: 'a' },
    { x: 'long', y: 'b' },
    ['<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)', 'a.x: Too long: may not be more than 1 byte'],
  ],
  ['values of a map', { type: 'object', additionalProperties: LONG }, { x: 'long' }, { x: 'long', y: 'a' }, []],
] as const) {
  test(`compileValidator compares ${name} on update`, () => {
    assert.deepEqual(compileValidator(ofSpec(spec)).update({ a: next }, { a: old }).map(errorText), errors);
  });
}

test('compileValidator holds the version of a whole object against its schema though it was the same before', () => {
  const schema = { type: 'object', properties: { apiVersion: { type: 'string', pattern: '^a/v1$' } } } as Props;
  const object = { apiVersion: 'a/v2' };
  assert.deepEqual(
    compileValidator(schema)
      .update(object, { ...object, kind: 'A' })
      .map(errorText),
    [`apiVersion: Invalid value: "a/v2": apiVersion in body should match '^a/v1$'`],
  );
});

for (const [name, spec, value, errors] of [
  [
    'sets',
    { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    ['x', 'y', 'x', 'x'],
    ['a[2]: Duplicate value: "x"'],
  ],
  [
    'sets of objects',
    { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'object', 'x-kubernetes-map-type': 'atomic' } },
    [
      { b: 1, a: { d: 2, c: 3 } },
      { a: { c: 3, d: 2 }, b: 1 },
    ],
    ['a[1]: Duplicate value: {"a":{"c":3,"d":2},"b":1}'],
  ],
  [
    'lists with several keys',
    { ...KEYED, 'x-kubernetes-list-map-keys': ['v', 'k'] },
    [
      { k: '1', v: 'a' },
      { k: '1', v: 'a' },
    ],
    ['a[1]: Duplicate value: {"k":"1","v":"a"}'],
  ],
  ['keyed lists', KEYED, [{ k: '1' }, { k: '2' }, { k: '1' }], ['a[2]: Duplicate value: {"k":"1"}']],
  ['keyed lists of something else', KEYED, ['x'], ['a[0]: Invalid value: "x": must be an object for an array of list-type map']],
] as const) {
  test(`compileListChecks judges ${name}`, () =>
    assert.deepEqual((compileListChecks(ofSpec(spec))?.({ a: value }) ?? []).map(errorText), errors));
}

test('compileListChecks and compileEmbeddedChecks have nothing to do for most schemas', () => {
  assert.equal(compileListChecks(ofSpec({ type: 'array', items: { type: 'string' } })), undefined);
  assert.equal(compileEmbeddedChecks(ofSpec({ type: 'object' })), undefined);
});

test('compileEmbeddedChecks asks whole objects what they are', () => {
  const check = compileEmbeddedChecks(ofSpec({ type: 'object', 'x-kubernetes-embedded-resource': true }));
  assert.deepEqual((check?.({ a: { kind: 'Pod', metadata: { name: 'a/b' } } }) ?? []).map(errorText), [
    'a.apiVersion: Required value',
    'a.metadata.name: Invalid value: "a/b": may not contain \'/\'',
  ]);
});
