import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { clusterrolebindings, clusterroles, rolebindings, roles } from '#api/resources.ts';
import type { ClusterRole, ClusterRoleBinding, New, PolicyRule } from '#api/types.ts';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { fakeClient } from '#client/testing.ts';
import { uncovered } from '../rbac/covers.ts';
import { aggregatedRules } from '#api/aggregated-rules.ts';
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import { AUTO_UPDATE, defaultPolicy } from './default-policy.ts';
import { ensureDefaultPolicy } from './reconcile.ts';
import { reconcileBinding, reconcileRole } from './reconcile-plan.ts';
import { ruleOf } from './table.ts';

for (const c of [
  { line: 'read | core | pods nodes', rule: { verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['pods', 'nodes'] } },
  {
    line: 'record | events.k8s.io core | events',
    rule: { verbs: ['create', 'patch', 'update'], apiGroups: ['', 'events.k8s.io'], resources: ['events'] },
  },
  {
    line: 'get | core | configmaps | a b',
    rule: { verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['a', 'b'] },
  },
  { line: 'get | /healthz /livez/*', rule: { verbs: ['get'], nonResourceURLs: ['/healthz', '/livez/*'] } },
  { line: '* | *', rule: { verbs: ['*'], nonResourceURLs: ['*'] } },
]) {
  test(`ruleOf reads ${c.line}`, () => assert.deepEqual(ruleOf(c.line), c.rule));
}

