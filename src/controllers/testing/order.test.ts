// Answers come in another order every time, and objects are told of in another order: what is decided is the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPodReady } from '#api/pods.ts';
import { deployments, endpointslices, nodes, poddisruptionbudgets, pods, replicasets, services, statefulsets } from '#api/resources.ts';
import type { Deployment, KubeObject, New, Pod, PodDisruptionBudget, Service, StatefulSet } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { deploymentController } from '../deployment/controller.ts';
import { disruptionController } from '../disruption/controller.ts';
import { endpointSliceController } from '../endpointslice/controller.ts';
import { garbageCollector } from '../garbage-collector/controller.ts';
import { replicaSetController } from '../replicaset/controller.ts';
import { statefulSetController } from '../statefulset/controller.ts';
import { playKubelet, type Simulation, simulate } from './simulation.ts';

const CONTROLLERS = [
  deploymentController,
  replicaSetController,
  statefulSetController,
  endpointSliceController,
  disruptionController,
  garbageCollector,
];
const KINDS = [
  deployments,
  replicasets,
  statefulsets,
  services,
  endpointslices,
  poddisruptionbudgets,
] as unknown as readonly Resource<KubeObject>[];

const template = (app: string, image: string) => ({
  metadata: { labels: { app } },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image }] },
});
const workload = (app: string, replicas: number) => ({ replicas, selector: { matchLabels: { app } }, template: template(app, 'v1') });
const named = (name: string) => ({ name, namespace: 'ns' });

/** Uids, versions, times and the made-up ends of names say when something was decided, not what. */
function withoutTimes(object: unknown): unknown {
  if (Array.isArray(object)) return object.map(withoutTimes);
  if (typeof object !== 'object' || object === null) return object;
  const entries = Object.entries(object).filter(
    ([key]) => !/^(uid|resourceVersion|.*Time|.*Timestamp|managedFields|generateName)$/.test(key),
  );
  return Object.fromEntries(
    entries
      .filter(([, value]) => !String(value).startsWith('20'))
      .map(
        ([key, value]) =>
          [key, typeof value === 'string' ? value.replace(/-[bcdfghjklmnpqrstvwxz2456789]{5}$/, '-*') : withoutTimes(value)] as const,
      )
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

const stateOf = ({ server }: Simulation): readonly unknown[] => {
  const objects = KINDS.flatMap((kind) => server.stored(kind).map(withoutTimes));
  const running = server.stored(pods).map((pod) => `${JSON.stringify(withoutTimes(pod.spec))} ${isPodReady(pod)}`);
  return [...objects.map((object) => JSON.stringify(object)).toSorted(), ...running.toSorted()];
};

/** What happens, one thing after the other, each until nothing more comes of it. */
const CHANGES: readonly ((world: Simulation) => Promise<unknown>)[] = [
  ({ client }) => client.create(deployments, { metadata: named('web'), spec: workload('web', 4) } as New<Deployment>),
  ({ client }) =>
    client.create(statefulsets, { metadata: named('db'), spec: { ...workload('db', 3), serviceName: 'db' } } as New<StatefulSet>),
  ({ client }) =>
    client.create(services, {
      metadata: named('web'),
      spec: { selector: { app: 'web' }, clusterIP: '10.96.0.9', ipFamilies: ['IPv4'], ports: [{ port: 80, targetPort: 80 }] },
    } as unknown as New<Service>),
  ({ client }) =>
    client.create(poddisruptionbudgets, {
      metadata: named('web'),
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
    } as New<PodDisruptionBudget>),
  ({ client }) => client.patch(deployments, named('web'), { type: 'merge', body: { spec: { template: template('web', 'v2') } } }),
  async ({ client, server }) => {
    for (const { metadata } of server.stored(pods).filter((pod: Pod) => pod.metadata.name.startsWith('db-')))
      await client.delete(pods, metadata);
  },
  ({ client }) => client.patch(statefulsets, named('db'), { type: 'merge', body: { spec: { replicas: 1 } } }),
  ({ client }) => client.patch(deployments, named('web'), { type: 'merge', body: { spec: { replicas: 2 } } }),
];

interface Run {
  readonly states: readonly (readonly unknown[])[];
  readonly requests: readonly string[];
}

async function run(jitter?: number): Promise<Run> {
  const world = await simulate(CONTROLLERS, 7, jitter === undefined ? {} : { jitter });
  await world.client.create(nodes, { metadata: { name: 'n1' } });
  const states: (readonly unknown[])[] = [];
  for (const change of CHANGES) {
    await change(world);
    do await world.quiet();
    while (playKubelet(world));
    states.push(stateOf(world));
  }
  await world.stop();
  return { states, requests: world.decisions() };
}

for (const jitter of [1, 2, 3, 4, 5]) {
  test(`controllers come to the same whatever order answers come in (order ${jitter})`, async () => {
    const [plain, jittered] = [await run(), await run(jitter)];
    assert.notDeepEqual(jittered.requests, plain.requests, 'the order is another');
    assert.ok(plain.states.every((state) => state.length > 0));
    assert.deepEqual(jittered.states, plain.states);
  });
}
