// Rules in schemas, through the API. Source: test/e2e/apimachinery/crd_validation_rules.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Api, definition, DEFINITIONS, objectOf, version, type Json } from './testing.ts';

let api: Api;
before(async () => {
  api = await Api.start();
});
after(() => api.stop());

const MERGE = { contentType: 'application/merge-patch+json' };
const INTEGER = { type: 'integer' };
const LIMITS = {
  properties: { x: INTEGER, y: INTEGER },
  'x-kubernetes-validations': [{ rule: 'self.x <= self.y', message: 'x is larger' }],
};

const ruled = (group: string, spec: Json, status?: Json): Json =>
  definition({
    group,
    versions: [version('v1', objectOf(spec, status), status === undefined ? {} : { subresources: { status: {} } })],
  });

/** Creates widget x. */
function create(group: string, spec: Json): ReturnType<Api['request']> {
  const body = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'x' }, spec };
  return api.request('POST', `/apis/${group}/v1/namespaces/default/widgets`, body);
}

const patch = (group: string, body: Json, subresource = ''): ReturnType<Api['request']> =>
  api.request('PATCH', `/apis/${group}/v1/namespaces/default/widgets/x${subresource}`, body, MERGE);

test('objects are refused when a rule does not hold, and taken when all do', async () => {
  const group = 'rules.example.com';
  await api.define(ruled(group, LIMITS));
  const refused = await create(group, { x: 2, y: 1 });
  assert.equal(refused.code, 422);
  assert.equal(refused.body.message, 'Widget.rules.example.com "x" is invalid: spec: Invalid value: x is larger');
  assert.equal((await create(group, { x: 1, y: 2 })).code, 201);
  const { text } = await api.request('GET', '/metrics');
  assert.match(text, /^apiserver_cel_compilation_duration_seconds_count [1-9]/m);
  assert.match(text, /^apiserver_cel_evaluation_duration_seconds_count 2$/m);
});

test('rules wait for objects of the right shape', async () => {
  const group = 'shape.example.com';
  await api.define(ruled(group, { ...LIMITS, required: ['x'] }));
  const { body } = await create(group, { y: 1 });
  assert.equal(
    body.message,
    'Widget.shape.example.com "x" is invalid: [spec.x: Required value, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]',
  );
});

test('rules compare with what was, status included', async () => {
  const group = 'changes.example.com';
  const once = { ...INTEGER, 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'is set once' }] };
  await api.define(ruled(group, { properties: { once } }, { properties: { once } }));
  assert.equal((await create(group, { once: 1 })).code, 201);
  assert.match((await patch(group, { spec: { once: 2 } })).body.message, /spec\.once: Invalid value: 2: is set once$/);
  assert.equal((await patch(group, { status: { once: 1 } }, '/status')).code, 200);
  assert.match((await patch(group, { status: { once: 2 } }, '/status')).body.message, /status\.once: Invalid value: 2: is set once$/);
});

test('what a new rule finds wrong with an object may stay, with a warning', async () => {
  const group = 'ratchet.example.com';
  const spec = (x: Json): Json => ({ properties: { x, y: INTEGER } });
  await api.define(ruled(group, spec(INTEGER)));
  assert.equal((await create(group, { x: 4 })).code, 201);
  const crd = await api.done('GET', `${DEFINITIONS}/widgets.${group}`);
  const small = { ...INTEGER, 'x-kubernetes-validations': [{ rule: 'self < 3' }] };
  await api.done('PUT', `${DEFINITIONS}/widgets.${group}`, {
    ...crd,
    spec: { ...crd.spec, versions: [version('v1', objectOf(spec(small)))] },
  });
  const kept = await patch(group, { spec: { y: 1 } });
  assert.equal(kept.code, 200);
  assert.match(kept.warnings.join(), /spec\.x: Invalid value: 4: failed rule: self < 3/);
  assert.match((await patch(group, { spec: { x: 5 } })).body.message, /spec\.x: Invalid value: 5: failed rule: self < 3$/);
});

for (const [what, rule, message] of [
  ['a field that is not there', { rule: 'self.z == 1' }, /undefined field 'z'/],
  ['an error of syntax', { rule: 'self = 42' }, /Syntax error: token recognition error at: '= '/],
] as const)
  test(`a definition is refused with ${what} in a rule`, async () => {
    const { code, body } = await api.request(
      'POST',
      DEFINITIONS,
      ruled('refused.example.com', { ...LIMITS, 'x-kubernetes-validations': [rule] }),
    );
    assert.equal(code, 422);
    assert.match(body.message, message);
  });

test('a definition is refused with a rule that could cost too much', async () => {
  const strings = { type: 'array', items: { type: 'string' } };
  const x = { type: 'array', items: { ...strings, 'x-kubernetes-validations': [{ rule: 'self.all(s, s == "string constant")' }] } };
  const { body } = await api.request('POST', DEFINITIONS, ruled('costly.example.com', { properties: { x } }));
  assert.match(body.message, /Forbidden: estimated rule cost exceeds budget by factor of more than 100x/);
});