test('defaultPolicy has every role of v1.36 once, and binds none that is not there', () => {
  const policy = defaultPolicy();
  assert.equal(policy.clusterRoles.length, 69);
  assert.equal(policy.clusterRoleBindings.length, 50);
  const names = policy.clusterRoles.map(({ metadata }) => metadata?.name);
  assert.equal(new Set(names).size, names.length);
  for (const { roleRef } of policy.clusterRoleBindings) assert.ok(names.includes(roleRef?.name), String(roleRef?.name));
  const local = policy.roles.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`);
  for (const { metadata, roleRef } of policy.roleBindings)
    assert.ok(local.includes(`${metadata?.namespace}/${roleRef?.name}`), String(roleRef?.name));
});

/** Members in order of name, so that only what is said counts. */
const ordered = (_: string, value: unknown): unknown =>
  value === null || typeof value !== 'object' || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** Digest of what was compared with the policy of v1.36.2, object by object: a change of the tables is a change of policy. */
const COMPARED = '201b90262354c9df922d08b4d2d2e43b83638d1ab75cc47a7bf0329b4eac099c';

test('defaultPolicy says what upstream v1.36.2 says', () => {
  const texts = Object.values(defaultPolicy()).flatMap((objects: readonly object[]) =>
    objects.map((object) => JSON.stringify(object, ordered)),
  );
  assert.equal(createHash('sha256').update(texts.toSorted().join('\n')).digest('hex'), COMPARED);
});

test('defaultPolicy has roles of controllers and rules that stand behind gates while those are on', () => {
  const names = (gates: string) => defaultPolicy(new FeatureGates(gates)).clusterRoles.map(({ metadata }) => metadata?.name);
  const publisher = 'system:controller:kube-apiserver-serving-clustertrustbundle-publisher';
  assert.deepEqual(
    names('ClusterTrustBundle=true').filter((name) => !names('').includes(name)),
    ['system:cluster-trust-bundle-discovery', publisher],
  );
  const rules = (gates: string) =>
    defaultPolicy(new FeatureGates(gates)).clusterRoles.find(({ metadata }) => metadata?.name === 'system:kube-scheduler')?.rules ?? [];
  assert.deepEqual(rules('DRADeviceTaintRules=true').slice(rules('').length), [
    { verbs: ['get', 'list', 'watch'], apiGroups: ['resource.k8s.io'], resources: ['devicetaintrules'] },
  ]);
});

test('defaultPolicy lets a controller that lists watch as well, whatever features are on', () => {
  const { clusterRoles } = defaultPolicy(new FeatureGates('AllAlpha=true,AllBeta=true'));
  const blind = clusterRoles
    .filter(({ metadata }) => metadata?.name?.startsWith('system:controller:') === true)
    .filter(({ rules }) => (rules ?? []).some(({ verbs = [] }) => verbs.includes('list') && !verbs.includes('watch')))
    .map(({ metadata }) => metadata?.name);
  assert.deepEqual(blind, []);
});

for (const { role, gate, rule } of [
  {
    role: 'system:aggregate-to-view',
    gate: 'GenericWorkload',
    rule: 'read | scheduling.k8s.io | workloads podgroups podgroups/status',
  },
  {
    role: 'system:aggregate-to-edit',
    gate: 'GenericWorkload',
    rule: 'write | scheduling.k8s.io | workloads podgroups',
  },
  {
    role: 'system:kube-scheduler',
    gate: 'GenericWorkload',
    rule: 'read | scheduling.k8s.io | podgroups',
  },
  {
    role: 'system:node',
    gate: 'ClusterTrustBundle',
    rule: 'read | certificates.k8s.io | clustertrustbundles',
  },
  {
    role: 'system:cluster-trust-bundle-discovery',
    gate: 'ClusterTrustBundle',
    rule: 'read | certificates.k8s.io | clustertrustbundles',
  },
])
  test(`defaultPolicy lets ${role} ${rule} while ${gate} is on`, () => {
    const rulesOf = (gates: FeatureGates) =>
      (defaultPolicy(gates).clusterRoles.find(({ metadata }) => metadata?.name === role)?.rules ?? []) as readonly PolicyRule[];
    assert.deepEqual(uncovered(rulesOf(new FeatureGates(`${gate}=true`)), [ruleOf(rule)]), []);
    assert.notDeepEqual(uncovered(rulesOf(new FeatureGates('')), [ruleOf(rule)]), []);
  });

const role = (rules: readonly string[], over: Partial<ClusterRole> = {}, metadata = {}): ClusterRole => ({
  kind: 'ClusterRole',
  apiVersion: 'rbac.authorization.k8s.io/v1',
  metadata: {
    name: 'r',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: {},
    annotations: {},
    ...metadata,
  },
  rules: rules.map(ruleOf),
  ...over,
});

test('reconcileRole creates what is not there', () => {
  const expected = role(['get | core | pods']);
  assert.deepEqual(reconcileRole(undefined, expected as New<ClusterRole>), { kind: 'create', object: expected });
});

test('reconcileRole leaves a role that allows as much alone', () => {
  const existing = role(['* | * | *']);
  assert.deepEqual(reconcileRole(existing, role(['get | core | pods']) as New<ClusterRole>), { kind: 'none' });
});

test('reconcileRole adds missing rules, labels and annotations and keeps what somebody changed', () => {
  const existing = role(['get | core | pods', 'get | core | secrets'], {}, { labels: { a: 'mine' } });
  const expected = role(['read | core | pods'], {}, { labels: { a: 'theirs', b: 'x' }, annotations: { [AUTO_UPDATE]: 'true' } });
  const step = reconcileRole(existing, expected as New<ClusterRole>);
  assert.ok(step.kind === 'update');
  assert.deepEqual(
    step.object.rules,
    ['get | core | pods', 'get | core | secrets', 'list | core | pods', 'watch | core | pods'].map(ruleOf),
  );
  assert.deepEqual(step.object.metadata.labels, { a: 'mine', b: 'x' });
  assert.deepEqual(step.object.metadata.annotations, { [AUTO_UPDATE]: 'true' });
});

test('reconcileRole leaves a protected role alone', () => {
  const existing = role([], {}, { annotations: { [AUTO_UPDATE]: 'false' } });
  assert.deepEqual(reconcileRole(existing, role(['get | core | pods']) as New<ClusterRole>), { kind: 'protected' });
});

test('reconcileRole adds missing selectors and removes an aggregation nobody expects', () => {
  const selector = (value: string) => ({ matchLabels: { [value]: 'true' } });
  const mine = role([], { aggregationRule: { clusterRoleSelectors: [selector('mine')] } });
  const added = reconcileRole(mine, role([], { aggregationRule: { clusterRoleSelectors: [selector('new')] } }) as New<ClusterRole>);
  assert.ok(added.kind === 'update');
  assert.deepEqual(added.object.aggregationRule, { clusterRoleSelectors: [selector('mine'), selector('new')] });
  const removed = reconcileRole(mine, role([]) as New<ClusterRole>);
  assert.ok(removed.kind === 'update');
  assert.equal('aggregationRule' in removed.object, false);
});

const binding = (roleName: string, ...names: string[]): ClusterRoleBinding => ({
  kind: 'ClusterRoleBinding',
  apiVersion: 'rbac.authorization.k8s.io/v1',
  metadata: { name: 'b', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  subjects: names.map((name) => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name })),
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
});

test('reconcileBinding adds missing subjects and makes a binding of another role anew', () => {
  const existing = binding('r', 'mine', 'jane');
  assert.deepEqual(reconcileBinding(existing, binding('r', 'jane') as New<ClusterRoleBinding>), { kind: 'none' });
  const step = reconcileBinding(existing, binding('r', 'jane', 'joe') as New<ClusterRoleBinding>);
  assert.ok(step.kind === 'update');
  assert.deepEqual(
    step.object.subjects?.map(({ name }) => name),
    ['mine', 'jane', 'joe'],
  );
  assert.equal(reconcileBinding(existing, binding('other', 'jane') as New<ClusterRoleBinding>).kind, 'recreate');
});

test('aggregatedRules gathers matching roles in the order of their names, each rule once', () => {
  const one = role(['get | core | pods'], {}, { name: 'b', labels: { into: 'x' } });
  const two = role(['get | core | nodes', 'get | core | pods'], {}, { name: 'a', labels: { into: 'x' } });
  const gathering = role(
    [],
    { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { into: 'x' } }] } },
    { name: 'all', labels: { into: 'x' } },
  );
  assert.deepEqual(aggregatedRules(gathering, [one, gathering, two]), ['get | core | nodes', 'get | core | pods'].map(ruleOf));
  assert.equal(aggregatedRules(one, [two]), undefined);
});

test('ensureDefaultPolicy fills an empty server and then writes nothing', async () => {
  const { client, server } = fakeClient();
  const deps = { client, clock: new ManualClock(), logger: silentLogger };
  await ensureDefaultPolicy(deps);
  const policy = defaultPolicy();
  assert.equal((await client.list(clusterroles)).items.length, policy.clusterRoles.length);
  assert.equal((await client.list(clusterrolebindings)).items.length, policy.clusterRoleBindings.length);
  assert.equal((await client.list(roles)).items.length, policy.roles.length);
  assert.equal((await client.list(rolebindings)).items.length, policy.roleBindings.length);
  const rulesOf = async (name: string) => (await client.get(clusterroles, { name })).rules ?? [];
  assert.deepEqual(uncovered(await rulesOf('admin'), [...(await rulesOf('edit')), ...(await rulesOf('system:aggregate-to-admin'))]), []);
  assert.deepEqual(uncovered(await rulesOf('edit'), await rulesOf('system:aggregate-to-view')), [], 'view goes into edit');
  const before = server.actions.length;
  await ensureDefaultPolicy(deps);
  assert.deepEqual(
    server.actions.slice(before).filter(({ verb }) => verb !== 'list' && verb !== 'get'),
    [],
  );
});
