// What the conformance tests of scheduling start from: a real API server, the scheduler under its own user and ReplicaSets;
// the kubelets are played. Source: test/e2e/scheduling.
import { podCondition } from '#api/pods.ts';
import { events, nodes, pods, serviceaccounts } from '#api/resources.ts';
import type { Event, New, Node, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { replicaSetController } from '#controllers/replicaset/controller.ts';
import { createScheduler } from '#scheduler/scheduler.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

export interface Wanted {
  readonly name: string;
  readonly test: string;
  readonly cpu?: string;
  readonly spec?: New<Pod['spec']>;
  readonly metadata?: New<Pod>['metadata'];
  readonly namespace?: string;
}

export interface Scheduled {
  readonly cluster: ControllerTest;
  /** A node that only pods of the test `name` go to; `labels` beside the one of the test. */
  node(name: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  /** As upstream's tests give a node resources that nothing else uses: a patch of its status. */
  advertise(node: string, amounts: Readonly<Record<string, string | null>>): Promise<Node>;
  create(wanted: Wanted): Promise<Pod>;
  find(name: string, namespace?: string): Promise<Pod | undefined>;
  /** Until it is placed; where. Pods that are to go meanwhile stop, as their kubelets have it. */
  placed(name: string, namespace?: string): Promise<string>;
  /** Until it could not be placed; the message of its condition. */
  refused(name: string): Promise<string>;
  /** The first event about the pod with this reason, found by its name as upstream's tests find it. */
  event(pod: string, reason: string): Promise<Event>;
  /** As kubelets do with pods that are to go. */
  letGo(): Promise<void>;
  stop(): Promise<void>;
}

export async function startScheduled(): Promise<Scheduled> {
  const cluster = await startControllerTest({ controllers: [replicaSetController] });
  await cluster.client.create(serviceaccounts, { metadata: { name: 'default', namespace: 'kube-system' } });
  const client = createClient(cluster.server.loopback({ name: 'system:kube-scheduler', groups: ['system:authenticated'] }));
  const { clock } = cluster;
  const informers = createInformerFactory({ client, logger: silentLogger });
  const scheduler = createScheduler({ client, informers, clock, ids: seededIds(1), logger: silentLogger });
  const stopped = new AbortController();
  informers.start(stopped.signal);
  await scheduler.start();

  async function find(name: string, namespace = 'ns'): Promise<Pod | undefined> {
    try {
      return await cluster.client.get(pods, { name, namespace });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async function letGo(): Promise<void> {
    const { items } = await cluster.client.list(pods, { namespace: 'ns' });
    const going = items.filter(({ metadata, spec }) => metadata.deletionTimestamp !== undefined && (spec.nodeName ?? '') !== '');
    await Promise.all(going.map(({ metadata }) => cluster.client.delete(pods, metadata, { gracePeriodSeconds: 0 })));
  }

  return {
    cluster,
    find,
    letGo,
    async node(name, labels = {}) {
      const allocatable = { cpu: '4', memory: '8Gi', pods: '20' };
      const metadata = { name, labels: { test: name, ...labels } };
      await cluster.client.create(nodes, { metadata, status: { allocatable, capacity: allocatable } });
      // Until it is ready, admission says: here nobody else does.
      await cluster.client.patch(nodes, { name }, { type: 'merge', body: { spec: { taints: null } } });
    },
    advertise: (name, amounts) =>
      cluster.client.patch(
        nodes,
        { name },
        { type: 'strategic', body: { status: { allocatable: amounts, capacity: amounts } } },
        { subresource: 'status' },
      ),
    create: (wanted) => cluster.client.create(pods, podOf(wanted)),
    placed: (name, namespace = 'ns') =>
      cluster.until(async () => {
        await letGo();
        return (await find(name, namespace))?.spec.nodeName;
      }),
    refused: (name) => cluster.until(async () => podCondition((await find(name))?.status, 'PodScheduled')?.message),
    event: (pod, reason) =>
      cluster.until(async () =>
        (await cluster.client.list(events, { namespace: 'ns' })).items.find(
          (each) => each.metadata.name.startsWith(pod) && each.reason === reason,
        ),
      ),
    async stop() {
      await scheduler.stop();
      stopped.abort(new Error('the tests are over'));
      await cluster.stop();
    },
  };
}

function podOf({ name, test: selector, cpu = '100m', spec = {}, metadata = {}, namespace = 'ns' }: Wanted): New<Pod> {
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu } } }];
  return { metadata: { name, namespace, ...metadata }, spec: { nodeSelector: { test: selector }, containers, ...spec } };
}

/** A container that asks for this much of a resource, and may have no more. */
export const asking = (amounts: Readonly<Record<string, string>>) => [
  { name: 'c', image: 'i', resources: { requests: amounts, limits: amounts } },
];

/** As upstream's tests bind a pod to a node through the scheduler. */
export const onNode = (node: string): NonNullable<Pod['spec']['affinity']> => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
    },
  },
});
