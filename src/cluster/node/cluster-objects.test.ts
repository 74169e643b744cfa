import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { clusterrolebindings, clusterroles } from '#api/resources.ts';
import type { ClusterRole, New } from '#api/types.ts';
import { startControllerTest } from '#test/harness/controllers.ts';
import type { Settings } from '../settings/settings.ts';
import { ensureClusterObjects } from './cluster-objects.ts';

const SETTINGS = {
  bindAddress: '0.0.0.0',
  nodeIP: '192.0.2.1',
  port: 6443,
  podCIDR: '10.244.0.0/16',
  serviceCIDR: '10.96.0.0/16',
  clusterDNS: '10.96.0.10',
  clusterDomain: 'cluster.local',
} as Settings;

const NODES = { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] };
const MINE = { apiGroups: ['example.test'], resources: ['boats'], verbs: ['get'] };

test("a cluster that an older version began gets its components' missing permissions, and what somebody keeps stays", async (t) => {
  const { client, stop } = await startControllerTest({ controllers: [] });
  t.after(stop);
  const old = (name: string, annotations = {}) =>
    client.create(clusterroles, { metadata: { name, annotations }, rules: [NODES, MINE] } as New<ClusterRole>);
  await old('system:pod-network');
  await old('system:coredns', { 'rbac.authorization.kubernetes.io/autoupdate': 'false' });
  const rulesOf = async (name: string) => (await client.get(clusterroles, { name })).rules;

  const ensure = () => ensureClusterObjects(SETTINGS, 'CERTIFICATE', { client, clock: systemClock, logger: silentLogger });
  await ensure();
  const rules = (await rulesOf('system:pod-network')) ?? [];
  assert.deepEqual(rules.slice(0, 2), [NODES, MINE]);
  const resources = new Set(rules.flatMap((rule) => rule.resources ?? []));
  assert.deepEqual(resources, new Set(['nodes', 'boats', 'pods', 'namespaces', 'networkpolicies']));
  assert.deepEqual(await rulesOf('system:coredns'), [NODES, MINE]);
  assert.equal((await client.get(clusterrolebindings, { name: 'system:pod-network' })).subjects?.[0]?.name, 'system:pod-network');

  const { metadata } = await client.get(clusterroles, { name: 'system:pod-network' });
  await ensure();
  assert.deepEqual((await client.get(clusterroles, { name: 'system:pod-network' })).metadata, metadata, 'nothing is written again');
});
