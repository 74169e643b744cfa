import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duplicateFieldText, inTextOrder, JsonError, MAX_JSON_DEPTH, parseJson, parseJsonStrict } from './json.ts';

for (const [text, message] of [
  ['', 'unexpected end of JSON input'],
  ['{', 'unexpected end of JSON input'],
  ['{"a":1', 'unexpected end of JSON input'],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['[1,]', "invalid character ']' looking for beginning of value"],
  ['[1 2]', "invalid character '2' after array element"],
  ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
  ['{} x', "invalid character 'x' after top-level value"],
  ['tru', "invalid character ' ' in literal true (expecting 'e')"],
  ['"a', 'unexpected end of JSON input'],
  ['"\\', "invalid character ' ' in string escape code"],
  ['"\\u0', "invalid character ' ' in \\u hexadecimal character escape"],
  ['trux', "invalid character 'x' in literal true (expecting 'e')"],
  ['"a\nb"', "invalid character '\\n' in string literal"],
  ['"\\x"', "invalid character 'x' in string escape code"],
  ['"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape"],
  ['01', "invalid character '1' after top-level value"],
  ['-', "invalid character ' ' in numeric literal"],
  ['1.', "invalid character ' ' after decimal point in numeric literal"],
  ['[1', 'unexpected end of JSON input'],
  ['1.x', "invalid character 'x' after decimal point in numeric literal"],
  ['1e', "invalid character ' ' in exponent of numeric literal"],
  ['é', "invalid character 'Ã' looking for beginning of value"],
] as const) {
  test(`parseJson refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseJson(text),
      (error: unknown) => error instanceof JsonError && error.message === message,
    );
  });
}

for (const [text, duplicates] of [
  ['{"a":1,"b":{"a":2}}', []],
  ['{"a":1,"a":2}', ['a']],
  ['{"spec":{"replicas":1,"replicas":2}}', ['spec.replicas']],
  ['{"s":{"c":[{"n":1},{"n":1,"n":2,"e":[{"v":1,"v":1}]}]}}', ['s.c[1].n', 's.c[1].e[0].v']],
  ['[[{"a":1,"a":1}]]', ['[0][0].a']],
  ['{"a":1,"\\u0061":2}', ['a']],
  ['{"a:":"x:y","b\\"":"\\\\","a:" : 1}', ['a:']],
  ['{"a":{"x":1,"x":2},"a":{"x":1}}', ['a.x', 'a']],
  ['{"__proto__":1,"__proto__":2}', ['__proto__']],
] as const) {
  test(`parseJsonStrict finds duplicates in ${text}`, () => {
    assert.deepEqual(parseJsonStrict(text).duplicates, duplicates);
    assert.deepEqual(parseJsonStrict(text).value, JSON.parse(text));
  });
}

test('duplicateFieldText prints as strict decoding does', () => {
  assert.equal(duplicateFieldText('spec.replicas'), 'duplicate field "spec.replicas"');
});

test('parseJson bounds depth, without a deep stack', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  assert.doesNotThrow(() => parseJson(nested(MAX_JSON_DEPTH)));
  for (const depth of [MAX_JSON_DEPTH + 1, 1_000_000]) {
    assert.throws(() => parseJson(nested(depth)), { message: "invalid character '[' exceeded max depth" });
    assert.throws(() => parseJsonStrict(nested(depth)), { message: "invalid character '[' exceeded max depth" });
  }
  assert.throws(() => parseJson('['.repeat(1_000_000)), JsonError);
});

test('inTextOrder tells of fields as they come in the text', () => {
  const text = '{"b":{"u":1,"r":1,"r":2},"l":[{"v":1}],"a":0}';
  const [r, u, v, a] = ['duplicate field "b.r"', 'unknown field "b.u"', 'unknown field "l[0].v"', 'unknown field "a"'] as const;
  assert.deepEqual(inTextOrder(text, [r, a, v, u]), [u, r, v, a]);
});

test('parseJson keeps whole numbers of 64 bits, and JSON.stringify gives them back', () => {
  const text = '{"a":9007199254740993,"b":[-9223372036854775808],"c":12345678901234567890,"d":1e30,"e":"9007199254740993","f":1.0}';
  const value = parseJson(text) as Readonly<Record<string, unknown>>;
  assert.deepEqual(value, {
    a: 9007199254740993n,
    b: [-9223372036854775808n],
    c: 12345678901234567000,
    d: 1e30,
    e: '9007199254740993',
    f: 1,
  });
  assert.match(JSON.stringify(value), /^\{"a":9007199254740993,"b":\[-9223372036854775808\],/);
  assert.deepEqual(parseJson('9007199254740993'), 9007199254740993n);
});
