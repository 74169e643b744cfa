// Rules on values, as upstream's validation_test.go has them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errorText } from '#apimachinery/field-errors.ts';
import type { Props } from '../from-crd.ts';
import { compileRuleValidator } from './validator.ts';

type Rule = NonNullable<Props['x-kubernetes-validations']>[number];

const INTEGER: Props = { type: 'integer' };
const ruled = (schema: object, ...rules: readonly Rule[]): Props => ({ ...schema, 'x-kubernetes-validations': rules }) as Props;
const object = (properties: object): Props => ({ type: 'object', properties }) as Props;
const list = (items: object, more: object = {}): Props => ({ type: 'array', items, ...more }) as Props;
const keyed = (items: object): Props => list(items, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] });

/** What is told about a value, or a change of one. */
function told(schema: Props, value: unknown, old?: unknown): readonly string[] {
  const rules = compileRuleValidator(object({ spec: schema }));
  const found = old === undefined ? rules?.create({ spec: value }) : rules?.update({ spec: value }, { spec: old });
  return [...(found?.errors ?? []).map(errorText), ...(found?.warnings ?? []).map((text) => `warning: ${text}`)];
}

interface Case {
  readonly name: string;
  readonly schema: Props;
  readonly value: unknown;
  readonly old?: unknown;
  readonly told: readonly string[];
}

function table(title: string, cases: readonly Case[]): void {
  describe(title, () => {
    for (const { name, schema, value, old, told: expected } of cases)
      test(name, () => assert.deepEqual(told(schema, value, old), expected));
  });
}

const AB = { a: INTEGER, b: INTEGER };
const SMALL: Rule = { rule: 'self.a <= self.b' };

table('a rule of an object that does not hold', [
  {
    name: 'is shown',
    schema: ruled(object(AB), SMALL),
    value: { a: 2, b: 1 },
    told: ['spec: Invalid value: failed rule: self.a <= self.b'],
  },
  {
    name: 'has its message',
    schema: ruled(object(AB), { ...SMALL, message: ' too large ' }),
    value: { a: 2, b: 1 },
    told: ['spec: Invalid value: too large'],
  },
  {
    name: 'works its message out',
    schema: ruled(object(AB), { ...SMALL, message: 'm', messageExpression: '"a is " + string(self.a)' }),
    value: { a: 2, b: 1 },
    told: ['spec: Invalid value: a is 2'],
  },
  {
    name: 'falls back on its message where that fails',
    schema: ruled(object(AB), { ...SMALL, message: 'm', messageExpression: '"x".substring(9)' }),
    value: { a: 2, b: 1 },
    told: ['spec: Invalid value: m'],
  },
  {
    name: 'names a field and a reason',
    schema: ruled(object(AB), { ...SMALL, fieldPath: '.a', reason: 'FieldValueForbidden' }),
    value: { a: 2, b: 1 },
    told: ['spec.a: Forbidden: failed rule: self.a <= self.b'],
  },
  {
    name: 'is told of its kind when it says Duplicate',
    schema: ruled(INTEGER, { rule: 'self < 3', reason: 'FieldValueDuplicate' }),
    value: 4,
    told: ['spec: Duplicate value: 4'],
  },
]);

