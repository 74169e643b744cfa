// Job as conformance walks it. Source: test/e2e/apps/job.go, test/e2e/framework/job.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import { isPodReady } from '#api/pods.ts';
import { jobs, pods } from '#api/resources.ts';
import type { Job, JobCondition, New, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { type Act, type Decide, type Played, startPlayed, watchFromNow } from './played.ts';

let t: Played;
before(async () => {
  t = await startPlayed();
});
after(() => t.stop());

const INDEX = 'batch.kubernetes.io/job-completion-index';
const ref = (name: string) => ({ name, namespace: 'ns' });
const get = (name: string) => t.client.get(jobs, ref(name));
const podsOf = (name: string) => t.podsOf(`job=${name}`);
const indexOf = ({ metadata }: Pod) => Number(metadata.annotations?.[INDEX]);

/** With the fields a client of Go sends, whatever they say. */
const create = (name: string, spec: object, labels?: Readonly<Record<string, string>>): Promise<Job> =>
  t.client.create(jobs, {
    metadata: { name, namespace: 'ns', ...(labels === undefined ? {} : { labels }) },
    spec: {
      manualSelector: false,
      template: {
        metadata: { labels: { job: name } },
        spec: {
          restartPolicy: 'Never',
          volumes: [{ name: 'data', emptyDir: {} }],
          containers: [{ name: 'c', image: 'busybox:1', volumeMounts: [{ mountPath: '/data', name: 'data' }], securityContext: {} }],
        },
      },
      ...spec,
    },
  } as unknown as New<Job>);

const END: Act = { kind: 'end', exitCode: 0 };
const FAIL: Act = { kind: 'end', exitCode: 1 };
const RUN: Act = { kind: 'run', ready: true };
const failOddSucceedEven: Decide = (pod) => (indexOf(pod) % 2 === 0 ? END : FAIL);

const reached = (name: string, type: string, reason: string, decide: Decide): Promise<Job> =>
  t.carriedOn(async () => {
    const job = await get(name);
    const condition = findCondition(job.status.conditions, type);
    return condition?.status === 'True' && condition.reason === reason ? job : undefined;
  }, decide);
const completed = (name: string, decide: Decide, reason = 'CompletionsReached') => reached(name, 'Complete', reason, decide);
const failed = (name: string, reason: string, decide: Decide) => reached(name, 'Failed', reason, decide);
const running = (name: string, count: number): Promise<readonly Pod[]> =>
  t.carriedOn(
    async () => {
      const found = (await podsOf(name)).filter((pod) => pod.status.phase === 'Running' && isPodReady(pod));
      return found.length === count ? found : undefined;
    },
    () => RUN,
  );

/** What a finished Job's status says of its pods; 0, not nothing, where Go has a pointer. */
const atRest = ({ status }: Job) => [status.active ?? 0, status.ready, status.terminating];

test('should create pods for an Indexed job with completion indexes and specified hostname', async () => {
  await create('indexed-job', { parallelism: 2, completions: 4, backoffLimit: 6, completionMode: 'Indexed' });
  const { status } = await completed('indexed-job', () => END);
  assert.equal(status.succeeded, 4);
  const ended = (await podsOf('indexed-job')).filter((pod) => pod.status.phase === 'Succeeded');
  assert.deepEqual(
    ended.map(indexOf).toSorted((a, b) => a - b),
    [0, 1, 2, 3],
  );
  for (const pod of ended) {
    assert.equal(pod.spec.hostname, `indexed-job-${indexOf(pod)}`);
    assert.equal(pod.metadata.labels?.[INDEX], String(indexOf(pod)));
    const { env } = pod.spec.containers[0] as Pod['spec']['containers'][number];
    assert.equal(env?.find(({ name }) => name === 'JOB_COMPLETION_INDEX')?.valueFrom?.fieldRef?.fieldPath, `metadata.labels['${INDEX}']`);
  }
});

test('should run a job to completion when tasks sometimes fail and are locally restarted', async () => {
  await create('fail-once-local', { parallelism: 2, completions: 4, backoffLimit: 6 });
  const job = await completed('fail-once-local', () => END);
  assert.equal(job.status.succeeded, 4);
  assert.deepEqual(atRest(job), [0, 0, 0]);
});

test('should allow to use the pod failure policy on exit code to fail the job early', async () => {
  const rules = [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [1] } }];
  await create('failjob', { parallelism: 2, completions: 4, backoffLimit: 6, podFailurePolicy: { rules } });
  const job = await failed('failjob', 'PodFailurePolicy', () => FAIL);
  assert.ok((job.status.failed ?? 0) <= 2);
});

