import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CompileError, EvaluationError } from './errors.ts';
import { createEnvironment } from './environment.ts';
import { AUTHORIZER, authorizerValue } from './library/authorizer.ts';
import { schemaType } from './schema-type.ts';
import { DYN } from './types.ts';

const list = {
  type: 'array',
  maxItems: 10,
  items: {
    type: 'object',
    properties: {
      a: { type: 'array', maxItems: 7, items: { type: 'string', maxLength: 11 } },
      b: { type: 'string', maxLength: 300 },
      m: { type: 'object', maxProperties: 3, additionalProperties: { type: 'string', maxLength: 20 } },
    },
  },
};
const self = schemaType(
  {
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 10 },
      count: { type: 'integer' },
      ratio: { type: 'number' },
      tags: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 10 }, 'x-kubernetes-list-type': 'set' },
      since: { type: 'string', format: 'date-time' },
      'a-b': { type: 'string' },
      list,
      deep: { type: 'object', properties: { l: list } },
    },
  },
  'selfType',
);
assert.ok(self);
const env = createEnvironment({ variables: { self, object: DYN, authorizer: AUTHORIZER } });
/** Where nothing is a custom resource. */
const bare = createEnvironment({ variables: { object: DYN, authorizer: AUTHORIZER } });
const object = { name: 'web', count: 3, ratio: 1, tags: ['x', 'y'], since: '2026-01-02T03:04:05Z', 'a-b': 'c', list: [], deep: { l: [] } };

/** Source: k8s.io/apiserver pkg/cel/library cost_test.go, less the lists and maps of constants that a server folds. */
for (const [source, run, min, max] of [
  ['object.count == 3', 3, 2, 2],
  ['object.tags.all(t, t.size() > 0)', 15, 2, 2 ** 64],
  ['has(object.name)', 1, 1, 1],
  ["object.name in ['a', 'b']", 2, 13, 13],
  ["'abc'.contains('b')", 1, 1, 1],
  ["ip('192.168.0.1').family()", 3, 3, 3],
  ["url('https://kubernetes.io/').getHost()", 4, 4, 4],
  ["quantity('12Mi').isGreaterThan(quantity('1k'))", 3, 3, 3],
  ["semver('1.2.3').isLessThan(semver('2.0.0'))", 3, 3, 3],
  ['[1, 2, 3, 4, 5].sum()', 5, 15, 15],
  ['sets.equivalent([1], [1])', 3, 23, 23],
  ["authorizer.group('apps').resource('deployments').check('get').allowed()", 350_004, 350_004, 350_004],
  ["'true, false'.split(',')", 3, 3, 3],
  ["'a'.replace('a', 'bc')", 1, 1, 1],
  ["format.dns1123Label().validate('my-name')", 9, 33, 33],
  ['self.name == self.name', 5, 5, 8],
  // A type has the size of the object; where no schema tells one, none is known.
  ['type(self.name) == string', 4, 4, 4],
  ['type(object.name) == string', 4, 4, 2 ** 64 / 10 + 4],
  ['self.tags.all(t, t.size() < 5)', 15, 3, 33],
  ['self.tags.exists(t, t == self.name)', 19, 3, 58],
  // An item of what is no field counts as the object, which has no size of its own.
  ["(has(self.tags) ? self.tags : []).exists(t, t.contains('/'))", 15, 4, 37],
  ["['xx', self.name].exists(t, t.contains('/'))", 25, 21, 23],
  ["self.tags.all(t, [t].all(u, u.contains('/') || t.contains('/')))", 27, 3, 123],
  // The path of one member overwrites that of another: the items of `a` count as often as `b` is long.
  ['self.list.all(k, k.a.all(x, x != k.b))', 3, 3, 132_063],
  ['self.deep.l.all(k, k.a.exists(x, k.b.contains(x) && k.m.all(y, y == x)))', 4, 4, 43_814],
] as const) {
  test(`costs of ${source}`, () => {
    const program = (source.includes('self') ? env : bare).compile(source);
    const authorizer = authorizerValue({ authorize: () => ({ decision: 'allow', reason: '', error: '' }) });
    const { cost } = program.evaluate({ object, self: object, authorizer });
    assert.deepEqual({ cost, ...program.estimateCost() }, { cost: run, min, max });
  });
}

