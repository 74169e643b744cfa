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
  ['args: [\n"a",\nb\n]\nnext: {\n}', { args: ['a', 'b'], next: {} }],
  ['{a:b}', { 'a:b': null }],
  ['[a: b, ? c : d]', [{ a: 'b' }, { c: 'd' }]],
  ['f: 08', { f: 8 }],
  ['a: .1_0\nb: .__1\nc: +.5\nd: 1_0.5_0', { a: 0.1, b: '.__1', c: 0.5, d: 10.5 }],
  ['! 1', '1'],
  ['[1e400, 1e300]', ['1e400', 1e300]],
  ['!!int "12"', 12],
  ['!!set {a, b}', { a: null, b: null }],
  ['!<%41> b', 'b'],
  ['%TAG !e! tag:x,2000:\n---\n!e!b c', 'c'],
  ['%YAML 1.1\n---\na: b', { a: 'b' }],
  ["x: 1\n<<: {x: 2}\n'<<': z", { x: 2, '<<': 'z' }],
  ['<<: [{x: 2}, {x: 3}]', { x: 2 }],
  ["a: \"x\\\n  y \\u00e9\\x41\\N\"\nb: 'it''s\n\n  z'", { a: 'xy éA\x85', b: "it's\nz" }],
  ['a: |2-\n   x\n\n\nb: >+\n  f\n   i\n  g\n\n', { a: ' x', b: 'f\n i\ng\n\n' }],
  ['a: plain\n  text #no\nb: a#b', { a: 'plain text', b: 'a#b' }],
  ['a: |\r\n  b\r\n  c\r\n', { a: 'b\nc\n' }],
  ['\ufeffa: b', { a: 'b' }],
  ['a:\tb', { a: 'b' }],
  ['? |\n  k\n: v', { 'k\n': 'v' }],
  ['a:\n- b\n-\n- c: d\n  e:\nf: g', { a: ['b', null, { c: 'd', e: null }], f: 'g' }],
  ['- &a b\n- *a\n- &m {x: *a}\n- *m', ['b', 'b', { x: 'b' }, { x: 'b' }]],
  ["'a'b", 'a'],
  ['[a]]', ['a']],
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
  ['a:\nb', "yaml: line 3: could not find expected ':'"],
  ['- a\nb: c', "yaml: line 1: did not find expected '-' indicator"],
  ['- a\n[c', "yaml: line 3: could not find expected ':'"],
  ['\n[a', "yaml: line 2: did not find expected ',' or ']'"],
  ['[a: b, ? a? c]', "yaml: did not find expected ',' or ']'"],
  ['{a: !x}', 'yaml: did not find expected whitespace or line break'],
  ['\t', 'yaml: found character that cannot start any token'],
  ['-\ta', 'yaml: found character that cannot start any token'],
  ['a: b\n\n\tc', 'yaml: line 3: found a tab character that violates indentation'],
  ['|\n\tx', 'yaml: line 2: found a tab character where an indentation space is expected'],
  ['|0\n x', 'yaml: found an indentation indicator equal to 0'],
  ['|x', 'yaml: did not find expected comment or line break'],
  ['"\\q"', 'yaml: found unknown escape character'],
  ['"\\x4"', 'yaml: did not find expected hexdecimal number'],
  ['"\\ud800"', 'yaml: found invalid Unicode character escape code'],
  ['"a\n---\nb"', 'yaml: line 2: found unexpected document indicator'],
  ['a: \x01', 'yaml: control characters are not allowed'],
  ['&', 'yaml: did not find expected alphabetic or numeric character'],
  ['!!', 'yaml: did not find expected tag URI'],
  ['!<a b', "yaml: did not find the expected '>'"],
  ['!<%4> b', 'yaml: did not find URI escaped octet'],
  ['!e!b c', 'yaml: found undefined tag handle'],
  ['...', 'yaml: did not find expected node content'],
  ['%YAML 1.2\n---\na', 'yaml: found incompatible YAML document'],
  ['%YAML 1.1\n%YAML 1.1\n---\na', 'yaml: line 1: found duplicate %YAML directive'],
  ['%FOO\n---\na', 'yaml: found unknown directive name'],
  ['%YAML 1.1\na', 'yaml: line 1: did not find expected <document start>'],
  ['- - a\n: b', "yaml: line 1: did not find expected '-' indicator"],
  ['a: - b', 'yaml: block sequence entries are not allowed in this context'],
  ['a: ? b', 'yaml: mapping keys are not allowed in this context'],
  ['!!int x', 'yaml: cannot decode !!str `x` as a !!int'],
  ['!!binary aG=', 'yaml: !!binary value contains invalid base64 data'],
  ['<<: 3', 'yaml: map merge requires map or sequence of maps as the value'],
  ['[a, {b: 1}]: c', 'yaml: invalid map key: []interface {}{"a", map[interface {}]interface {}{"b":1}}'],
  [
    '~: {a: [1.5, x, ~]}',
    'unsupported map key of type: %!s(<nil>), key: <nil>, value: map[interface {}]interface {}{"a":[]interface {}{1.5, "x", interface {}(nil)}}',
  ],
  ['~: 1', 'unsupported map key of type: %!s(<nil>), key: <nil>, value: 1'],
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