test('should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition', async () => {
  const rules = [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }];
  await create('evicted', { parallelism: 3, completions: 3, backoffLimit: 2, completionMode: 'Indexed', podFailurePolicy: { rules } });
  const first = await running('evicted', 3);
  await t.carriedOn(async () => ((await get('evicted')).status.ready === 3 ? true : undefined));
  for (const { metadata } of first)
    await t.client.createSubresource(pods, metadata, 'eviction', {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: metadata.name, namespace: 'ns' },
    });
  const told = (await podsOf('evicted')).filter(({ metadata }) => first.some((pod) => pod.metadata.uid === metadata.uid));
  assert.ok(told.every(({ status }) => findCondition(status.conditions, 'DisruptionTarget')?.reason === 'EvictionByEvictionAPI'));
  // The kubelet says how they ended before they go.
  for (const { metadata } of told)
    await t.client.patch(pods, metadata, { type: 'merge', body: { status: { phase: 'Failed' } } }, { subresource: 'status' });
  const job = await completed('evicted', () => END);
  assert.deepEqual([job.status.succeeded, job.status.failed ?? 0], [3, 0]);
});

test('with successPolicy should succeed when all indexes succeeded', async () => {
  const successPolicy = { rules: [{ succeededCount: 2 }] };
  await create('all-indexes', { parallelism: 2, completions: 2, backoffLimit: 6, completionMode: 'Indexed', successPolicy });
  await reached('all-indexes', 'SuccessCriteriaMet', 'SuccessPolicy', () => END);
  const job = await completed('all-indexes', () => END, 'SuccessPolicy');
  assert.deepEqual([...atRest(job), job.status.failed ?? 0, job.status.succeeded], [0, 0, 0, 0, 2]);
});

for (const [rule, of] of [
  [{ succeededIndexes: '0' }, 'succeededIndexes'],
  [{ succeededCount: 1 }, 'succeededCount'],
] as const) {
  test(`with successPolicy ${of} rule should succeed even when some indexes remain pending`, async () => {
    const name = of.toLowerCase();
    const successPolicy = { rules: [rule] };
    await create(name, { parallelism: 2, completions: 5, backoffLimit: 2 ** 31 - 1, completionMode: 'Indexed', successPolicy });
    const first: Decide = (pod) => (indexOf(pod) === 0 ? END : RUN);
    await reached(name, 'SuccessCriteriaMet', 'SuccessPolicy', first);
    const job = await completed(name, first, 'SuccessPolicy');
    assert.deepEqual([job.status.completedIndexes, job.status.succeeded, ...atRest(job)], ['0', 1, 0, 0, 0]);
  });
}

test('should execute all indexes despite some failing when using backoffLimitPerIndex', async () => {
  await create('per-index', { parallelism: 2, completions: 4, backoffLimitPerIndex: 1, completionMode: 'Indexed' });
  const { status } = await failed('per-index', 'FailedIndexes', failOddSucceedEven);
  assert.deepEqual([status.failedIndexes, status.completedIndexes, status.failed, status.succeeded], ['1,3', '0,2', 4, 2]);
});

test('should terminate job execution when the number of failed indexes exceeds maxFailedIndexes', async () => {
  const spec = { parallelism: 1, completions: 4, backoffLimitPerIndex: 0, maxFailedIndexes: 0, completionMode: 'Indexed' };
  await create('max-failed', spec);
  const { status } = await failed('max-failed', 'MaxFailedIndexesExceeded', () => FAIL);
  assert.deepEqual([status.failedIndexes, status.failed, (await podsOf('max-failed')).length], ['0', 1, 1]);
});

test('should mark indexes as failed when the FailIndex action is matched in podFailurePolicy', async () => {
  const podFailurePolicy = { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [1] } }] };
  await create('fail-index', { parallelism: 2, completions: 2, backoffLimitPerIndex: 1, completionMode: 'Indexed', podFailurePolicy });
  const { status } = await failed('fail-index', 'FailedIndexes', failOddSucceedEven);
  assert.deepEqual([status.failedIndexes, status.completedIndexes, status.failed, status.succeeded], ['1', '0', 1, 1]);
});

test('should delete a job: its pods go, and then nothing is left of it', async () => {
  await create('foo', { parallelism: 2, completions: 4, backoffLimit: 6 });
  await running('foo', 2);
  await t.client.delete(jobs, ref('foo'), { propagationPolicy: 'Background' });
  await t.carriedOn(async () => ((await podsOf('foo')).length === 0 ? true : undefined));
  await assert.rejects(get('foo'), (error) => isStatusError(error, 'NotFound'));
});