for (const [source, value] of [
  ["self.tags == ['y', 'x']", true],
  ["(self.tags + ['x', 'z']).size()", 3],
  ["object.tags == ['y', 'x']", false],
  ['self.ratio + 0.5 == 1.5', true],
  ['type(self.ratio) == double && type(object.ratio) == int', true],
  ['self.since.getFullYear() == 2026 && self.since == timestamp(object.since)', true],
  ["self.a__dash__b == 'c'", true],
  ['object.nothing.x || true', true],
  ['[1].exists(x, object.nothing)', undefined],
  ["object.?nothing.?x.orValue('none')", 'none'],
] as const) {
  test(`evaluates ${source}`, () => {
    const evaluate = (): unknown => env.compile(source).evaluate({ object, self: object }).value;
    if (value === undefined) assert.throws(evaluate, { name: 'EvaluationError', message: 'no such key: nothing' });
    else assert.equal(evaluate(), value);
  });
}

test('an evaluation ends when it has cost too much, and says what it cost', () => {
  const program = env.compile('object.tags.all(a, object.tags.all(b, object.tags.all(c, true)))');
  assert.throws(
    () => program.evaluate({ object }, { costLimit: 20 }),
    (error: EvaluationError) =>
      error.reason === 'costLimit' && error.cost > 20 && error.message === 'operation cancelled: actual cost limit exceeded',
  );
});

test('an authorizer is asked once for each question, however long it takes', async () => {
  const asked: string[] = [];
  const authorizer = authorizerValue({
    authorize: ({ verb, resource }) => {
      asked.push(`${verb} ${resource}`);
      return Promise.resolve({ decision: verb === 'get' ? 'allow' : 'deny', reason: 'because', error: '' } as const);
    },
  });
  const check = (verb: string): string => `authorizer.group('').resource('pods').check('${verb}')`;
  const { value } = await env.compile(`${check('get')}.allowed() && ${check('get')}.reason() == 'because'`).evaluateAsync({ authorizer });
  assert.equal(value, true);
  assert.deepEqual(asked, ['get pods']);
});

for (const [source, column, message] of [
  ["'%d of %s'.format([self.name, 1])", 24, 'error during formatting: decimal clause can only be used on integers, was given string'],
  [
    "'%s'.format([{'k': [optional.of(1)]}])",
    32,
    /^error during formatting: string clause can only be used on .*, was given optional_type$/,
  ],
  ["'%d %d'.format([1])", 15, 'index 1 out of range'],
  ["'%d'.format([1, 2])", 12, 'too many arguments supplied to string.format (expected 1, got 2)'],
  ["'100%'.format([])", 14, 'unexpected end of string'],
  ["'%y'.format([1])", 12, 'could not parse formatting clause: unrecognized formatting clause "y"'],
  [
    "'%.f'.format([1.0])",
    13,
    'could not parse formatting clause: error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax',
  ],
  ["'%x'.format([0.5])", 14, 'error during formatting: only integers, byte buffers, and strings can be formatted as hex, was given double'],
] as const) {
  test(`a format that cannot be followed makes no program: ${source}`, () => {
    assert.throws(
      () => env.compile(source),
      (error: CompileError) => {
        const [issue] = error.issues;
        assert.equal(issue?.column, column);
        if (typeof message === 'string') assert.equal(issue.message, message);
        else assert.match(issue.message, message);
        return true;
      },
    );
  });
}

test('a format of what is known only when it runs is no concern of the compiler', () => {
  for (const source of ["'%d%%'.format([object.count])", "object.name.format(['a'])", "'%s'.format(object.tags)", "'%.2f'.format(['NaN'])"])
    assert.doesNotThrow(() => env.compile(source), source);
});

test('a text of a mebibyte of spaces that is trimmed is read once', () => {
  const spaces = ' \u00a0\t'.repeat((1 << 20) / 3);
  for (const name of [`${spaces}x${spaces}`, `x${spaces}x`, spaces])
    assert.equal(env.compile('object.name.trim()').evaluate({ object: { name } }).value, name.trim());
});
