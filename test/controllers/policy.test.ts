import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import { isPodReady } from '#api/pods.ts';
import { configmaps, poddisruptionbudgets, pods, replicasets, resourcequotas, secrets, services } from '#api/resources.ts';
import type { New, Pod, PodDisruptionBudget, ReplicaSet, ResourceQuota, Service } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { disruptionController, staleDisruptionController } from '#controllers/disruption/controller.ts';
import { replicaSetController } from '#controllers/replicaset/controller.ts';
import { resourceQuotaController } from '#controllers/resourcequota/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';
import { makeReady, podsLabelled } from './pods.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({
    controllers: [disruptionController, staleDisruptionController, replicaSetController, resourceQuotaController],
  });
});
after(() => t.stop());

const template = (app: string) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image: 'i' }] } });

async function running(name: string, replicas: number): Promise<readonly Pod[]> {
  await t.client.create(replicasets, {
    metadata: { name, namespace: 'ns' },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) },
  } as New<ReplicaSet>);
  return t.until(async () => {
    const found = await podsLabelled(t, name);
    for (const pod of found) if (!isPodReady(pod)) await makeReady(t, pod);
    return found.length === replicas && found.every(isPodReady) ? found : undefined;
  });
}

const budget = (name: string, spec: object): Promise<PodDisruptionBudget> =>
  t.client.create(poddisruptionbudgets, {
    metadata: { name, namespace: 'ns' },
    spec: { selector: { matchLabels: { app: name } }, ...spec },
  } as New<PodDisruptionBudget>);

const budgetIs = (name: string, is: (status: PodDisruptionBudget['status']) => boolean) =>
  t.until(async () => {
    const { status } = await t.client.get(poddisruptionbudgets, { name, namespace: 'ns' });
    return is(status) ? status : undefined;
  });

const evict = (pod: Pod) =>
  t.client.createSubresource(pods, pod.metadata, 'eviction', {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: pod.metadata.name, namespace: 'ns' },
  });

test('a budget blocks an eviction until it is changed to allow it, and the controller counts what is left', async () => {
  const [first, second] = await running('web', 3);
  await budget('web', { minAvailable: 3 });
  const closed = await budgetIs('web', ({ currentHealthy }) => currentHealthy === 3);
  assert.deepEqual([closed.disruptionsAllowed, closed.desiredHealthy, closed.expectedPods], [0, 3, 3]);
  await assert.rejects(evict(first as Pod), (error) => isStatusError(error, 'TooManyRequests'));
  await t.client.patch(poddisruptionbudgets, { name: 'web', namespace: 'ns' }, { type: 'merge', body: { spec: { minAvailable: 2 } } });
  await budgetIs('web', ({ disruptionsAllowed }) => disruptionsAllowed === 1);
  await evict(first as Pod);
  await assert.rejects(evict(second as Pod), (error) => isStatusError(error, 'TooManyRequests'));
});

test('a budget as a share follows the scale of the pods’ owner', async () => {
  await running('share', 4);
  await budget('share', { maxUnavailable: '50%' });
  await budgetIs('share', (status) => status.disruptionsAllowed === 2 && status.expectedPods === 4);
  await t.client.patch(replicasets, { name: 'share', namespace: 'ns' }, { type: 'merge', body: { spec: { replicas: 2 } } });
  await budgetIs('share', (status) => status.disruptionsAllowed === 1 && status.expectedPods === 2);
});

test('a budget over pods whose owner has no scale allows nothing and says why', async () => {
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'job', uid: 'none', controller: true };
  await t.client.create(pods, {
    metadata: { name: 'of-a-job', namespace: 'ns', labels: { app: 'odd' }, ownerReferences: [owner] },
    spec: template('odd').spec,
  } as New<Pod>);
  await budget('odd', { maxUnavailable: 1 });
  const status = await budgetIs('odd', ({ conditions }) => findCondition(conditions, 'DisruptionAllowed')?.reason === 'SyncFailed');
  assert.equal(findCondition(status.conditions, 'DisruptionAllowed')?.message, 'jobs.batch does not implement the scale subresource');
  assert.ok(t.events.some((line) => line.startsWith('Warning CalculateExpectedPodCountFailed')));
});