table('rules of values', [
  { name: 'hold', schema: ruled(INTEGER, { rule: 'self == 3' }), value: 3, told: [] },
  {
    name: 'read URLs that have a fragment, and such as have no host',
    schema: ruled(
      { type: 'string' },
      { rule: "url(self).getQuery() == {'a': ['b', 'c']} && url(self).getEscapedPath() == '/x'" },
      { rule: "url('https:://example.com/').getHostname() == ''" },
      { rule: "!isURL('https://example.com#d') && !isURL('https://example.com#d/x') && isURL('https://example.com?a#d')" },
      { rule: "url('/a%2fb [!]ä').getEscapedPath() == '/a/b%20%5B%21%5D%C3%A4' && url('/a%2fb[!]').getEscapedPath() == '/a%2fb[!]'" },
      { rule: "!isURL('https://example.com/#%zz') && isURL('https://example.com/?#%zz') && !isURL('http://a b@example.com/')" },
    ),
    value: 'https://example.com/x?a=b&a=c#d',
    told: [],
  },
  {
    name: "take Go's zero time for none",
    schema: ruled(INTEGER, { rule: "optional.ofNonZeroValue(timestamp('0001-01-01T00:00:00Z')) == optional.none()" }),
    value: 1,
    told: [],
  },
  {
    name: 'show scalars',
    schema: ruled(INTEGER, { rule: 'self == 3' }),
    value: 4,
    told: ['spec: Invalid value: 4: failed rule: self == 3'],
  },
  { name: 'are not about null', schema: ruled({ ...INTEGER, nullable: true }, { rule: 'self == 3' }), value: null, told: [] },
  {
    name: 'name the keys of maps',
    schema: { type: 'object', additionalProperties: ruled(INTEGER, { rule: 'self < 3' }) } as unknown as Props,
    value: { x: 4 },
    told: ['spec[x]: Invalid value: 4: failed rule: self < 3'],
  },
  {
    name: 'name the items of lists',
    schema: list(ruled(INTEGER, { rule: 'self < 3' })),
    value: [1, 5],
    told: ['spec[1]: Invalid value: 5: failed rule: self < 3'],
  },
  {
    name: 'see whole objects inside',
    schema: ruled(
      { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
      { rule: 'self.kind == "Pod" && self.metadata.name.startsWith("x")' },
    ),
    value: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'y' } },
    told: ['spec: Invalid value: failed rule: self.kind == "Pod" && self.metadata.name.startsWith("x")'],
  },
  {
    name: 'fail with what is missing',
    schema: ruled(object(AB), { rule: 'self.a > 0' }),
    value: { b: 1 },
    told: ['spec: Invalid value: "object": no such key: a evaluating rule: self.a > 0'],
  },
  {
    name: 'take a field that is null for one that is absent, whatever its type',
    schema: ruled(
      object({
        text: { type: 'string', nullable: true },
        either: { 'x-kubernetes-int-or-string': true, nullable: true },
        map: { type: 'object', additionalProperties: { type: 'string', nullable: true } },
      }),
      { rule: '!has(self.text) && !has(self.either) && self.?text == optional.none()' },
      { rule: 'has(self.map.a) && "a" in self.map' },
      { rule: 'type(self.either) == int' },
    ),
    value: { text: null, either: null, map: { a: null } },
    told: ['spec: Invalid value: "object": no such key: either evaluating rule: type(self.either) == int'],
  },
  {
    name: 'fail on numbers that are texts',
    schema: ruled({ 'x-kubernetes-int-or-string': true }, { rule: 'self > 3' }),
    value: 'x',
    told: [
      `spec: Invalid value: "": 'no such overload': call arguments did not match a supported operator, function or macro signature for rule: self > 3`,
    ],
  },
  {
    name: 'stop when one costs too much',
    schema: ruled(list(INTEGER), { rule: 'self.all(a, self.all(b, self.all(c, a + b + c >= 0)))' }, { rule: 'false' }),
    value: Array.from({ length: 200 }, (_, i) => i),
    told: [
      `spec: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.all(a, self.all(b, self.all(c, a + b + c >= 0)))`,
    ],
  },
]);

const NAMED = object({ name: { type: 'string' }, n: INTEGER });

table('rules of changes', [
  { name: 'do not mind a new value', schema: ruled(INTEGER, { rule: 'self == oldSelf' }), value: 1, told: [] },
  {
    name: 'refuse another value',
    schema: ruled(INTEGER, { rule: 'self == oldSelf' }),
    value: 2,
    old: 1,
    told: ['spec: Invalid value: 2: failed rule: self == oldSelf'],
  },
  {
    name: 'mind a new value when they say so',
    schema: ruled(INTEGER, { rule: 'oldSelf.hasValue() && oldSelf.value() == self', optionalOldSelf: true }),
    value: 1,
    told: ['spec: Invalid value: 1: failed rule: oldSelf.hasValue() && oldSelf.value() == self'],
  },
  {
    name: 'read the old value through its option',
    schema: ruled(object(AB), { rule: 'oldSelf.orValue(self).a <= self.a', optionalOldSelf: true }),
    value: { a: 1 },
    old: { a: 2 },
    told: ['spec: Invalid value: failed rule: oldSelf.orValue(self).a <= self.a'],
  },
  {
    name: 'know the items of keyed lists again',
    schema: keyed(ruled(NAMED, { rule: 'self.n >= oldSelf.n', message: 'shrinks' })),
    value: [
      { name: 'b', n: 1 },
      { name: 'a', n: 1 },
      { name: 'c', n: 0 },
    ],
    old: [
      { name: 'a', n: 2 },
      { name: 'b', n: 0 },
    ],
    told: ['spec[1]: Invalid value: shrinks'],
  },
]);

table('what was wrong before', [
  {
    name: 'is warned of',
    schema: object({ x: ruled(INTEGER, { rule: 'self < 3' }), y: INTEGER }),
    value: { x: 4, y: 1 },
    old: { x: 4, y: 0 },
    told: ['warning: spec.x: Invalid value: 4: failed rule: self < 3'],
  },
  {
    name: 'is refused where it changes',
    schema: object({ x: ruled(INTEGER, { rule: 'self < 3' }) }),
    value: { x: 4 },
    old: { x: 5 },
    told: ['spec.x: Invalid value: 4: failed rule: self < 3'],
  },
  {
    name: 'may stay in a list that did not change',
    schema: object({ x: list(ruled(INTEGER, { rule: 'self < 3' })), y: INTEGER }),
    value: { x: [4], y: 1 },
    old: { x: [4], y: 0 },
    told: ['warning: spec.x[0]: Invalid value: 4: failed rule: self < 3'],
  },
  {
    name: 'is refused in a list that did',
    schema: list(ruled(INTEGER, { rule: 'self < 3' })),
    value: [4, 1],
    old: [4],
    told: ['spec[0]: Invalid value: 4: failed rule: self < 3'],
  },
]);
