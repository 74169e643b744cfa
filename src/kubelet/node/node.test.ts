import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leases, nodes } from '#api/resources.ts';
import type { NodeCondition, NodeStatus } from '#api/types.ts';
import { nodeStatusPatch } from '../status/patch.ts';
import { startWorld, type World } from '../testing/world.ts';
import { sameNodeStatus } from './status.ts';

function ready(world: World): { readonly status: string; readonly reason?: string; readonly message?: string } | undefined {
  return world.node().status?.conditions?.find(({ type }) => type === 'Ready');
}

test('a kubelet registers its node with labels, capacity and conditions', async (t) => {
  const world = await startWorld(t, {
    config: {
      nodeLabels: { tier: 'edge' },
      registerWithTaints: [{ key: 'special', effect: 'NoSchedule' }],
      kubeReserved: { cpu: '500m', memory: '1Gi' },
    },
  });
  await world.until(() => world.server.stored(nodes).length === 1 && ready(world)?.status === 'True');
  const { metadata, spec, status } = world.node();
  assert.deepEqual(metadata.labels, {
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/hostname': 'node',
    'kubernetes.io/os': 'linux',
    tier: 'edge',
  });
  assert.deepEqual(spec.taints, [{ key: 'special', effect: 'NoSchedule' }]);
  assert.deepEqual([status.capacity?.['cpu'], status.capacity?.['memory'], status.capacity?.['pods']], ['4', '8Gi', '110']);
  assert.deepEqual([status.allocatable?.['cpu'], status.allocatable?.['memory']], ['3500m', '7068Mi']);
  assert.deepEqual(
    status.conditions?.map(({ type, status: value, reason, message }) => [type, value, reason, message]),
    [
      ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
      ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
      ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
      ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
    ],
  );
  assert.deepEqual(status.addresses, [
    { type: 'InternalIP', address: '192.0.2.10' },
    { type: 'Hostname', address: 'node' },
  ]);
  assert.equal(status.nodeInfo.containerRuntimeVersion, 'fake://1.0.0');
  assert.equal(status.daemonEndpoints.kubeletEndpoint.Port, 10_250);
  assert.deepEqual(
    status.images?.map(({ names }) => names?.length),
    [2],
  );
  await world.until(() => world.told('node').some((event) => event.startsWith('NodeReady')));
  assert.ok(world.told('node').includes('Starting Starting kubelet.'));
  assert.ok(world.told('node').includes('NodeHasSufficientMemory Node node status is now: NodeHasSufficientMemory'));
});

test('a kubelet renews its lease every ten seconds, in the name of its node', async (t) => {
  const world = await startWorld(t);
  const lease = (): { renewTime?: string; leaseDurationSeconds?: number } | undefined => world.server.stored(leases)[0]?.spec;
  await world.until(() => lease() !== undefined);
  const first = lease()?.renewTime;
  assert.equal(lease()?.leaseDurationSeconds, 40);
  await world.advanceUntil(() => lease()?.renewTime !== first, 10_500);
  await world.until(() => world.server.stored(leases)[0]?.metadata.ownerReferences?.[0]?.name === 'node');
});

test('a node whose runtime is gone for half a minute is not ready, and heals', async (t) => {
  const world = await startWorld(t);
  await world.until(() => world.server.stored(nodes).length === 1 && ready(world)?.status === 'True');
  world.runtime.crash();
  await world.advanceUntil(() => ready(world)?.status === 'False', 45_000);
  assert.equal(ready(world)?.reason, 'KubeletNotReady');
  assert.match(ready(world)?.message ?? '', /container runtime is down/);
  world.runtime.recover();
  await world.advanceUntil(() => ready(world)?.status === 'True', 15_000);
  assert.ok(world.told('node').includes('NodeNotReady Node node status is now: NodeNotReady'));
});

test('a node without a network says which, and has its pods wait', async (t) => {
  const world = await startWorld(t);
  world.runtime.setCondition('NetworkReady', false, 'NetworkPluginNotReady', 'Network plugin returns error: cni plugin not initialized');
  await world.advanceUntil(() => world.server.stored(nodes).length === 1 && ready(world)?.status === 'False', 20_000);
  assert.equal(
    ready(world)?.message,
    'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
  );
});