test('a pod that two budgets select is told so: nobody can evict it', async () => {
  await budget('twice', { minAvailable: 0 });
  const { metadata, spec } = await t.client.get(poddisruptionbudgets, { name: 'twice', namespace: 'ns' });
  await t.client.create(poddisruptionbudgets, { metadata: { name: 'twice-more', namespace: metadata.namespace }, spec });
  await running('twice', 1);
  const told =
    /^Warning MultiplePodDisruptionBudgets Pod "ns"\/"twice-\w+" matches multiple PodDisruptionBudgets. {2}Chose "twice(-more)?" arbitrarily\.$/;
  await t.until(async () => (t.events.some((line) => told.test(line)) ? true : undefined));
});

const quota = (name: string, spec: ResourceQuota['spec']): Promise<ResourceQuota> =>
  t.client.create(resourcequotas, { metadata: { name, namespace: 'ns' }, spec });

const usedIs = (name: string, wanted: Readonly<Record<string, string>>) =>
  t.until(async () => {
    const { status } = await t.client.get(resourcequotas, { name, namespace: 'ns' });
    return Object.entries(wanted).every(([key, value]) => status.used?.[key] === value) ? status : undefined;
  });

test('a quota counts what is there, what comes, and what goes again', async () => {
  await t.client.create(configmaps, { metadata: { name: 'before', namespace: 'ns' } });
  await quota('objects', { hard: { 'count/configmaps': '9', secrets: '9', services: '9', 'services.nodeports': '9' } });
  await usedIs('objects', { 'count/configmaps': '1', secrets: '0', services: '0' });
  await t.client.create(secrets, { metadata: { name: 's', namespace: 'ns' } });
  await t.client.create(services, {
    metadata: { name: 'svc', namespace: 'ns' },
    spec: { type: 'NodePort', ports: [{ port: 80 }] },
  } as New<Service>);
  await usedIs('objects', { secrets: '1', services: '1', 'services.nodeports': '1' });
  await t.client.delete(secrets, { name: 's', namespace: 'ns' });
  await t.client.delete(services, { name: 'svc', namespace: 'ns' });
  await t.client.delete(configmaps, { name: 'before', namespace: 'ns' });
  const { hard } = await usedIs('objects', { 'count/configmaps': '0', secrets: '0', services: '0', 'services.nodeports': '0' });
  assert.equal(hard?.['secrets'], '9');
});

test('quotas of each scope count their own pods, and give back what ended', async () => {
  const hard = { pods: '9' };
  const scopes = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating'] as const;
  for (const scope of scopes) await quota(scope.toLowerCase(), { hard, scopes: [scope] });
  const used = async (scope: (typeof scopes)[number]) =>
    Number((await t.client.get(resourcequotas, { name: scope.toLowerCase(), namespace: 'ns' })).status.used?.['pods'] ?? NaN);
  const counts = () => Promise.all(scopes.map(used));
  const settled = await t.until(async () => ((await counts()).some(Number.isNaN) ? undefined : counts()));
  await t.client.create(pods, {
    metadata: { name: 'ends', namespace: 'ns' },
    spec: { activeDeadlineSeconds: 60, containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] },
  } as New<Pod>);
  const wanted = settled.map((count, index) => count + [0, 1, 1, 0][index]!);
  await t.until(async () => (JSON.stringify(await counts()) === JSON.stringify(wanted) ? true : undefined));
  await t.client.patch(
    pods,
    { name: 'ends', namespace: 'ns' },
    { type: 'merge', body: { status: { phase: 'Succeeded' } } },
    { subresource: 'status' },
  );
  await t.until(async () => (JSON.stringify(await counts()) === JSON.stringify(settled) ? true : undefined));
});

test('a limit that is raised shows, and a quota that is gone counts no more', async () => {
  await t.client.patch(
    resourcequotas,
    { name: 'objects', namespace: 'ns' },
    { type: 'merge', body: { spec: { hard: { secrets: '12' } } } },
  );
  await t.until(async () => {
    const { status } = await t.client.get(resourcequotas, { name: 'objects', namespace: 'ns' });
    return status.hard?.['secrets'] === '12' ? true : undefined;
  });
  await t.client.delete(resourcequotas, { name: 'objects', namespace: 'ns' });
});

test('no call of the controllers was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete)/.test(line)),
    [],
  );
});
