import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MutatingAdmissionPolicy, ValidatingAdmissionPolicy } from '../gen/admissionregistration-v1.ts';
import { validateMutatingPolicy, validateValidatingPolicy } from './admission/policies.ts';
import { updateErrors } from './fixture.ts';
import { Problems } from './problems.ts';

const MATCH = {
  matchPolicy: 'Equivalent',
  namespaceSelector: {},
  objectSelector: {},
  resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
};
const COMMON = { failurePolicy: 'Fail', matchConstraints: MATCH };

function problemsOf(kind: 'validating' | 'mutating', spec: object): readonly string[] {
  const out = new Problems();
  const policy = { metadata: { name: 'p' }, spec: { ...COMMON, ...spec } };
  if (kind === 'validating') validateValidatingPolicy(out, policy as unknown as ValidatingAdmissionPolicy);
  else validateMutatingPolicy(out, policy as unknown as MutatingAdmissionPolicy);
  return out.list.map(({ field, detail }) => `${field}: ${detail}`);
}

const caret = (expression: string, column: number, message: string): string =>
  `compilation failed: ERROR: <input>:1:${column}: ${message}\n | ${expression}\n | ${'.'.repeat(column - 1)}^`;
const undeclared = (name: string): string => `undeclared reference to '${name}' (in container '')`;

for (const c of [
  {
    name: 'good ones',
    spec: { variables: [{ name: 'a', expression: '1' }], validations: [{ expression: 'variables.a == 1' }] },
    problems: [],
  },
  {
    name: 'a name nobody declared',
    spec: { validations: [{ expression: 'foo == 1' }] },
    problems: [`spec.validations[0].expression: ${caret('foo == 1', 1, undeclared('foo'))}`],
  },
  {
    name: 'params without a kind of them',
    spec: { validations: [{ expression: 'params == 1' }] },
    problems: [`spec.validations[0].expression: ${caret('params == 1', 1, undeclared('params'))}`],
  },
  {
    name: 'another result',
    spec: { validations: [{ expression: '1' }] },
    problems: ['spec.validations[0].expression: must evaluate to bool but got int'],
  },
  {
    name: 'a message that asks the authorizer',
    spec: { validations: [{ expression: 'true', messageExpression: "authorizer.path('/').check('get').reason()" }] },
    problems: [
      `spec.validations[0].messageExpression: ${caret("authorizer.path('/').check('get').reason()", 1, undeclared('authorizer'))}`,
    ],
  },
  {
    name: 'an annotation of another type',
    spec: { auditAnnotations: [{ key: 'k', valueExpression: '1' }] },
    problems: ['spec.auditAnnotations[0].valueExpression: must evaluate to one of [string null_type] but got int'],
  },
  {
    name: 'a condition and a variable',
    spec: {
      matchConditions: [{ name: 'c', expression: 'x' }],
      variables: [{ name: 'a', expression: 'y' }],
      validations: [{ expression: 'variables.b' }],
    },
    problems: [
      `spec.matchConditions[0].expression: ${caret('x', 1, undeclared('x'))}`,
      `spec.variables[0].expression: ${caret('y', 1, undeclared('y'))}`,
      `spec.validations[0].expression: ${caret('variables.b', 10, "undefined field 'b'")}`,
    ],
  },
] as { name: string; spec: object; problems: string[] }[]) {
  test(`validateValidatingPolicy: ${c.name}`, () => assert.deepEqual(problemsOf('validating', c.spec), c.problems));
}

test('validateValidatingPolicy: each of thirty thousand variables knows the ones before it, and none after it', () => {
  const count = 30_000;
  const expressions = Array.from({ length: count }, (_, i) => (i === 0 ? '1' : `variables.v${i - 1} + 1`));
  expressions[count / 2] = `variables.v${count - 1}`;
  const variables = expressions.map((expression, i) => ({ name: `v${i}`, expression }));
  const spec = { variables, validations: [{ expression: `variables.v${count - 1} > 0` }] };
  assert.deepEqual(problemsOf('validating', spec), [
    `spec.variables[${count / 2}].expression: ${caret(`variables.v${count - 1}`, 10, `undefined field 'v${count - 1}'`)}`,
  ]);
});