test('should adopt matching orphans and release non-matching pods', async () => {
  const job = await create('adopt-release', { parallelism: 2, completions: 4, backoffLimit: 6 });
  const [pod] = (await running('adopt-release', 2)) as [Pod];
  const update = (metadata: object) =>
    t.changed(pods, pod.metadata, (fresh) => ({ ...fresh, metadata: { ...fresh.metadata, ...metadata } }));
  const ownedBy = (uid: string | undefined) =>
    t.carriedOn(
      async () => {
        const owner = (await t.client.get(pods, pod.metadata)).metadata.ownerReferences?.find(({ controller }) => controller === true);
        return owner?.uid === uid ? { owner } : undefined;
      },
      () => RUN,
    );
  await update({ ownerReferences: undefined });
  const { owner } = await ownedBy(job.metadata.uid);
  assert.deepEqual([owner?.kind, owner?.name], ['Job', 'adopt-release']);
  await update({ labels: undefined });
  await ownedBy(undefined);
});

test('should apply changes to a job status: conditions and annotations of others stay', async () => {
  await create('status', { parallelism: 2, completions: 4, backoffLimit: 6 });
  await running('status', 2);
  const type = 'CustomConditionType';
  const own = ({ status }: Job): JobCondition | undefined => findCondition(status.conditions, type) as JobCondition | undefined;
  const now = formatTime(t.clock.now());
  const condition = { type, status: 'True', lastProbeTime: null, lastTransitionTime: now };
  const body = { metadata: { annotations: { patchedstatus: 'true' } }, status: { conditions: [condition] } };
  const patched = await t.client.patch(jobs, ref('status'), { type: 'merge', body }, { subresource: 'status' });
  assert.deepEqual([own(patched)?.lastTransitionTime, patched.metadata.annotations?.['patchedstatus']], [now, 'true']);
  // The controller counts its pods on, and keeps what is not its own.
  await t.carriedOn(
    async () => ((await get('status')).status.ready === 2 ? true : undefined),
    () => RUN,
  );
  const later = formatTime(t.clock.now() + 1000);
  const updated = await t.changed(
    jobs,
    ref('status'),
    (fresh) => {
      const conditions = (fresh.status.conditions ?? []).map((each) =>
        each.type === type ? { ...each, lastTransitionTime: later } : each,
      );
      return { ...fresh, status: { ...fresh.status, conditions } };
    },
    'status',
  );
  assert.equal(own(updated)?.lastTransitionTime, later);
  const stated = await t.client.get(jobs, ref('status'), { subresource: 'status' });
  assert.equal(stated.metadata.uid, patched.metadata.uid);
});

test('should manage the lifecycle of a job: a watch shows each step', async () => {
  const labelSelector = 'e2e-job-label=life';
  const watch = await watchFromNow(t, jobs, { namespace: 'ns', labelSelector });
  const shows = (is: (job: Job) => boolean, type: string) =>
    t.carriedOn(
      async () => watch.seen.find((event) => event.type === type && is(event.object))?.object,
      () => END,
    );
  const created = await create('life', { parallelism: 2, completions: 4, backoffLimit: 6, suspend: true }, { 'e2e-job-label': 'life' });
  const patched = await t.client.patch(jobs, ref('life'), { type: 'strategic', body: { metadata: { labels: { life: 'patched' } } } });
  assert.ok(Number(patched.metadata.resourceVersion) > Number(created.metadata.resourceVersion));
  await shows(({ metadata }) => metadata.labels?.['life'] === 'patched', 'MODIFIED');
  await t.changed(jobs, ref('life'), (fresh) => ({
    ...fresh,
    metadata: { ...fresh.metadata, annotations: { ...fresh.metadata.annotations, updated: 'true' } },
    spec: { ...fresh.spec, suspend: false },
  }));
  await shows(({ metadata }) => metadata.annotations?.['updated'] === 'true', 'MODIFIED');
  assert.equal((await t.client.list(jobs, { labelSelector })).items.length, 1);
  const done = await completed('life', () => END);
  assert.equal(done.status.succeeded, 4);
  await t.client.deleteCollection(jobs, { namespace: 'ns', labelSelector }, { propagationPolicy: 'Background' });
  await shows(() => true, 'DELETED');
  await watch.end();
  assert.deepEqual((await t.client.list(jobs, { labelSelector })).items, []);
  await t.carriedOn(async () => ((await podsOf('life')).length === 0 ? true : undefined));
});
