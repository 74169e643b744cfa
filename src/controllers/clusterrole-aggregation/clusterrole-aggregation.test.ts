// Source: clusterroleaggregation_controller_test.go TestSyncClusterRole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterroles } from '#api/resources.ts';
import type { ClusterRole, New, PolicyRule } from '#api/types.ts';
import { simulate } from '../testing/simulation.ts';
import { clusterRoleAggregationController } from './controller.ts';

const rule = (verb: string, resource: string): PolicyRule => ({ verbs: [verb], apiGroups: [''], resources: [resource] });
const HAMMER = [rule('hammer', 'nails'), rule('hammer', 'wedges')];
const CHISEL = [rule('chisel', 'mortises')];
const SAW = [rule('saw', 'boards')];

const role = (name: string, foo: string, rules: readonly PolicyRule[]): New<ClusterRole> => ({
  metadata: { name, labels: { foo } },
  rules,
});

for (const { name, roles, selectors = ['bar'], before = [], rules, written = true } of [
  { name: 'loses rules that nobody has', roles: [role('hammer', 'bar', HAMMER)], before: SAW, rules: HAMMER },
  { name: 'loses all its rules', roles: [role('hammer', 'not-bar', HAMMER)], before: HAMMER, rules: [] },
  {
    name: 'takes those that match, in the order of names',
    roles: [role('hammer', 'bar', HAMMER), role('chisel', 'bar', CHISEL), role('saw', 'not-bar', SAW)],
    rules: [...CHISEL, ...HAMMER],
  },
  {
    name: 'takes those of several selectors, in their order',
    roles: [role('hammer', 'bar', HAMMER), role('chisel', 'bar', CHISEL), role('saw', 'not-bar', SAW)],
    selectors: ['bar', 'not-bar'],
    rules: [...CHISEL, ...HAMMER, ...SAW],
  },
  {
    name: 'takes each rule once',
    roles: [role('hammer', 'bar', HAMMER), role('chisel', 'bar', CHISEL), role('saw', 'bar', SAW), role('other-saw', 'not-bar', SAW)],
    selectors: ['bar', 'not-bar'],
    rules: [...CHISEL, ...HAMMER, ...SAW],
  },
  { name: 'is not written when it has its rules', roles: [role('hammer', 'bar', HAMMER)], before: HAMMER, rules: HAMMER, written: false },
] as readonly {
  readonly name: string;
  readonly roles: readonly New<ClusterRole>[];
  readonly selectors?: readonly string[];
  readonly before?: readonly PolicyRule[];
  readonly rules: readonly PolicyRule[];
  readonly written?: boolean;
}[])
  test(`a role that gathers others ${name}`, async (t) => {
    const { client, server, quiet, stop, hold, catchUp } = await simulate([clusterRoleAggregationController], 1);
    t.after(stop);
    hold('clusterroles');
    for (const one of roles) await client.create(clusterroles, one);
    const clusterRoleSelectors = selectors.map((foo) => ({ matchLabels: { foo } }));
    await client.create(clusterroles, { metadata: { name: 'combined' }, aggregationRule: { clusterRoleSelectors }, rules: before });
    catchUp();
    await quiet();
    assert.deepEqual((await client.get(clusterroles, { name: 'combined' })).rules ?? [], rules);
    const patches = server.actions.filter(({ verb, resource }) => verb === 'patch' && resource === 'clusterroles');
    assert.equal(patches.length > 0, written);
  });
