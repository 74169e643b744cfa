import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clusterrolebindings,
  clusterroles,
  mutatingadmissionpolicies,
  mutatingadmissionpolicybindings,
  validatingadmissionpolicies,
  validatingadmissionpolicybindings,
} from '#api/resources.ts';
import { Schema } from '#api/schema.ts';
import type { KubeObject, New, PolicyRule } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { UserInfo } from '../../authentication/contract.ts';
import { RbacAuthorizer } from '../../authorization/rbac/authorizer.ts';
import { MemoryReader } from '../../authorization/testing.ts';
import { refused, write } from '../testing.ts';
import { paramAccess } from './param-access.ts';

const RBAC = 'rbac.authorization.k8s.io';
const GROUP = 'admissionregistration.k8s.io';
const MAPS = { apiVersion: 'v1', kind: 'ConfigMap' };
const UNKNOWN = { apiVersion: 'example.com/v1', kind: 'Boat' };
const ref = (members: object = {}): object => ({ name: 'p', namespace: 'a', parameterNotFoundAction: 'Deny', ...members });

const rule = (apiGroup: string, resource: string, resourceNames?: readonly string[]): PolicyRule =>
  ({
    verbs: ['get'],
    apiGroups: [apiGroup],
    resources: [resource],
    ...(resourceNames === undefined ? {} : { resourceNames }),
  }) as PolicyRule;

/** Jane holds `rules` in the whole cluster; there is a policy `maps` of each kind. */
function plugin(...rules: readonly PolicyRule[]) {
  const reader = new MemoryReader();
  reader.put(clusterroles, { metadata: { name: 'own' }, rules });
  reader.put(clusterrolebindings, {
    metadata: { name: 'own' },
    subjects: [{ kind: 'User', apiGroup: RBAC, name: 'jane' }],
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'own' },
  });
  for (const policies of [validatingadmissionpolicies, mutatingadmissionpolicies])
    reader.put(policies as Resource<KubeObject>, { metadata: { name: 'maps' }, spec: { paramKind: MAPS } } as unknown as New<KubeObject>);
  return paramAccess({ reader, authorizer: new RbacAuthorizer(reader), schema: new Schema() });
}

const JANE = 'user &{jane  [system:authenticated] map[]}';
const KEPT: UserInfo = { name: 'jane', uid: 'u', groups: ['b', 'a'], extra: { z: ['1', '2'], k: [] } };
const object = (spec: object): New<KubeObject> => ({ metadata: { name: 'x' }, spec }) as unknown as New<KubeObject>;

type Case = readonly [
  what: string,
  rules: readonly PolicyRule[],
  spec: object,
  why: string | undefined,
  old?: object | undefined,
  user?: UserInfo,
];

function cases(resource: unknown, all: readonly Case[]): void {
  const { kind } = resource as Resource<KubeObject>;
  for (const [what, rules, spec, why, old, user] of all) {
    test(`a ${kind} of somebody who ${what} is ${why === undefined ? 'taken' : 'refused'}`, async () => {
      const attributes = write(resource as Resource<KubeObject>, {
        object: object(spec),
        ...(old === undefined ? {} : { oldObject: object(old) }),
        ...(user === undefined ? {} : { user }),
      });
      assert.equal(await refused(plugin(...rules), attributes), why === undefined ? undefined : `${kind}.${GROUP} "x" is invalid: ${why}`);
    });
  }
}

const policy = (user: string, { kind, apiVersion }: typeof MAPS): string =>
  `spec.paramKind: Forbidden: ${user} must have "get" permission on all objects of the referenced paramKind (kind=${kind}, apiVersion=${apiVersion})`;

for (const resource of [validatingadmissionpolicies, mutatingadmissionpolicies]) {
  cases(resource, [
    ['names no parameters', [], {}, undefined],
    ['reads the kind', [rule('', 'configmaps')], { paramKind: MAPS }, undefined],
    ['reads one of the kind', [rule('', 'configmaps', ['p'])], { paramKind: MAPS }, policy(JANE, MAPS)],
    ['reads nothing', [], { paramKind: MAPS }, policy(JANE, MAPS)],
    ['is known closely', [], { paramKind: MAPS }, policy('user &{jane u [b a] map[k:[] z:[1 2]]}', MAPS), undefined, KEPT],
    ['reads another kind of an unknown one’s group', [rule('example.com', 'boats')], { paramKind: UNKNOWN }, policy(JANE, UNKNOWN)],
    ['reads all of an unknown one’s group', [rule('example.com', '*')], { paramKind: UNKNOWN }, undefined],
    ['leaves the kind as it is', [], { paramKind: MAPS, failurePolicy: 'Ignore' }, undefined, { paramKind: MAPS }],
    ['changes the kind', [], { paramKind: MAPS }, policy(JANE, MAPS), { paramKind: UNKNOWN }],
    ['is a master', [], { paramKind: MAPS }, undefined, undefined, { name: 'root', groups: ['system:masters'] }],
  ]);
}

const binding = `spec.paramRef: Forbidden: ${JANE} does not have "get" permission on the object referenced by paramRef`;

for (const resource of [validatingadmissionpolicybindings, mutatingadmissionpolicybindings]) {
  cases(resource, [
    ['names no parameters', [], { policyName: 'maps' }, undefined],
    ['reads the object', [rule('', 'configmaps', ['p'])], { policyName: 'maps', paramRef: ref() }, undefined],
    ['reads another object', [rule('', 'configmaps', ['q'])], { policyName: 'maps', paramRef: ref() }, binding],
    ['reads less than everything, for a policy that is not there', [rule('', '*')], { policyName: 'none', paramRef: ref() }, binding],
    ['reads everything, for a policy that is not there', [rule('*', '*')], { policyName: 'none', paramRef: ref() }, undefined],
    [
      'changes nothing but says what happens without the object',
      [],
      { policyName: 'maps', paramRef: ref() },
      binding,
      { policyName: 'maps', paramRef: ref() },
    ],
    [
      'changes nothing of the least reference',
      [],
      { policyName: 'maps', paramRef: { name: 'p' } },
      undefined,
      { policyName: 'maps', paramRef: { name: 'p' } },
    ],
    ['changes the policy', [], { policyName: 'maps', paramRef: { name: 'p' } }, binding, { policyName: 'none', paramRef: { name: 'p' } }],
  ]);
}
