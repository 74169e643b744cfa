import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyField, fieldEquals, parseFieldSelector } from './fields.ts';

const fields = { 'metadata.name': 'web', 'status.phase': 'Running' };

for (const [text, canonical, matches] of [
  ['', '', true],
  ['metadata.name=web', 'metadata.name=web', true],
  ['metadata.name==web,status.phase!=Failed', 'metadata.name=web,status.phase!=Failed', true],
  ['status.phase=Failed', 'status.phase=Failed', false],
  ['absent=', 'absent=', true],
  ['a=b\\,c', 'a=b\\,c', false],
  ['=', '', true],
  [',', '', true],
] as const) {
  test(`parseFieldSelector reads ${JSON.stringify(text)}`, () => {
    const selector = parseFieldSelector(text);
    assert.equal(selector.toString(), canonical);
    assert.equal(selector.matches(fields), matches);
    assert.equal(
      selector.matches((field) => (fields as Record<string, string>)[field] ?? ''),
      matches,
    );
  });
}

for (const [text, message] of [
  ['metadata.name', "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
  ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
  ['a=\\x', 'invalid field selector: invalid escape sequence: \\x'],
  ['a=\\', 'invalid field selector: invalid escape sequence: \\'],
] as const) {
  test(`parseFieldSelector refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseFieldSelector(text), { message }));
}

test('parseFieldSelector converts labels and passes on a refusal', () => {
  const convert = (field: string, value: string): readonly [string, string] => {
    if (field === 'spec.host') return ['spec.nodeName', value];
    throw new Error(`field label not supported: ${field}`);
  };
  assert.equal(parseFieldSelector('spec.host=n1', convert).requiresExactMatch('spec.nodeName'), 'n1');
  assert.throws(() => parseFieldSelector('x=1', convert), { message: 'field label not supported: x' });
  assert.equal(fieldEquals('a', 'b,c').toString(), 'a=b\\,c');
  assert.equal(parseFieldSelector(''), everyField);
  assert.equal(parseFieldSelector('=', convert), everyField, 'nothing is nothing: no resource is asked about it');
});
