import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterrolebindings, clusterroles, rolebindings, roles } from '#api/resources.ts';
import type { ClusterRole, PolicyRule } from '#api/types.ts';
import { refused, write } from '../../admission/testing.ts';
import { MemoryReader } from '../testing.ts';
import { RbacAuthorizer } from './authorizer.ts';
import { escalationCheck } from './escalation.ts';

const RBAC = 'rbac.authorization.k8s.io';
const PODS: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
const NODES: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['nodes'] };
const EVERYTHING: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];
const LACKS_NODES =
  'user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}';

/** Jane holds `rules` in the whole cluster. */
function setUp(...rules: PolicyRule[]) {
  const reader = new MemoryReader();
  reader.put(clusterroles, { metadata: { name: 'own' }, rules });
  reader.put(clusterroles, { metadata: { name: 'nodes' }, rules: [NODES] });
  reader.put(clusterrolebindings, {
    metadata: { name: 'own' },
    subjects: [{ kind: 'User', apiGroup: RBAC, name: 'jane' }],
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'own' },
  });
  const rbac = new RbacAuthorizer(reader);
  return escalationCheck({ authorizer: rbac, rbac });
}
const verb = (name: string, resource: string, resourceNames?: string[]): PolicyRule => ({
  verbs: [name],
  apiGroups: [RBAC],
  resources: [resource],
  ...(resourceNames === undefined ? {} : { resourceNames }),
});
const role = (rules: PolicyRule[], metadata: object = {}) => ({ metadata: { name: 'r', namespace: 'a', ...metadata }, rules });
const binding = (kind: string, name: string) => ({
  metadata: { name: 'b', namespace: 'a' },
  subjects: [],
  roleRef: { apiGroup: RBAC, kind, name },
});

for (const [what, own, write_, why] of [
  ['gives what they have', [PODS], write(roles, { object: role([PODS]) }), undefined],
  ['gives more', [PODS], write(roles, { object: role([PODS, NODES]) }), `roles.${RBAC} "r" is forbidden: ${LACKS_NODES}`],
  [
    'adds to what is there',
    [PODS],
    write(roles, { object: role([NODES]), oldObject: role([PODS]) }),
    `roles.${RBAC} "r" is forbidden: ${LACKS_NODES}`,
  ],
  ['may escalate', [verb('escalate', 'roles')], write(roles, { object: role([NODES]) }), undefined],
  [
    'may escalate another role',
    [verb('escalate', 'roles', ['other'])],
    write(roles, { object: role([NODES]) }),
    `roles.${RBAC} "r" is forbidden: ${LACKS_NODES}`,
  ],
  ['is a master', [], write(roles, { object: role([NODES]), user: { name: 'x', groups: ['system:masters'] } }), undefined],
  [
    'only takes owners off',
    [],
    write(roles, { object: role([NODES]), oldObject: role([NODES], { ownerReferences: [], finalizers: ['x'] }) }),
    undefined,
  ],
  [
    'also labels it',
    [],
    write(roles, { object: role([NODES], { labels: {} }), oldObject: role([NODES]) }),
    `roles.${RBAC} "r" is forbidden: ${LACKS_NODES}`,
  ],
  ['binds what they have', [NODES], write(rolebindings, { object: binding('ClusterRole', 'nodes') }), undefined],
  [
    'binds more',
    [PODS],
    write(rolebindings, { object: binding('ClusterRole', 'nodes') }),
    `rolebindings.${RBAC} "b" is forbidden: ${LACKS_NODES}`,
  ],
  ['may bind', [verb('bind', 'clusterroles', ['nodes'])], write(rolebindings, { object: binding('ClusterRole', 'nodes') }), undefined],
  [
    'may bind roles of the other kind',
    [verb('bind', 'roles')],
    write(rolebindings, { object: binding('ClusterRole', 'nodes') }),
    `rolebindings.${RBAC} "b" is forbidden: ${LACKS_NODES}`,
  ],
  ['binds a role that is not there', [PODS], write(rolebindings, { object: binding('Role', 'gone') }), `role.${RBAC} "gone" not found`],
  [
    'binds for the cluster',
    [PODS],
    write(clusterrolebindings, { object: { ...binding('ClusterRole', 'nodes'), metadata: { name: 'b' } } }),
    `clusterrolebindings.${RBAC} "b" is forbidden: ${LACKS_NODES}`,
  ],
] as const) {
  test(`escalationCheck answers who ${what}`, async () => assert.equal(await refused(setUp(...own), write_), why));
}

test('escalationCheck lets only those who may do anything gather roles', async () => {
  const gathering = (rule: object): ClusterRole => ({ metadata: { name: 'g' }, ...rule }) as never;
  const selectors = { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } };
  const why = `clusterroles.${RBAC} "g" is forbidden: must have cluster-admin privileges to use the aggregationRule`;
  assert.equal(await refused(setUp(PODS), write(clusterroles, { object: gathering(selectors) })), why);
  assert.equal(
    await refused(setUp(PODS), write(clusterroles, { object: gathering({}), oldObject: gathering(selectors) })),
    why,
    'nor stop it',
  );
  assert.equal(await refused(setUp(...EVERYTHING), write(clusterroles, { object: gathering(selectors) })), undefined);
  assert.equal(await refused(setUp(PODS), write(clusterroles, { object: gathering({ aggregationRule: {} }) })), undefined);
});
