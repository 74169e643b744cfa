import assert from 'node:assert/strict';
import { test } from 'node:test';
import { customresourcedefinitions, validatingadmissionpolicies } from '#api/resources.ts';
import { startController } from '../testing.ts';
import { validatingAdmissionPolicyStatusController } from './controller.ts';
import { kindsFor } from './known-kinds.ts';
import { checkTypes } from './type-checking.ts';

const policy = (
  name: string,
  resource: readonly [group: string, version: string, resource: string],
  validations: readonly object[],
  more: object = {},
) => {
  const [group, version, plural] = resource;
  const resourceRules = [{ apiGroups: [group], apiVersions: [version], operations: ['CREATE'], resources: [plural] }];
  return { metadata: { name, generation: 1 }, spec: { matchConstraints: { resourceRules }, validations, ...more } } as never;
};

const DEFINITION = {
  metadata: { name: 'gizmos.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'gizmos', singular: 'gizmo', kind: 'Gizmo', listKind: 'GizmoList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { size: { type: 'integer' } } } },
      },
    ],
  },
} as never;

for (const c of [
  {
    name: 'a field no such kind has',
    policy: policy(
      'p',
      ['apps', 'v1', 'deployments'],
      [{ expression: 'object.spec.replicas > 1' }, { expression: 'object.spec.copies > 1' }],
    ),
    warnings: [
      {
        fieldRef: 'spec.validations[1].expression',
        warning: "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'copies'\n | object.spec.copies > 1\n | ...........^\n",
      },
    ],
  },
  {
    name: 'a comparison of two types, in a variable and a message',
    policy: policy('p', ['', 'v1', 'pods'], [{ expression: 'variables.name == 1', messageExpression: "object.metadata.namespace + 'x'" }], {
      variables: [{ name: 'name', expression: 'object.metadata.name' }],
    }),
    warnings: [
      {
        fieldRef: 'spec.validations[0].expression',
        warning:
          "v1, Kind=Pod: ERROR: <input>:1:16: found no matching overload for '_==_' applied to '(string, int)'\n | variables.name == 1\n | ...............^\n",
      },
    ],
  },
  {
    name: 'a custom kind',
    policy: policy('p', ['example.com', 'v1', 'gizmos'], [{ expression: "object.size == 'x'" }]),
    warnings: [
      {
        fieldRef: 'spec.validations[0].expression',
        warning:
          "example.com/v1, Kind=Gizmo: ERROR: <input>:1:13: found no matching overload for '_==_' applied to '(int, string)'\n | object.size == 'x'\n | ............^\n",
      },
    ],
  },
  {
    name: 'nothing where a rule names everything',
    policy: policy('p', ['*', '*', '*'], [{ expression: 'object.nothing' }]),
    warnings: undefined,
  },
]) {
  test(`type checking warns of ${c.name}`, async () => {
    const running = await startController(validatingAdmissionPolicyStatusController, async (client) => {
      await client.create(customresourcedefinitions, DEFINITION);
    });
    await running.client.create(validatingadmissionpolicies, c.policy);
    const status = await running.until(async () => {
      const { status: written } = await running.client.get(validatingadmissionpolicies, { name: 'p' });
      return (written as { observedGeneration?: number } | undefined)?.observedGeneration === 1 ? written : undefined;
    });
    await running.stop();
    assert.deepEqual(status.typeChecking?.expressionWarnings, c.warnings);
  });
}

test('a definition that has not been heard of yet is asked for, one that has been is not', async () => {
  const gizmos = policy('p', ['example.com', 'v1', 'gizmos'], [{ expression: "object.size == 'x'" }]);
  const asked: string[] = [];
  const ask = () => {
    asked.push('asked');
    return Promise.resolve([DEFINITION]);
  };
  assert.equal(checkTypes(gizmos, await kindsFor(gizmos, [], ask)).length, 1);
  assert.deepEqual(asked, ['asked']);
  assert.equal(checkTypes(gizmos, await kindsFor(gizmos, [DEFINITION], ask)).length, 1);
  const others = [policy('p', ['apps', 'v1', 'deployments'], []), policy('p', ['*', '*', '*'], [])];
  for (const other of others) await kindsFor(other, [], ask);
  assert.deepEqual(asked, ['asked']);
});
