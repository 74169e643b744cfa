// What sig-scheduling's conformance tests ask of a cluster, over a real API server with the scheduler under its own user; the
// kubelet is played. Source: test/e2e/scheduling predicates.go, preemption.go, limit_range.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limitranges, nodes, pods, priorityclasses, replicasets, serviceaccounts } from '#api/resources.ts';
import { podCondition } from '#api/pods.ts';
import type { New, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { replicaSetController } from '#controllers/replicaset/controller.ts';
import { createScheduler, type Scheduler } from '#scheduler/scheduler.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

let cluster: ControllerTest;
let scheduler: Scheduler;
const stopped = new AbortController();

before(async () => {
  cluster = await startControllerTest({ controllers: [replicaSetController] });
  await cluster.client.create(serviceaccounts, { metadata: { name: 'default', namespace: 'kube-system' } });
  const client = createClient(cluster.server.loopback({ name: 'system:kube-scheduler', groups: ['system:authenticated'] }));
  const { clock } = cluster;
  const informers = createInformerFactory({ client, logger: silentLogger });
  scheduler = createScheduler({ client, informers, clock, ids: seededIds(1), logger: silentLogger });
  informers.start(stopped.signal);
  await scheduler.start();
});

after(async () => {
  await scheduler.stop();
  stopped.abort(new Error('the tests are over'));
  await cluster.stop();
});

/** A node that only pods of the test `name` go to. */
async function nodeFor(name: string, amounts: Readonly<Record<string, string>> = {}): Promise<void> {
  const allocatable = { cpu: '4', memory: '8Gi', pods: '20', ...amounts };
  await cluster.client.create(nodes, { metadata: { name, labels: { test: name } }, status: { allocatable, capacity: allocatable } });
  // Until it is ready, admission says: here nobody else does.
  await cluster.client.patch(nodes, { name }, { type: 'merge', body: { spec: { taints: null } } });
}

interface Wanted {
  readonly name: string;
  readonly test: string;
  readonly cpu?: string;
  readonly spec?: New<Pod['spec']>;
  readonly metadata?: New<Pod>['metadata'];
  readonly namespace?: string;
}

function podOf({ name, test: selector, cpu = '100m', spec = {}, metadata = {}, namespace = 'ns' }: Wanted): New<Pod> {
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu } } }];
  return { metadata: { name, namespace, ...metadata }, spec: { nodeSelector: { test: selector }, containers, ...spec } };
}

const create = (wanted: Wanted): Promise<Pod> => cluster.client.create(pods, podOf(wanted));

async function find(name: string, namespace = 'ns'): Promise<Pod | undefined> {
  try {
    return await cluster.client.get(pods, { name, namespace });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Stops pods that are to go, as their kubelets do. */
async function letGo(): Promise<void> {
  const { items } = await cluster.client.list(pods, { namespace: 'ns' });
  const going = items.filter(({ metadata, spec }) => metadata.deletionTimestamp !== undefined && (spec.nodeName ?? '') !== '');
  await Promise.all(going.map(({ metadata }) => cluster.client.delete(pods, metadata, { gracePeriodSeconds: 0 })));
}

const placed = (name: string, namespace = 'ns'): Promise<string> =>
  cluster.until(async () => {
    await letGo();
    return (await find(name, namespace))?.spec.nodeName;
  });

const refused = (name: string): Promise<string> =>
  cluster.until(async () => podCondition((await find(name))?.status, 'PodScheduled')?.message);

test('SchedulerPredicates: a pod that requests more than is left is not placed', async () => {
  await nodeFor('limits');
  await create({ name: 'limits-most', test: 'limits', cpu: '3' });
  await placed('limits-most');
  await create({ name: 'limits-more', test: 'limits', cpu: '2' });
  assert.match(await refused('limits-more'), /1 Insufficient cpu/);
  await create({ name: 'limits-rest', test: 'limits', cpu: '1' });
  assert.equal(await placed('limits-rest'), 'limits');
});

test('SchedulerPredicates: a node selector is respected, matching or not', async () => {
  await nodeFor('selected');
  await create({ name: 'selected', test: 'selected' });
  assert.equal(await placed('selected'), 'selected');
  await create({ name: 'unselected', test: 'nowhere' });
  assert.match(await refused('unselected'), /node\(s\) didn't match Pod's node affinity\/selector/);
});

test('SchedulerPredicates: host ports conflict by port, protocol and address, 0.0.0.0 with all', async () => {
  await nodeFor('ports');
  const withPort = (hostIP: string, protocol: 'TCP' | 'UDP') => ({
    containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 5432, protocol, ...(hostIP === '' ? {} : { hostIP }) }] }],
  });
  for (const [i, [hostIP, protocol]] of (
    [
      ['127.0.0.1', 'TCP'],
      ['10.0.0.1', 'TCP'],
      ['10.0.0.1', 'UDP'],
    ] as const
  ).entries()) {
    await create({ name: `port-${i}`, test: 'ports', spec: withPort(hostIP, protocol) });
    assert.equal(await placed(`port-${i}`), 'ports');
  }
  await create({ name: 'port-any', test: 'ports', spec: withPort('', 'TCP') });
  assert.match(await refused('port-any'), /node\(s\) didn't have free ports for the requested pod ports/);
});