test('parseYaml reads collections inside each other as deep as JSON, and none deeper', () => {
  const deep = (depth: number): string => '['.repeat(depth) + 'x' + ']'.repeat(depth);
  assert.doesNotThrow(() => parseYaml(deep(1000)));
  assert.doesNotThrow(() => parseYaml(`${'- '.repeat(1000)}x`));
  for (const text of [deep(1001), `${'- '.repeat(1001)}x`, '['.repeat(100_000)]) {
    assert.throws(() => parseYaml(text), { name: 'YamlError', message: 'yaml: exceeded max depth of 1000' });
  }
});

test('a key ends within 1024 characters, on its line', () => {
  assert.deepEqual(parseYaml(`${'k'.repeat(1024)}: v`), { ['k'.repeat(1024)]: 'v' });
  for (const text of [`${'k'.repeat(1025)}: v`, 'a\n b: c']) {
    assert.throws(() => parseYaml(text), { name: 'YamlError', message: /mapping values are not allowed in this context$/ });
  }
});

test('parseYamlStream gives every document that holds something', () => {
  assert.deepEqual(parseYamlStream('a: 1\n---\n---\n# c\n---\nb: 2\n'), [{ a: 1 }, { b: 2 }]);
  assert.deepEqual(parseYamlStream('a\n...\n...\n%YAML 1.1\n--- b\n---\n'), ['a', 'b']);
  assert.throws(() => parseYamlStream('a: 1\n...\nb'), { message: 'yaml: line 2: did not find expected <document start>' });
});

test('duplicateYamlKeys names every line', () => {
  const repeated = duplicateYamlKeys('a: 1\nb:\n  c: 1\n  c: 2\na:\n- x\n');
  assert.deepEqual(repeated, ['line 4: key "c" already set in map', 'line 6: key "a" already set in map']);
  assert.equal(
    repeatedYamlKeysText(repeated),
    'yaml: unmarshal errors:\n  line 4: key "c" already set in map\n  line 6: key "a" already set in map',
  );
  assert.deepEqual(duplicateYamlKeys('1: x\n1:\n\ntrue: y\non: z\n<<: {1: 2}'), [
    'line 2: key 1 already set in map',
    'line 5: key true already set in map',
    'line 6: key 1 already set in map',
  ]);
  assert.deepEqual(duplicateYamlKeys('a: 1\nb: {a: 1}\nc: [{a: 1}, {a: 2}]'), []);
  assert.deepEqual(duplicateYamlKeys('{"a": 1,\n "b": {"c": 1,\n "c": 2}, "a": 3}'), [
    'line 3: key "c" already set in map',
    'line 3: key "a" already set in map',
  ]);
});

test('toYaml prints sorted keys and reads back', () => {
  const value = { b: [{ y: 'yes', x: 1 }], a: 'line\n'.repeat(2), c: '0755', d: {}, e: [] };
  assert.equal(toYaml(value), 'a: |\n  line\n  line\nb:\n- x: 1\n  "y": "yes"\nc: "0755"\nd: {}\ne: []\n');
  assert.deepEqual(parseYaml(toYaml(value)), value);
});

const LONG = 'word '.repeat(20).trim();

for (const [value, text] of [
  [null, 'null\n'],
  ['', '""\n'],
  [{ '': '' }, '"": ""\n'],
  [['plain text', 'a:b', 'a#b', 'a, b]', '=', 'é'], '- plain text\n- a:b\n- a#b\n- a, b]\n- =\n- é\n'],
  [["it's: x", '- a', '#', 'a ', '@x', '---'], "- 'it''s: x'\n- '- a'\n- '#'\n- 'a '\n- '@x'\n- '---'\n"],
  [['true', '1e3', '0o17', '~', '12:30:45', '2020-01-01'], '- "true"\n- "1e3"\n- "0o17"\n- "~"\n- "12:30:45"\n- "2020-01-01"\n'],
  [['a\tb', '\0', '\u{1f600}', 'a \nb'], '- "a\\tb"\n- "\\0"\n- "\\U0001F600"\n- "a \\nb"\n'],
  [{ t: 'a\nb', u: ' a\nb\n', v: 'a\n\n', w: '\na' }, 't: |-\n  a\n  b\nu: |2\n   a\n  b\nv: |+\n  a\n\nw: |2-\n\n  a\n'],
  [[1, -1.5, 1e21, 2 ** 52, 10n ** 18n, false], '- 1\n- -1.5\n- 1e+21\n- 4503599627370496\n- 1000000000000000000\n- false\n'],
  [[[1, [2]], [], [{ a: [1] }]], '- - 1\n  - - 2\n- []\n- - a:\n    - 1\n'],
  [
    { a10: 1, a2: 2, B: 3, '10': 4, '9': 5, _x: 6, a: { b: { c: [{}] } } },
    '_x: 6\n"9": 5\n"10": 4\nB: 3\na:\n  b:\n    c:\n    - {}\na2: 2\na10: 1\n',
  ],
  [{ 'a\nb': { c: 1 } }, '? |-\n  a\n  b\n: c: 1\n'],
  [{ [`k${'x'.repeat(128)}`]: [1] }, `? k${'x'.repeat(128)}\n: - 1\n`],
  [{ a: LONG }, `a: ${'word '.repeat(15).trim()} word\n  ${'word '.repeat(4).trim()}\n`],
  [{ a: `${LONG}: x` }, `a: '${'word '.repeat(15).trim()} word\n  ${'word '.repeat(4).trim()}: x'\n`],
] as const) {
  test(`toYaml prints ${JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)).slice(0, 60)}`, () => {
    assert.equal(toYaml(value), text);
    assert.deepEqual(parseYaml(text), value);
  });
}
