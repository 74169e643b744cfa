import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabelRequirement, SelectorError } from './label-requirement.ts';
import { everything, formatLabelSelector, nothing, parseLabelSelector, selectorFromObject, selectorFromSet } from './labels.ts';

const labels = { app: 'web', tier: 'front', n: '5', empty: '' };

for (const [text, canonical, matches] of [
  ['', '', true],
  ['app=web', 'app=web', true],
  ['app == web', 'app==web', true],
  ['app!=web', 'app!=web', false],
  ['tier in (back, front)', 'tier in (back,front)', true],
  ['tier notin (back,front)', 'tier notin (back,front)', false],
  ['absent notin (a)', 'absent notin (a)', true],
  ['app,!absent', '!absent,app', true],
  ['!app', '!app', false],
  ['n>4,n<6', 'n>4,n<6', true],
  ['n>5', 'n>5', false],
  ['tier>1', 'tier>1', false],
  ['empty=', 'empty=', true],
  ['app in ()', 'app in ()', false],
  ['in in (in,notin)', 'in in (in,notin)', false],
  ['constructor', 'constructor', false],
] as const) {
  test(`parseLabelSelector reads ${JSON.stringify(text)}`, () => {
    const selector = parseLabelSelector(text);
    assert.equal(selector.toString(), canonical);
    assert.equal(selector.matches(labels), matches);
    assert.equal(parseLabelSelector(selector.toString()).toString(), canonical);
  });
}

const VALUE = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`;
for (const [text, message] of [
  ['a=b c', "found 'c', expected: ',' or 'end of string'"],
  ['a=b,', "found '', expected: identifier after ','"],
  ['a in b', "unable to parse requirement: found 'b' expected: '('"],
  ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
  ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  [')', "found ')', expected: !, identifier, or 'end of string'"],
  ['a=B@', `unable to parse requirement: values[0][a]: Invalid value: "B@": ${VALUE}`],
  ['a>x', "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"],
  [
    '-a',
    `unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
  ],
] as const) {
  test(`parseLabelSelector refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseLabelSelector(text),
      (error: unknown) => error instanceof SelectorError && error.message === message,
    );
  });
}

test('selectorFromObject selects nothing without an object and everything for an empty one', () => {
  assert.equal(selectorFromObject(undefined), nothing);
  assert.equal(selectorFromObject({}), everything);
  assert.equal(nothing.matches(labels), false);
  assert.equal(everything.matches(undefined), true);
  assert.equal(nothing.empty, false);
});

test('selectorFromObject joins labels and expressions in key order', () => {
  const object = { matchLabels: { tier: 'front' }, matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'api'] }] };
  const selector = selectorFromObject(object);
  assert.equal(selector.toString(), 'app in (api,web),tier=front');
  assert.ok(selector.matches(labels));
  assert.equal(selectorFromObject(object), selector);
});

test('selectorFromObject refuses unknown operators and empty sets', () => {
  assert.throws(() => selectorFromObject({ matchExpressions: [{ key: 'a', operator: 'Like' }] }), {
    message: '"Like" is not a valid label selector operator',
  });
  assert.throws(() => selectorFromObject({ matchExpressions: [{ key: 'a', operator: 'In' }] }), {
    message: "values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty",
  });
});

test('LabelSelector exposes what an index can use', () => {
  const selector = parseLabelSelector('app=web,tier in (front),n in (1,2)');
  assert.equal(selector.requiresExactMatch('app'), 'web');
  assert.equal(selector.requiresExactMatch('tier'), 'front');
  assert.equal(selector.requiresExactMatch('n'), undefined);
  assert.deepEqual(
    selector.requirements.map((r) => r.operator),
    ['=', 'in', 'in'],
  );
  assert.equal(selector.and(new LabelRequirement('zone', '!', [])).toString(), 'app=web,n in (1,2),tier in (front),!zone');
});

test('selectorFromSet and formatLabelSelector print as tables do', () => {
  assert.equal(selectorFromSet({ b: '2', a: '1' }).toString(), 'a=1,b=2');
  assert.equal(selectorFromSet(undefined), everything);
  assert.equal(formatLabelSelector({}), '<none>');
  assert.equal(formatLabelSelector({ matchLabels: { a: '@' } }), '<error>');
});