test('a status that did not change is reported every five minutes only', async (t) => {
  const world = await startWorld(t, { config: { imageGCPeriod: 3_600_000 } });
  await world.until(() => world.server.stored(nodes).length === 1 && ready(world)?.status === 'True');
  await world.settle();
  const patches = (): number => world.server.actions.filter(({ verb, resource }) => verb === 'patch' && resource === 'nodes/status').length;
  const before = patches();
  await world.advanceUntil(() => patches() > before, 360_000);
  const heartbeat = world.node().status?.conditions?.[0]?.lastHeartbeatTime;
  assert.equal(heartbeat, new Date(world.clock.now()).toISOString().slice(0, 19) + 'Z');
  assert.equal(patches(), before + 1);
});

test('a status differs by what it says, not by the order in which the API has its fields and conditions', () => {
  const time = '2026-01-01T00:00:00Z';
  const condition = (type: string, more: object = {}): NodeCondition => ({
    type,
    status: 'True',
    reason: 'R',
    message: 'm',
    lastHeartbeatTime: time,
    lastTransitionTime: time,
    ...more,
  });
  const own: NodeStatus = {
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    capacity: { pods: '110', cpu: '4' },
    conditions: [condition('Ready'), condition('DiskPressure')],
    nodeInfo: { machineID: 'a', systemUUID: 'b' } as NonNullable<NodeStatus['nodeInfo']>,
    images: [{ sizeBytes: 1, names: ['a'] }],
  };
  const reordered = <T>(value: T): T =>
    (Array.isArray(value)
      ? value.map(reordered)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .toReversed()
              .map(([name, field]) => [name, reordered(field)]),
          )
        : value) as T;
  const told = { ...reordered(own), conditions: reordered(own.conditions ?? []).toReversed() };
  const later = told.conditions.map((each) => ({ ...each, lastHeartbeatTime: '2026-01-01T00:00:10Z' }));
  assert.equal(sameNodeStatus(told, own), true);
  assert.equal(sameNodeStatus({ ...told, conditions: later }, own), true);
  assert.equal(nodeStatusPatch(told, own), undefined);
  for (const other of [
    { conditions: [condition('Ready', { status: 'False' }), condition('DiskPressure')] },
    { conditions: [condition('Ready')] },
    { conditions: [condition('Ready'), condition('DiskPressure', { lastTransitionTime: '2026-01-01T00:00:10Z' })] },
    { capacity: { pods: '111', cpu: '4' } },
    { images: [] },
  ])
    assert.equal(sameNodeStatus(told, { ...own, ...other }), false, JSON.stringify(other));
});

test('a node that someone else changed keeps that, and gets its labels and its annotation back', async (t) => {
  const world = await startWorld(t);
  await world.until(() => world.server.stored(nodes).length === 1 && ready(world)?.status === 'True');
  await world.kubelet.stop();
  world.server.change(nodes, 'node', undefined, (node) => ({
    ...node,
    metadata: { ...node.metadata, labels: { mine: 'kept' }, annotations: { mine: 'kept' } },
    spec: { ...node.spec, unschedulable: true },
  }));
  await world.restart();
  await world.until(() => world.node().metadata.labels?.['kubernetes.io/hostname'] === 'node');
  assert.equal(world.node().metadata.labels?.['mine'], 'kept');
  assert.deepEqual(world.node().metadata.annotations, { mine: 'kept', 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' });
  assert.equal(world.node().spec.unschedulable, true);
});

test('what somebody adds to the capacity of a node is allocatable at once, until it is taken away', async (t) => {
  const world = await startWorld(t);
  await world.until(() => world.server.stored(nodes).length === 1 && ready(world)?.status === 'True');
  const advertise = (amount: string | null) =>
    world.client.patch(
      nodes,
      { name: 'node' },
      { type: 'strategic', body: { status: { capacity: { 'example.com/thing': amount } } } },
      { subresource: 'status' },
    );
  const allocatable = (): string | undefined => world.node().status.allocatable?.['example.com/thing'];
  await advertise('3');
  await world.until(() => allocatable() === '3');
  await advertise('5');
  await world.until(() => allocatable() === '5');
  await advertise(null);
  await world.until(() => allocatable() === undefined);
  assert.equal(world.node().status.capacity?.['example.com/thing'], undefined);
});

test('a node that was booted anew says so', async (t) => {
  const world = await startWorld(t);
  await world.until(() => world.server.stored(nodes).length === 1 && ready(world)?.status === 'True');
  await world.kubelet.stop();
  world.server.change(nodes, 'node', undefined, (node) => ({
    ...node,
    status: { ...node.status, nodeInfo: { ...node.status.nodeInfo, bootID: 'the boot before' } },
  }));
  world.clock.advance(60_000); // a boot takes a while
  await world.restart();
  await world.until(() => world.told('node').includes('Rebooted Node node has been rebooted, boot id: boot'));
});
