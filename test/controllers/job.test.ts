import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isConditionTrue } from '#api/conditions.ts';
import { jobs, pods } from '#api/resources.ts';
import type { Job, New, Pod } from '#api/types.ts';
import { jobController } from '#controllers/job/controller.ts';
import { jobOrphanController } from '#controllers/job/orphans.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [jobController, jobOrphanController] });
});
after(() => t.stop());

const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] } } as const;

const create = (name: string, spec: New<Job['spec']>) =>
  t.client.create(jobs, { metadata: { name, namespace: 'ns' }, spec: { template, ...spec } } as New<Job>);

const podsOf = async (name: string): Promise<readonly Pod[]> =>
  (await t.client.list(pods, { namespace: 'ns', labelSelector: `job-name=${name}` })).items;

const running = async (name: string): Promise<readonly Pod[]> =>
  (await podsOf(name)).filter(({ status }) => status.phase === 'Pending' || status.phase === 'Running');

const get = (name: string) => t.client.get(jobs, { name, namespace: 'ns' });

const job = (name: string, is: (job: Job) => boolean) =>
  t.until(async () => {
    const found = await get(name);
    return is(found) ? found : undefined;
  });

const atLeast = (name: string, count: number) =>
  t.until(async () => {
    const found = await running(name);
    return found.length >= count ? found : undefined;
  });

