import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duplicateYamlKeys, parseYaml, repeatedYamlKeysText, parseYamlStream, toYaml, YamlError } from './yaml.ts';

for (const [text, value] of [
  ['a: yes\nb: Off\nc: n\nd: "yes"', { a: true, b: false, c: false, d: 'yes' }],
  ['mode: 0755\nb: 0o17\nc: 0x1F\nd: -0b11\ne: 1_000\nf: 08', { mode: 493, b: 15, c: 31, d: -3, e: 1000, f: 8 }],
  ['a: 1e3\nb: .5\nc: 1.\nd: 1e400', { a: 1000, b: 0.5, c: 1, d: '1e400' }],
  ['day: 2020-01-01\ntime: 12:30:45', { day: '2020-01-01', time: '12:30:45' }],
  ['a: ~\nb:\nc: null', { a: null, b: null, c: null }],
  ['1: a\n1.5: b\ntrue: c', { 1: 'a', 1.5: 'b', true: 'c' }],
  ['base: &b {x: 1}\nd:\n  <<: *b\n  x: 2', { base: { x: 1 }, d: { x: 2 } }],
  ['a: !x b\nc: !!binary aGk=', { a: 'b', c: 'hi' }],
  ['a: 1\na: 2', { a: 2 }],
  ['# only a comment', null],
  ['---\na: 1\n---\n}{', { a: 1 }],
  ['{"a": 1, "b": [true]}', { a: 1, b: [true] }],
  ['{a: 1, b: [x]}', { a: 1, b: ['x'] }],
] as const) {
  test(`parseYaml reads ${JSON.stringify(text)}`, () => assert.deepEqual(parseYaml(text), value));
}

for (const [text, message] of [
  ['a: b: c', 'yaml: mapping values are not allowed in this context'],
  ['a: b\n c: d', 'yaml: line 2: mapping values are not allowed in this context'],
  ['a:\n  - b\n c: d', 'yaml: line 2: did not find expected key'],
  ['a: [1', "yaml: line 1: did not find expected ',' or ']'"],
  ['a: &a [*a]', "yaml: anchor 'a' value contains itself"],
  ['a: &x 1\nb: &b {c: &c [*x], d: [{e: *b}]}', "yaml: anchor 'b' value contains itself"],
  ['a: *x', "yaml: unknown anchor 'x' referenced"],
  ['a: "x', 'yaml: found unexpected end of stream'],
  ['a:\n\t- b', 'yaml: line 2: found character that cannot start any token'],
  ['a: .nan', 'json: unsupported value: NaN'],
  ['~: 1', 'unsupported map key of type: %!s(<nil>)'],
] as const) {
  test(`parseYaml refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseYaml(text),
      (error: unknown) => error instanceof YamlError && error.message === message,
    );
  });
}

test('parseYaml refuses aliases that multiply', () => {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 9; i++) lines.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(',')}]`);
  assert.throws(() => parseYaml(lines.join('\n')), { message: 'yaml: document contains excessive aliasing' });
});

test('parseYamlStream gives every document that holds something', () => {
  assert.deepEqual(parseYamlStream('a: 1\n---\n---\n# c\n---\nb: 2\n'), [{ a: 1 }, { b: 2 }]);
});

test('duplicateYamlKeys names every line', () => {
  const repeated = duplicateYamlKeys('a: 1\nb:\n  c: 1\n  c: 2\na:\n- x\n');
  assert.deepEqual(repeated, ['line 4: key "c" already set in map', 'line 6: key "a" already set in map']);
  assert.equal(
    repeatedYamlKeysText(repeated),
    'yaml: unmarshal errors:\n  line 4: key "c" already set in map\n  line 6: key "a" already set in map',
  );
  assert.deepEqual(duplicateYamlKeys('a: 1\nb: {a: 1}\nc: [{a: 1}, {a: 2}]'), []);
  assert.deepEqual(duplicateYamlKeys('{"a": 1,\n "b": {"c": 1,\n "c": 2}, "a": 3}'), [
    'line 3: key "c" already set in map',
    'line 3: key "a" already set in map',
  ]);
});

test('toYaml prints sorted keys and reads back', () => {
  const value = { b: [{ y: 'yes', x: 1 }], a: 'line\n'.repeat(2), c: '0755', d: {}, e: [] };
  assert.equal(toYaml(value), 'a: |\n  line\n  line\nb:\n- x: 1\n  "y": "yes"\nc: "0755"\nd: {}\ne: []\n'.replaceAll('"', "'"));
  assert.deepEqual(parseYaml(toYaml(value)), value);
});
