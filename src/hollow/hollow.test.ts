// Over a real API server with its default authorisation and admission, each node as its own user.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { findCondition, isConditionTrue } from '#api/conditions.ts';
import { leases, nodes, pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { type ControllerTest, startControllerTest } from '#test/harness/controllers.ts';
import { type Hollow, startHollow } from './hollow.ts';
import { parseStages, type Stages } from './stages.ts';

const SIZE = { cpu: '8', memory: '32Gi', pods: 110 };

async function start(
  t: TestContext,
  count: number,
): Promise<{ readonly cluster: ControllerTest; readonly hollow: (stages?: readonly Stages[]) => Hollow }> {
  const cluster = await startControllerTest({
    controllers: [],
    async prepare(client) {
      // The node IPAM controller's part.
      for (let i = 0; i < count; i++)
        await client.create(nodes, {
          metadata: { name: `hollow-${i}` },
          spec: { podCIDR: `10.1.${i}.0/24`, podCIDRs: [`10.1.${i}.0/24`] },
        });
    },
  });
  t.after(() => cluster.stop());
  const { server, clock } = cluster;
  return {
    cluster,
    hollow: (stages = []) =>
      startHollow({
        count,
        prefix: 'hollow',
        size: SIZE,
        stages,
        workers: 4,
        admin: server.loopback({ name: 'admin', groups: ['system:masters'] }),
        transportOf: (node) => server.loopback({ name: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] }),
        clock,
        ids: seededIds(3),
        logger: silentLogger,
      }),
  };
}

const pod = (name: string, nodeName: string, spec: object = {}) => ({
  metadata: { name, namespace: 'ns' },
  spec: { nodeName, containers: [{ name: 'c', image: 'example.test/c:1' }], ...spec },
});

const phaseIs =
  ({ client }: ControllerTest, name: string, holds: (pod: Pod) => boolean) =>
  async (): Promise<Pod | undefined> => {
    const found = await client.get(pods, { name, namespace: 'ns' });
    return holds(found) ? found : undefined;
  };

test('startHollow registers ready nodes with leases, renews them, and removes the nodes at the end', async (t) => {
  const { cluster, hollow } = await start(t, 2);
  const running = hollow();
  await running.registered();
  const { items } = await cluster.client.list(nodes);
  assert.deepEqual(
    items.map(({ metadata: { name }, status }) => [name, isConditionTrue(status?.conditions, 'Ready'), status?.allocatable?.['pods']]),
    [
      ['hollow-0', true, '110'],
      ['hollow-1', true, '110'],
    ],
  );
  const lease = { name: 'hollow-1', namespace: 'kube-node-lease' };
  const first = await cluster.client.get(leases, lease);
  assert.equal(first.metadata.ownerReferences?.[0]?.uid, items[1]?.metadata.uid);
  await cluster.until(async () => {
    const { spec } = await cluster.client.get(leases, lease);
    return spec?.renewTime === first.spec?.renewTime ? undefined : spec;
  });
  await running.stop({ remove: true });
  assert.deepEqual((await cluster.client.list(nodes)).items, []);
});

test('startHollow goes on renewing a lease that somebody else wrote, and makes one anew that was deleted', async (t) => {
  const { cluster, hollow } = await start(t, 1);
  const { client } = cluster;
  const running = hollow();
  t.after(() => running.stop({ remove: false }));
  await running.registered();
  const lease = { name: 'hollow-0', namespace: 'kube-node-lease' };
  const renewedAfter = (time: string | undefined, uid?: string): Promise<unknown> =>
    cluster.until(async () => {
      const { spec, metadata } = await client.get(leases, lease);
      return spec?.renewTime === time || metadata.uid === uid ? undefined : spec;
    });
  const touched = await client.patch(leases, lease, { type: 'merge', body: { metadata: { labels: { touched: 'yes' } } } });
  await renewedAfter(touched.spec?.renewTime);
  assert.equal((await client.get(leases, lease)).metadata.labels?.['touched'], 'yes');

  await client.delete(leases, lease);
  await cluster.until(() => client.get(leases, lease).catch(() => undefined));
  await renewedAfter(touched.spec?.renewTime, touched.metadata.uid);
});

test('startHollow brings pods to ready, each with an address of its node, and lets them end and go', async (t) => {
  const { cluster, hollow } = await start(t, 2);
  const { client } = cluster;
  const running = hollow(parseStages({ stages: [{ selector: 'fails=yes', failureRate: 1, failureExitCode: 7 }] }));
  t.after(() => running.stop({ remove: false }));
  await running.registered();
  for (const [name, node] of [
    ['a', 'hollow-0'],
    ['b', 'hollow-0'],
    ['c', 'hollow-1'],
  ] as const)
    await client.create(pods, pod(name, node));
  await client.create(pods, {
    ...pod('job', 'hollow-1', { restartPolicy: 'Never' }),
    metadata: { name: 'job', namespace: 'ns', labels: { fails: 'yes' } },
  });
  await client.create(pods, pod('elsewhere', 'another-node'));

  const ready = await Promise.all(
    ['a', 'b', 'c'].map((name) => cluster.until(phaseIs(cluster, name, ({ status }) => isConditionTrue(status?.conditions, 'Ready')))),
  );
  assert.deepEqual(new Set(ready.map(({ status }) => status?.podIP)), new Set(['10.1.0.2', '10.1.0.3', '10.1.1.2']));
  assert.deepEqual(
    ready.map(({ status }) => status?.hostIP),
    ['198.18.0.1', '198.18.0.1', '198.18.0.2'],
  );
  const failed = await cluster.until(phaseIs(cluster, 'job', ({ status }) => status?.phase === 'Failed'));
  assert.equal(failed.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 7);
  assert.equal(findCondition(failed.status?.conditions, 'Ready')?.reason, 'PodFailed');

  await client.delete(pods, { name: 'a', namespace: 'ns' });
  await cluster.until(async () =>
    (await client.list(pods, { namespace: 'ns' })).items.some(({ metadata }) => metadata.name === 'a') ? undefined : true,
  );
  assert.equal((await client.get(pods, { name: 'elsewhere', namespace: 'ns' })).status?.phase, 'Pending');
});

test('startHollow takes over the pods of an earlier process and gives none of their addresses away', async (t) => {
  const { cluster, hollow } = await start(t, 1);
  const first = hollow();
  await first.registered();
  await cluster.client.create(pods, pod('a', 'hollow-0'));
  await cluster.until(phaseIs(cluster, 'a', ({ status }) => isConditionTrue(status?.conditions, 'Ready')));
  await first.stop({ remove: false });
  const second = hollow();
  t.after(() => second.stop({ remove: false }));
  await cluster.client.create(pods, pod('b', 'hollow-0'));
  const b = await cluster.until(phaseIs(cluster, 'b', ({ status }) => isConditionTrue(status?.conditions, 'Ready')));
  assert.equal(b.status?.podIP, '10.1.0.3');
});