/** As a kubelet does when the containers have ended. */
async function end(pod: Pod, exitCode: number): Promise<void> {
  const state = { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', finishedAt: at(), startedAt: at() } };
  const containerStatuses = [{ name: 'c', image: 'busybox', imageID: '', ready: false, restartCount: 0, state }];
  await t.client.patch(
    pods,
    pod.metadata,
    { type: 'merge', body: { status: { phase: exitCode === 0 ? 'Succeeded' : 'Failed', containerStatuses } } },
    { subresource: 'status' },
  );
}
const at = (): string => new Date(Math.floor(t.clock.now() / 1000) * 1000).toISOString().replace('.000', '');

const is = (found: Job, type: string): boolean => isConditionTrue(found.status.conditions, type);
const reasonOf = (found: Job, type: string) => found.status.conditions?.find((condition) => condition.type === type)?.reason;

test('a Job runs its completions two at a time, replaces what fails, and counts each pod once', async () => {
  await create('sum', { completions: 3, parallelism: 2 });
  const [first, second] = await atLeast('sum', 2);
  assert.deepEqual(first?.metadata.finalizers, ['batch.kubernetes.io/job-tracking']);
  assert.match(first.metadata.name, /^sum-/);
  await end(first, 1);
  await end(second as Pod, 0);
  const more = await atLeast('sum', 2);
  for (const pod of more) await end(pod, 0);
  const done = await job('sum', (found) => is(found, 'Complete'));
  assert.deepEqual(
    [done.status.succeeded, done.status.failed, done.status.active, done.status.ready, done.status.terminating],
    [3, 1, undefined, 0, 0],
  );
  assert.deepEqual(done.status.uncountedTerminatedPods, {});
  assert.equal(reasonOf(done, 'SuccessCriteriaMet'), 'CompletionsReached');
  assert.ok(done.status.completionTime !== undefined && done.status.startTime !== undefined);
  assert.equal((await podsOf('sum')).filter(({ metadata }) => metadata.finalizers !== undefined).length, 0);
  assert.ok(t.events.includes('Normal Completed Job completed'));
});

test('an indexed Job gives each index a name, a label and a variable, and lists those that are done', async () => {
  await create('shards', { completions: 4, parallelism: 4, completionMode: 'Indexed' });
  const all = await atLeast('shards', 4);
  const byIndex = (pod: Pod) => pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
  assert.deepEqual(new Set(all.map(byIndex)), new Set(['0', '1', '2', '3']));
  const two = all.find((pod) => byIndex(pod) === '2') as Pod;
  assert.equal(two.spec.hostname, 'shards-2');
  assert.match(two.metadata.name, /^shards-2-/);
  assert.equal(two.metadata.labels?.['batch.kubernetes.io/job-completion-index'], '2');
  assert.equal(
    two.spec.containers[0]?.env?.[0]?.valueFrom?.fieldRef?.fieldPath,
    "metadata.labels['batch.kubernetes.io/job-completion-index']",
  );
  for (const pod of all) if (pod !== two) await end(pod, 0);
  await job('shards', ({ status }) => status.completedIndexes === '0,1,3');
  await end(two, 0);
  const done = await job('shards', (found) => is(found, 'Complete'));
  assert.deepEqual([done.status.completedIndexes, done.status.succeeded], ['0-3', 4]);
});

test('a Job fails at its back-off limit, and its pods stop first', async () => {
  await create('broken', { completions: 2, parallelism: 2, backoffLimit: 0 });
  const [first] = await atLeast('broken', 2);
  await end(first as Pod, 1);
  const target = await job('broken', (found) => is(found, 'FailureTarget'));
  assert.equal(reasonOf(target, 'FailureTarget'), 'BackoffLimitExceeded');
  const failed = await job('broken', (found) => is(found, 'Failed'));
  assert.equal(failed.status.conditions?.find(({ type }) => type === 'Failed')?.message, 'Job has reached the specified backoff limit');
  assert.ok(t.events.includes('Warning BackoffLimitExceeded Job has reached the specified backoff limit'));
  assert.equal((await running('broken')).length, 0);
});

test('a pod failure policy fails a Job at once and ignores disruptions', async () => {
  await create('policy', {
    completions: 1,
    backoffLimit: 0,
    podFailurePolicy: {
      rules: [
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        { action: 'FailJob', onExitCodes: { containerName: 'c', operator: 'In', values: [42] } },
      ],
    },
  });
  const [first] = await atLeast('policy', 1);
  await t.client.patch(
    pods,
    (first as Pod).metadata,
    { type: 'merge', body: { status: { conditions: [{ type: 'DisruptionTarget', status: 'True' }] } } },
    { subresource: 'status' },
  );
  await end(first as Pod, 1);
  const second = await t.until(async () => (await running('policy')).find(({ metadata }) => metadata.uid !== first?.metadata.uid));
  await end(second, 42);
  const failed = await job('policy', (found) => is(found, 'Failed'));
  assert.deepEqual([reasonOf(failed, 'Failed'), failed.status.failed], ['PodFailurePolicy', 1]);
  assert.equal(
    failed.status.conditions?.find(({ type }) => type === 'Failed')?.message,
    `Container c for pod ns/${second.metadata.name} failed with exit code 42 matching FailJob rule at index 1`,
  );
});

test('with a back-off limit per index the other indexes go on, and too many failed ones end the Job', async () => {
  await create('perindex', { completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 1, maxFailedIndexes: 1 });
  const all = await atLeast('perindex', 3);
  const index = (pod: Pod) => Number(pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index']);
  await end(all.find((pod) => index(pod) === 0) as Pod, 1);
  const retried = await t.until(async () => (await running('perindex')).find((pod) => index(pod) === 0));
  assert.equal(retried.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1');
  await end(retried, 1);
  const partly = await job('perindex', ({ status }) => status.failedIndexes === '0');
  assert.equal(is(partly, 'FailureTarget'), false);
  await end(all.find((pod) => index(pod) === 1) as Pod, 0);
  await end(all.find((pod) => index(pod) === 2) as Pod, 0);
  const failed = await job('perindex', (found) => is(found, 'Failed'));
  assert.deepEqual(
    [reasonOf(failed, 'Failed'), failed.status.completedIndexes, failed.status.failedIndexes],
    ['FailedIndexes', '1,2', '0'],
  );
});

test('a success policy ends an indexed Job early', async () => {
  await create('leader', {
    completions: 3,
    parallelism: 3,
    completionMode: 'Indexed',
    successPolicy: { rules: [{ succeededIndexes: '0', succeededCount: 1 }] },
  });
  const all = await atLeast('leader', 3);
  await end(all.find(({ spec }) => spec.hostname === 'leader-0') as Pod, 0);
  const done = await job('leader', (found) => is(found, 'Complete'));
  assert.deepEqual(
    [reasonOf(done, 'SuccessCriteriaMet'), done.status.completedIndexes, done.status.failed],
    ['SuccessPolicy', '0', undefined],
  );
  assert.equal(done.status.conditions?.find(({ type }) => type === 'Complete')?.message, 'Matched rules at index 0');
});

test('a suspended Job has no pods; resumed, it starts its clock anew', async () => {
  await create('paused', { completions: 1, suspend: true, activeDeadlineSeconds: 60 });
  const paused = await job('paused', (found) => is(found, 'Suspended'));
  assert.equal(paused.status.startTime, undefined);
  const suspend = (value: boolean) =>
    t.client.patch(jobs, { name: 'paused', namespace: 'ns' }, { type: 'merge', body: { spec: { suspend: value } } });
  await suspend(false);
  await atLeast('paused', 1);
  const first = await job('paused', ({ status }) => status.startTime !== undefined);
  await suspend(true);
  await t.until(async () => ((await podsOf('paused')).length === 0 ? true : undefined));
  await job('paused', (found) => is(found, 'Suspended'));
  t.clock.advance(120_000);
  await suspend(false);
  const resumed = await job('paused', (found) => reasonOf(found, 'Suspended') === 'JobResumed');
  assert.ok((resumed.status.startTime as string) > (first.status.startTime as string));
  assert.equal(is(resumed, 'FailureTarget'), false);
  const failed = await job('paused', (found) => is(found, 'Failed'));
  assert.equal(reasonOf(failed, 'Failed'), 'DeadlineExceeded');
  assert.deepEqual(
    ['Normal Suspended Job suspended', 'Normal Resumed Job resumed'].filter((event) => !t.events.includes(event)),
    [],
  );
});

test('a Job adopts an orphan that matches, and lets go of a pod that no longer does', async () => {
  await create('adopter', { completions: 2, parallelism: 2 });
  const [first] = (await atLeast('adopter', 2)) as [Pod];
  await t.client.patch(pods, first.metadata, { type: 'merge', body: { metadata: { ownerReferences: null } } });
  await t.until(async () =>
    (await t.client.get(pods, first.metadata)).metadata.ownerReferences?.[0]?.name === 'adopter' ? true : undefined,
  );
  await t.client.patch(pods, first.metadata, {
    type: 'merge',
    body: {
      metadata: {
        labels: {
          'job-name': null,
          'batch.kubernetes.io/job-name': null,
          'controller-uid': null,
          'batch.kubernetes.io/controller-uid': null,
        },
      },
    },
  });
  const released = await t.until(async () => {
    const pod = await t.client.get(pods, first.metadata);
    return pod.metadata.ownerReferences === undefined && pod.metadata.finalizers === undefined ? pod : undefined;
  });
  assert.equal(released.metadata.uid, first.metadata.uid);
});

test('pods of a Job that is deleted lose their finalizer, and another controller’s Job is left alone', async () => {
  await create('gone', { completions: 1 });
  await atLeast('gone', 1);
  await t.client.delete(jobs, { name: 'gone', namespace: 'ns' }, { propagationPolicy: 'Background' });
  await t.until(async () => ((await podsOf('gone')).every(({ metadata }) => metadata.finalizers === undefined) ? true : undefined));
  await create('foreign', { completions: 1, managedBy: 'example.com/other' });
  await create('next', { completions: 1 });
  await atLeast('next', 1);
  assert.equal((await podsOf('foreign')).length, 0);
  assert.deepEqual(t.warnings, []);
});