const priorities = ['p1', 'p2', 'p3', 'p4'] as const;
const ensureClasses = async (): Promise<void> => {
  for (const [i, name] of priorities.entries()) {
    try {
      await cluster.client.create(priorityclasses, { metadata: { name }, value: i + 1 });
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }
};

test('SchedulerPreemption: a pod of higher priority, or a critical one, takes the place of the least important', async () => {
  await ensureClasses();
  await nodeFor('preempt-a', { 'example.com/thing': '1' });
  await nodeFor('preempt-b', { 'example.com/thing': '1' });
  const thing = (priorityClassName: string, node: string): New<Pod['spec']> => ({
    priorityClassName,
    nodeSelector: {},
    ...(node === '' ? {} : { nodeSelector: { test: node } }),
    containers: [{ name: 'c', image: 'i', resources: { requests: { 'example.com/thing': '1' }, limits: { 'example.com/thing': '1' } } }],
  });
  await create({ name: 'low', test: '', spec: thing('p1', 'preempt-a') });
  await create({ name: 'medium', test: '', spec: thing('p2', 'preempt-b') });
  await Promise.all(['low', 'medium'].map((name) => placed(name)));
  await create({ name: 'high', test: '', spec: thing('p3', '') });
  assert.equal(await placed('high'), 'preempt-a');
  assert.equal(await find('low'), undefined);
  assert.equal((await find('medium'))?.spec.nodeName, 'preempt-b');
  await create({ name: 'critical', test: '', namespace: 'kube-system', spec: thing('system-cluster-critical', '') });
  assert.equal(await placed('critical', 'kube-system'), 'preempt-b');
  assert.equal(await find('medium'), undefined);
});

test('SchedulerPreemption: who is evicted says so before it goes', async () => {
  await ensureClasses();
  await nodeFor('told', { 'example.com/seat': '1' });
  const seat = { requests: { 'example.com/seat': '1' }, limits: { 'example.com/seat': '1' } };
  const containers = [{ name: 'c', image: 'i', resources: seat }];
  const finalizers = ['example.com/test'];
  await create({ name: 'victim', test: 'told', metadata: { finalizers }, spec: { containers, priorityClassName: 'p1' } });
  await placed('victim');
  await create({ name: 'preemptor', test: 'told', spec: { containers, priorityClassName: 'p4' } });
  const condition = await cluster.until(async () => podCondition((await find('victim'))?.status, 'DisruptionTarget'));
  assert.deepEqual([condition.status, condition.reason], ['True', 'PreemptionByScheduler']);
  await cluster.client.patch(pods, { name: 'victim', namespace: 'ns' }, { type: 'merge', body: { metadata: { finalizers: null } } });
  assert.equal(await placed('preemptor'), 'told');
});

test('SchedulerPreemption: ReplicaSets of rising priority push each other out', async () => {
  await ensureClasses();
  await nodeFor('path', { 'example.com/fake': '1000' });
  const set = async (name: string, replicas: number, fake: string): Promise<void> => {
    const labels = { app: `rs-${name}` };
    const resources = { requests: { 'example.com/fake': fake }, limits: { 'example.com/fake': fake } };
    await cluster.client.create(replicasets, {
      metadata: { name: `rs-${name}`, namespace: 'ns' },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { priorityClassName: name, nodeSelector: { test: 'path' }, containers: [{ name: 'c', image: 'i', resources }] },
        },
      },
    });
  };
  const count = async (name: string): Promise<number> => {
    await letGo();
    const { items } = await cluster.client.list(pods, { namespace: 'ns', labelSelector: `app=rs-${name}` });
    return items.filter(({ metadata, spec }) => metadata.deletionTimestamp === undefined && spec.nodeName === 'path').length;
  };
  const settles = (name: string, wanted: number) => cluster.until(async () => ((await count(name)) === wanted ? true : undefined));
  for (const [name, replicas, fake] of [
    ['p1', 1, '200'],
    ['p2', 1, '300'],
    ['p3', 1, '450'],
  ] as const) {
    await set(name, replicas, fake);
    await settles(name, replicas);
  }
  await set('p4', 1, '500');
  await settles('p4', 1);
  await settles('p1', 0);
  await settles('p2', 0);
  assert.equal(await count('p3'), 1);
});

test('PriorityClass: what may change changes, its value and preemption policy do not', async () => {
  await cluster.client.create(priorityclasses, { metadata: { name: 'endpoint', labels: { own: 'yes' } }, value: 5 });
  const { items } = await cluster.client.list(priorityclasses, { labelSelector: 'own=yes' });
  assert.deepEqual(
    items.map(({ value }) => value),
    [5],
  );
  const patch = (body: object) => cluster.client.patch(priorityclasses, { name: 'endpoint' }, { type: 'merge', body });
  assert.equal((await patch({ description: 'new' })).description, 'new');
  await assert.rejects(patch({ value: 6 }), /may not be changed in an update/);
  await assert.rejects(patch({ preemptionPolicy: 'Never' }), /field is immutable/);
});

test('LimitRange: pods get its defaults, and what breaks its bounds is refused', async () => {
  const limits = [
    { type: 'Container', min: { cpu: '50m' }, max: { cpu: '500m' }, default: { cpu: '500m' }, defaultRequest: { cpu: '100m' } },
  ];
  await cluster.client.create(limitranges, { metadata: { name: 'bounds', namespace: 'default' }, spec: { limits } } as never);
  const made = await cluster.client.create(pods, {
    metadata: { name: 'bounded', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  assert.deepEqual(made.spec.containers[0]?.resources, { limits: { cpu: '500m' }, requests: { cpu: '100m' } });
  await assert.rejects(
    create({
      name: 'unbounded',
      namespace: 'default',
      test: '',
      cpu: '600m',
      spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '10m' } } }] },
    }),
    /minimum cpu usage per Container is 50m, but request is 10m/,
  );
});
