import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as field from './field-errors.ts';
import { Path } from './field-path.ts';
import { byteOrder, goJson, goQuote } from './go-format.ts';

const at = Path.of('spec', 'containers').index(0).child('ports').key('http');

for (const [error, text] of [
  [field.required(at, 'must be set'), 'spec.containers[0].ports[http]: Required value: must be set'],
  [field.required(at, ''), 'spec.containers[0].ports[http]: Required value'],
  [field.invalid(at, 'a"b', 'no'), 'spec.containers[0].ports[http]: Invalid value: "a\\"b": no'],
  [field.invalid(at, -1, 'must be positive'), 'spec.containers[0].ports[http]: Invalid value: -1: must be positive'],
  [field.invalid(at, { a: '<b>' }, ''), 'spec.containers[0].ports[http]: Invalid value: {"a":"\\u003cb\\u003e"}'],
  [field.invalid(at, undefined, 'x'), 'spec.containers[0].ports[http]: Invalid value: null: x'],
  [field.notSupported(at, 'x', ['A', 'B']), 'spec.containers[0].ports[http]: Unsupported value: "x": supported values: "A", "B"'],
  [field.forbidden(at, 'not now'), 'spec.containers[0].ports[http]: Forbidden: not now'],
  [field.duplicate(at, 'x'), 'spec.containers[0].ports[http]: Duplicate value: "x"'],
  [field.notFound(at, 'x'), 'spec.containers[0].ports[http]: Not found: "x"'],
  [field.tooLong(at, 63), 'spec.containers[0].ports[http]: Too long: may not be more than 63 bytes'],
  [field.tooLong(at, 1), 'spec.containers[0].ports[http]: Too long: may not be more than 1 byte'],
  [field.tooMany(at, 5, 1), 'spec.containers[0].ports[http]: Too many: 5: must have at most 1 item'],
  [field.tooFew(at, 0, 2), 'spec.containers[0].ports[http]: Too few: 0: must have at least 2 items'],
  [field.typeInvalid(at, 1, 'x'), 'spec.containers[0].ports[http]: Invalid value: 1: x'],
  [field.internal(at, 'x'), 'spec.containers[0].ports[http]: Internal error: x'],
  [field.immutable(at, true), 'spec.containers[0].ports[http]: Invalid value: true: field is immutable'],
] as const) {
  test(`field error prints ${text.slice(30)}`, () => assert.equal(field.errorText(error), text));
}

test('toStatusError lists each text once in the message and every cause', () => {
  const one = field.required(Path.of('spec'), '');
  const status = field.toStatusError({ group: 'apps', kind: 'Deployment' }, 'web', [one, one, field.invalid(Path.of('a'), 1, 'b')]);
  assert.equal(status.message, 'Deployment.apps "web" is invalid: [spec: Required value, a: Invalid value: 1: b]');
  assert.equal(status.code, 422);
  assert.deepEqual(
    status.details?.causes?.map((c) => [c.reason, c.field, c.message]),
    [
      ['FieldValueRequired', 'spec', 'Required value'],
      ['FieldValueRequired', 'spec', 'Required value'],
      ['FieldValueInvalid', 'a', 'Invalid value: 1: b'],
    ],
  );
  assert.equal(field.toStatusError({ group: '', kind: 'Pod' }, 'p', [one]).message, 'Pod "p" is invalid: spec: Required value');
});

test('a refusal tells what fits into a mebibyte, and how much more there is', () => {
  const list = Array.from({ length: 10_000 }, (_, i) => `item-${i}`);
  const { message, details } = field.toStatusError(
    { group: '', kind: 'ConfigMap' },
    'a',
    list.map((item) => field.invalid('metadata.list', list, `${item} is one too many`)),
  );
  assert.ok(message.length < 2 << 20, String(message.length));
  const { field: path, message: last } = details?.causes?.at(-1) ?? {};
  assert.equal(path, '<nil>');
  assert.match(last ?? '', /^99\d\d more problems, which are not shown$/);
});

test('goQuote, goJson and byteOrder follow Go', () => {
  assert.equal(goQuote('é\n\u0001\u{10ffff}"\\'), '"é\\n\\x01\\U0010ffff\\"\\\\"');
  assert.equal(goJson({ a: undefined, b: [1, '&'] }), '{"b":[1,"\\u0026"]}');
  assert.deepEqual(['b', '\u{1f600}', '\uffee', 'a', ''].toSorted(byteOrder), ['', 'a', 'b', '\uffee', '\u{1f600}']);
});
