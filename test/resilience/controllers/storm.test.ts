// All controllers over a real API server that refuses, conflicts and loses answers: nothing is made twice, nothing turns in
// circles, and once all is as wanted there is quiet.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isStatusError } from '#apimachinery/errors.ts';
import { isPodActive, isPodReady } from '#api/pods.ts';
import { deployments, endpointslices, jobs, namespaces, pods, replicasets, services, statefulsets } from '#api/resources.ts';
import type { Deployment, Job, New, Pod, Service, StatefulSet } from '#api/types.ts';
import { CONTROLLERS } from '#controllers/controllers.ts';
import { makeReady, podsLabelled } from '../../controllers/pods.ts';
import { type ControllerTest, startControllerTest } from '../../harness/controllers.ts';
import { pass, Traffic } from './traffic.ts';

/** Of the wall clock of the test: an hour, by the minute. */
const QUIET_STEPS = 60;
const MINUTE_MS = 60_000;

const traffic = new Traffic();

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: CONTROLLERS, between: traffic.between });
});
after(() => t.stop());

const template = (app: string, spec: object = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image: 'v1' }], ...spec },
});
const workload = (app: string, replicas: number) => ({ replicas, selector: { matchLabels: { app } }, template: template(app) });
const named = (name: string) => ({ name, namespace: 'ns' });

/** Pods of `app` once `count` of them are there and run; kubelets are at work. */
const running = (app: string, count: number): Promise<readonly Pod[]> =>
  t.until(async () => {
    const found = (await podsLabelled(t, app)).filter(isPodActive);
    for (const pod of found) if (!isPodReady(pod)) await makeReady(t, pod);
    return found.length === count && found.every(isPodReady) ? found : undefined;
  });

/** Names of all pods there ever were, in the order they came. */
function recordPods(signal: AbortSignal): readonly string[] {
  const born: string[] = [];
  void (async () => {
    for await (const event of t.client.watch(pods, { namespace: 'ns', signal })) {
      if (event.type === 'ADDED') born.push(event.object.metadata.name);
    }
  })().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return born;
}

test('in a storm of refusals, conflicts and lost answers each pod is made once, with a bounded number of writes', async () => {
  const ending = new AbortController();
  const born = recordPods(ending.signal);
  traffic.storm = 0.3;
  await t.client.create(deployments, { metadata: named('web'), spec: workload('web', 4) } as New<Deployment>);
  await t.client.create(statefulsets, { metadata: named('db'), spec: { ...workload('db', 3), serviceName: 'db' } } as New<StatefulSet>);
  await t.client.create(services, { metadata: named('web'), spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } } as New<Service>);
  const job = { completions: 2, parallelism: 2, template: template('work', { restartPolicy: 'Never' }) };
  await t.client.create(jobs, { metadata: named('work'), spec: job } as unknown as New<Job>);
  await Promise.all([running('web', 4), running('db', 3), running('work', 2)]);
  await t.until(async () => {
    const { status } = await t.client.get(deployments, named('web'));
    return status.availableReplicas === 4 ? true : undefined;
  });
  traffic.storm = 0;
  await t.until(() => Promise.resolve(born.length >= 9 ? true : undefined));
  assert.equal(new Set(born).size, 9, born.join(' '));
  assert.ok(traffic.writes.length < 400, `${traffic.writes.length} writes:\n${traffic.writes.join('\n')}`);
  ending.abort();
});

test('an object edited under a controller is brought back once, with a few writes', async () => {
  const [set] = (await t.client.list(replicasets, { namespace: 'ns', labelSelector: 'app=web' })).items;
  assert.ok(set);
  traffic.clear();
  await t.client.patch(replicasets, set.metadata, { type: 'merge', body: { spec: { replicas: 1 } } });
  await t.until(async () => ((await t.client.get(replicasets, set.metadata)).spec.replicas === 4 ? true : undefined));
  await running('web', 4);
  assert.ok(traffic.writes.length < 40, traffic.writes.join('\n'));
});

test('a finalizer that never clears costs no more than a look now and then', async () => {
  await t.client.create(namespaces, { metadata: { name: 'stuck' } });
  const held = {
    metadata: { name: 'held', namespace: 'stuck', finalizers: ['example.test/never'] },
    spec: { replicas: 0, selector: { matchLabels: { app: 'x' } }, template: template('x') },
  };
  await t.client.create(replicasets, held as unknown as New<Deployment> as never);
  await t.client.delete(namespaces, { name: 'stuck' });
  await t.until(async () => {
    const { status } = await t.client.get(namespaces, { name: 'stuck' });
    return status.conditions?.some(({ type, status: is }) => type === 'NamespaceFinalizersRemaining' && is === 'True') === true
      ? true
      : undefined;
  });
  for (let step = 0; step < 10; step++) await pass(t, MINUTE_MS);
  traffic.clear();
  for (let minute = 0; minute < 10; minute++) await pass(t, MINUTE_MS);
  const deletions = traffic.writes.filter((line) => line.startsWith('deletecollection'));
  assert.ok(deletions.length <= 80, `${deletions.length} in ten minutes`);
  assert.deepEqual(
    traffic.writes.filter((line) => line.startsWith('update namespaces')),
    [],
  );
  await t.client.patch(replicasets, { name: 'held', namespace: 'stuck' }, { type: 'merge', body: { metadata: { finalizers: null } } });
  await t.until(async () => {
    try {
      await t.client.get(namespaces, { name: 'stuck' });
      return undefined;
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      return true;
    }
  });
});

test('once all is as wanted nothing is written, and little is read, in an hour', async () => {
  const settled = async (): Promise<string> => (await t.client.list(pods)).metadata.resourceVersion ?? '';
  for (let before = '', now = await settled(); before !== now; now = await settled()) {
    before = now;
    for (let step = 0; step < 20; step++) await pass(t, 1000);
  }
  const { items } = await t.client.list(endpointslices, { namespace: 'ns', labelSelector: 'kubernetes.io/service-name=web' });
  assert.equal(items.length, 1);
  traffic.clear();
  for (let step = 0; step < QUIET_STEPS; step++) await pass(t, MINUTE_MS);
  assert.deepEqual(traffic.writes, []);
  assert.ok(traffic.reads < QUIET_STEPS * 60, `${traffic.reads} reads in an hour`);
});