const apply = (expression: string): object => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
const never = { reinvocationPolicy: 'Never' };

for (const c of [
  {
    name: 'good ones',
    spec: {
      ...never,
      mutations: [
        apply('Object{spec: Object.spec{replicas: 1}}'),
        { patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/a'}]" } },
      ],
    },
    problems: [],
  },
  { name: 'nothing', spec: {}, problems: ['spec.mutations: mutations must contain at least one item', 'spec.reinvocationPolicy: '] },
  {
    name: 'a patch of the other type',
    spec: { ...never, mutations: [{ patchType: 'JSONPatch', applyConfiguration: { expression: 'Object{}' } }] },
    problems: [
      'spec.mutations[0].jsonPatch: must be specified when patchType is JSONPatch',
      'spec.mutations[0].applyConfiguration: must not be specified when patchType is JSONPatch',
    ],
  },
  {
    name: 'expressions without a word, or with room around them',
    spec: { ...never, mutations: [apply(' '), apply(' Object.spec{a: 1} ')] },
    problems: [
      'spec.mutations[0].applyConfiguration.expression: ',
      'spec.mutations[1].applyConfiguration.expression: must evaluate to Object but got Object.spec',
    ],
  },
  {
    name: 'deletes, before conditions that are wrong',
    spec: {
      ...never,
      mutations: [apply('Object{}')],
      matchConditions: [{ name: 'c', expression: '' }],
      matchConstraints: { ...MATCH, resourceRules: [{ ...MATCH.resourceRules[0], operations: ['DELETE'] }] },
    },
    problems: [
      'spec.matchConstraints.resourceRules.operations: supported values: "*", "CONNECT", "CREATE", "UPDATE"',
      'spec.matchConditions[0].expression: ',
    ],
  },
  {
    name: 'another result',
    spec: { ...never, mutations: [apply('Object.spec{a: 1}')] },
    problems: ['spec.mutations[0].applyConfiguration.expression: must evaluate to Object but got Object.spec'],
  },
  {
    name: 'deletes',
    spec: {
      ...never,
      mutations: [apply('Object{}')],
      matchConstraints: { ...MATCH, resourceRules: [{ ...MATCH.resourceRules[0], operations: ['DELETE'] }] },
    },
    problems: ['spec.matchConstraints.resourceRules.operations: supported values: "*", "CONNECT", "CREATE", "UPDATE"'],
  },
] as { name: string; spec: object; problems: string[] }[]) {
  test(`validateMutatingPolicy: ${c.name}`, () => assert.deepEqual(problemsOf('mutating', c.spec), c.problems));
}

test('what is said of the types of a ValidatingAdmissionPolicy names a place and says something', () => {
  const said = (status: object): object => ({ spec: { ...COMMON, validations: [{ expression: 'true' }] }, status });
  const condition = { type: 'Checked', status: 'True', reason: 'Good', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const bad = said({
    typeChecking: {
      expressionWarnings: [
        { fieldRef: ' ', warning: '' },
        { fieldRef: 'spec.validations[0].expression', warning: 'w' },
      ],
    },
    conditions: [condition, condition],
  });
  const kind = 'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy';
  assert.deepEqual(updateErrors(kind, said({ conditions: [condition] }), said({}), 'status'), []);
  assert.deepEqual(updateErrors(kind, bad, said({}), 'status'), [
    'status.typeChecking.expressionWarnings[0].warning: Required value',
    'status.typeChecking.expressionWarnings[0].fieldRef: Required value',
    'status.conditions[1].type: Duplicate value: "Checked"',
  ]);
});
