import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatusError } from '#apimachinery/errors.ts';
import { ConnectionError } from '#client/contract.ts';
import type { Job, New, Pod } from '#api/types.ts';
import { seededIds } from '#base/ids.ts';
import { jobs, pods } from '#api/resources.ts';
import { simulate } from '../testing/simulation.ts';
import { isJobFinished } from './assess.ts';
import { nextBackoff, NO_BACKOFF, remainingMs } from './backoff.ts';
import { jobController } from './controller.ts';
import { Indexes } from './indexes.ts';
import { newPod } from './new-pod.ts';
import { planPods } from './plan.ts';
import { finishedAt } from './pods.ts';
import { reconcileJob } from './reconcile.ts';
import { job, KEY, NOW, pod, type PodFacts, seen, World } from './testing.ts';

test('Indexes reads, joins, counts and writes intervals as the status has them', () => {
  for (const [text, completions, written, size] of [
    ['', 5, '', 0],
    ['0,2-4,6', 10, '0,2-4,6', 5],
    ['0,1', 10, '0,1', 2],
    ['0-2,3', 10, '0-3', 4],
    ['1,x,3-2,4-9,12', 7, '1,4-6', 4],
  ] as const) {
    const indexes = Indexes.parse(text, completions);
    assert.deepEqual([String(indexes), indexes.size], [written, size], text);
  }
  const some = Indexes.parse('1,3-5,8', 10);
  assert.deepEqual(
    [0, 1, 2, 4, 5, 6, 8, 9].filter((index) => some.has(index)),
    [1, 4, 5, 8],
  );
  assert.deepEqual(some.missing(4, 10), [0, 2, 6, 7]);
  assert.deepEqual(some.missing(9, 7), [0, 2, 6]);
  assert.equal(String(some.union(Indexes.of([2, 6, 0]))), '0-6,8');
  assert.equal(some.common(Indexes.parse('0-3,8-9', 10)), 3);
});

test('back-off doubles from ten seconds to ten minutes and starts anew after a success', () => {
  const failed = (seconds: number) => pod('f', { phase: 'Failed', endedAt: NOW + seconds * 1000 });
  const once = nextBackoff(NO_BACKOFF, [], [failed(0)]);
  assert.deepEqual([remainingMs(once, NOW), remainingMs(once, NOW + 4000), remainingMs(once, NOW + 11_000)], [10_000, 6000, 0]);
  assert.equal(remainingMs({ failures: 3, lastAt: NOW }, NOW), 40_000);
  assert.equal(remainingMs({ failures: 30, lastAt: NOW }, NOW), 600_000);
  const success = pod('s', { phase: 'Succeeded', endedAt: NOW + 5000 });
  assert.deepEqual(nextBackoff({ failures: 4, lastAt: NOW }, [success], [failed(1)]), NO_BACKOFF);
  assert.deepEqual(nextBackoff({ failures: 4, lastAt: NOW }, [success], [failed(1), failed(9)]), { failures: 1, lastAt: NOW + 9000 });
});

test('finishedAt is that of the last container, else of readiness lost, deletion, creation', () => {
  const bare = pod('a');
  assert.equal(finishedAt(pod('a', { phase: 'Failed', endedAt: NOW - 5000 })), NOW - 5000);
  const unready = {
    ...bare.status,
    conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: '2026-01-01T00:00:07Z', lastProbeTime: null }],
  };
  assert.equal(finishedAt({ ...bare, status: unready } as Pod), NOW + 7000);
  const leaving = pod('a', { leaving: true, endedAt: NOW + 30_000 });
  assert.equal(finishedAt({ ...leaving, metadata: { ...leaving.metadata, deletionGracePeriodSeconds: 30 } }), NOW);
  assert.equal(finishedAt(bare), NOW - 3600_000);
});

const indexed = { completionMode: 'Indexed', completions: 4, parallelism: 4 } as const;

for (const c of [
  { name: 'starts as many as are still needed', spec: { completions: 5, parallelism: 3 }, status: { succeeded: 3 }, pods: [], creates: 2 },
  {
    name: 'counts a pod that succeeded just now',
    spec: { completions: 2, parallelism: 2 },
    pods: [['a', { phase: 'Succeeded' }]],
    creates: 1,
  },
  { name: 'waits before it replaces what failed', spec: {}, pods: [['a', { phase: 'Failed' }]], waits: 10_000 },
  { name: 'replaces a pod on its way out', spec: {}, pods: [['a', { leaving: true, endedAt: NOW - 60_000 }]], creates: 1 },
  {
    name: 'waits for a pod on its way out when only failed ones are replaced',
    spec: { podReplacementPolicy: 'Failed' as const },
    pods: [['a', { leaving: true, endedAt: NOW - 60_000 }]],
  },
  {
    name: 'of a Job without completions starts no more after a success',
    spec: { completions: undefined, parallelism: 3 },
    pods: [
      ['a', { phase: 'Succeeded' }],
      ['b', {}],
    ],
  },
  {
    name: 'removes what is beyond its parallelism',
    spec: { completions: 5 },
    pods: [
      ['a', {}],
      ['b', { phase: 'Pending' }],
    ],
    removes: ['b'],
  },
  { name: 'removes all pods of a suspended Job', spec: { suspend: true }, pods: [['a', {}]], removes: ['a'] },
  {
    name: 'starts the indexes that are missing',
    spec: indexed,
    pods: [
      ['a', { index: 1 }],
      ['b', { index: 2, phase: 'Succeeded' }],
    ],
    indexes: [0, 3],
  },
  {
    name: 'removes doubles of an index and strangers',
    spec: indexed,
    pods: [
      ['a', { index: 0 }],
      ['b', { index: 0, phase: 'Pending' }],
      ['c', { index: 9 }],
      ['d', {}],
    ],
    removes: ['b', 'c', 'd'],
  },
  {
    name: 'lets each index wait by itself',
    spec: { ...indexed, backoffLimitPerIndex: 3 },
    pods: [
      ['a', { index: 0, phase: 'Failed' }],
      ['b', { index: 1, phase: 'Failed', failures: 1, endedAt: NOW - 20_000 }],
      ['c', { index: 2 }],
      ['d', { index: 3 }],
    ],
    indexes: [1],
  },
] as readonly {
  readonly name: string;
  readonly spec: Partial<Job['spec']>;
  readonly status?: Job['status'];
  readonly pods: readonly (readonly [string, PodFacts])[];
  readonly creates?: number;
  readonly indexes?: readonly number[];
  readonly removes?: readonly string[];
  readonly waits?: number;
}[]) {
  test(`planPods ${c.name}`, () => {
    const plan = planPods(
      ...seen(
        job(c.spec, c.status),
        c.pods.map(([name, facts]) => pod(name, facts)),
      ),
    );
    if (c.removes !== undefined)
      assert.deepEqual(plan.kind === 'remove' && plan.pods.map(({ metadata }) => metadata.name).toSorted(), c.removes);
    else if (c.waits !== undefined) assert.deepEqual(plan, { kind: 'wait', ms: c.waits });
    else if (c.indexes !== undefined) assert.deepEqual(plan, { kind: 'create', indexes: c.indexes });
    else if (c.creates !== undefined) assert.equal(plan.kind === 'create' && plan.indexes.length, c.creates);
    else assert.equal(plan.kind, 'steady');
  });
}

for (const c of [
  { name: 'BackoffLimitExceeded', spec: { backoffLimit: 1 }, pods: ['a', 'b'].map((name) => pod(name, { phase: 'Failed' })) },
  {
    name: 'BackoffLimitExceeded by restarts in place',
    spec: {
      backoffLimit: 2,
      template: { metadata: {}, spec: { restartPolicy: 'OnFailure', containers: [] } } as unknown as Job['spec']['template'],
    },
    pods: [pod('a', { restarts: 2 })],
  },
  { name: 'DeadlineExceeded', spec: { activeDeadlineSeconds: 5 }, startTime: '2025-12-31T23:59:55Z', pods: [pod('a')] },
  {
    name: 'MaxFailedIndexesExceeded',
    spec: { ...indexed, backoffLimitPerIndex: 0, maxFailedIndexes: 1 },
    pods: [0, 1].map((index) => pod(`p${index}`, { index, phase: 'Failed' })),
  },
] as readonly {
  readonly name: string;
  readonly spec: Partial<Job['spec']>;
  readonly startTime?: string;
  readonly pods: readonly Pod[];
}[]) {
  test(`assess finds ${c.name}`, () => {
    const [, { verdict }] = seen(job(c.spec, c.startTime === undefined ? {} : { startTime: c.startTime }), c.pods);
    assert.deepEqual([verdict?.type, verdict?.reason], ['FailureTarget', c.name.split(' ')[0]]);
  });
}

test('newPod keeps an index in the name however long the Job’s is, and passes ignored failures on', () => {
  const of = job({
    ...indexed,
    backoffLimitPerIndex: 2,
    podFailurePolicy: { rules: [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [7] } }] },
  });
  const long = newPod(
    { ...of, metadata: { ...of.metadata, name: 'n'.repeat(63) } },
    12,
    pod('a', { phase: 'Failed', exitCode: 7, failures: 1 }),
  );
  assert.equal(long.metadata?.generateName, `${'n'.repeat(54)}-12-`);
  assert.equal(long.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1');
  assert.equal(long.metadata.annotations['batch.kubernetes.io/job-index-ignored-failure-count'], '1');
});

test('a pass without news writes nothing, and one pod that ends costs four writes', async () => {
  const world = new World(job({ completions: 2 }));
  let writes = 0;
  const { writeStatus, releasePod, createPod } = world.deps;
  world.deps = {
    ...world.deps,
    writeStatus: (...args) => (writes++, writeStatus(...args)),
    releasePod: (...args) => (writes++, releasePod(...args)),
    createPod: (...args) => (writes++, createPod(...args)),
  };
  await reconcileJob(KEY, world.deps);
  world.catchUp();
  writes = 0;
  await reconcileJob(KEY, world.deps);
  assert.equal(writes, 0);
  world.change('p0', (found) => ({ ...found, status: { ...found.status, phase: 'Succeeded' } }));
  world.catchUp();
  await reconcileJob(KEY, world.deps);
  assert.equal(writes, 4); // the next pod, the uid, the finalizer, the count
});

test('a Job that is suspended loses its start time, and starts anew when it is resumed', async () => {
  const world = new World(job({ activeDeadlineSeconds: 60 }));
  const pass = async (spec: Partial<Job['spec']>): Promise<Job['status']> => {
    const { job: before } = world.server;
    world.server.job = { ...before, spec: { ...before.spec, ...spec } };
    world.catchUp();
    await reconcileJob(KEY, world.deps);
    return world.server.job.status;
  };
  assert.equal((await pass({})).startTime, '2026-01-01T00:00:00Z');
  const suspended = await pass({ suspend: true });
  assert.equal(suspended.startTime, undefined);
  assert.deepEqual(
    suspended.conditions?.map(({ type, status }) => `${type}=${status}`),
    ['Suspended=True'],
  );
  world.clock.advance(3600_000);
  const resumed = await pass({ suspend: false });
  assert.equal(resumed.startTime, '2026-01-01T01:00:00Z');
  assert.deepEqual(
    resumed.conditions?.map(({ type, status }) => `${type}=${status}`),
    ['Suspended=False'],
  );
});

/** Whatever happens in whatever order, a pod is one in the counters, never two, and the Job ends with what it asked for. */
for (const spec of [
  { completions: 6, parallelism: 3, backoffLimit: 100 },
  { completions: 5, parallelism: 5, backoffLimit: 100, completionMode: 'Indexed' },
  { completions: 4, parallelism: 2, backoffLimit: 100, podReplacementPolicy: 'Failed' },
  { completions: 4, parallelism: 4, backoffLimit: 2 },
  { completions: 4, parallelism: 4, backoffLimit: 100, completionMode: 'Indexed', backoffLimitPerIndex: 2 },
] as readonly Partial<Job['spec']>[]) {
  test(`a Job of ${JSON.stringify(spec)} counts no pod twice through crashes, refusals and a late informer`, async () => {
    for (let seed = 1; seed <= 25; seed++) await runModel(spec, seed);
  });
}

async function runModel(spec: Partial<Job['spec']>, seed: number): Promise<void> {
  const ids = seededIds(seed);
  const pick = (below: number): number => Math.floor(ids.fraction() * below);
  const world = new World(job(spec));
  const pass = async (): Promise<void> => {
    try {
      await reconcileJob(KEY, world.deps);
    } catch (error) {
      if (!isStatusError(error, 'Conflict') && !(error instanceof ConnectionError)) throw error;
    }
    const { succeeded = 0, failed = 0, uncountedTerminatedPods: uncounted = {}, active = 0 } = world.server.job.status;
    const where = `seed ${seed}: ${JSON.stringify(world.server.job.status)}`;
    assert.ok(succeeded + (uncounted.succeeded?.length ?? 0) <= world.ended.succeeded.size, where);
    assert.ok(failed + (uncounted.failed?.length ?? 0) <= world.ended.failed.size, where);
    assert.ok(active <= (spec.parallelism ?? 0), where);
    const there = [...world.server.pods.values()].filter(
      (each) => each.status.phase === 'Running' && each.metadata.deletionTimestamp === undefined,
    );
    assert.ok(there.length <= (spec.parallelism ?? 0), `${there.length} pods are there, ${where}`);
  };
  for (let step = 0; step < 400 && !isJobFinished(world.server.job); step++) {
    const uids = [...world.server.pods.keys()];
    const uid = uids[pick(uids.length)] ?? '';
    const ending = (phase: 'Succeeded' | 'Failed') =>
      world.change(uid, (found) => (found.status.phase === 'Running' ? { ...found, status: { ...found.status, phase } } : found));
    switch (pick(9)) {
      case 8:
        world.losses = pick(4);
        break;
      case 0:
        ending('Succeeded');
        break;
      case 1:
        ending('Failed');
        break;
      case 2:
        world.change(uid, (found) => ({ ...found, metadata: { ...found.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }));
        break;
      case 3:
        world.crash();
        break;
      case 4:
        world.refusals = pick(4);
        break;
      case 5:
        world.catchUp(); // expectations are given up after five minutes: no informer is that late
        world.clock.advance(pick(700_000));
        break;
      default:
        if (pick(2) > 0) world.catchUp();
        else world.view = { ...world.view, job: world.server.job }; // its pods' informer is later
        await pass();
    }
  }
  // Left in peace, it comes to its end.
  world.refusals = 0;
  world.losses = 0;
  for (let step = 0; step < 200 && !isJobFinished(world.server.job); step++) {
    world.clock.advance(700_000);
    for (const [uid, { metadata }] of world.server.pods) {
      const leaving = metadata.deletionTimestamp !== undefined;
      world.change(uid, (found) =>
        found.status.phase === 'Running' ? { ...found, status: { ...found.status, phase: leaving ? 'Failed' : 'Succeeded' } } : found,
      );
    }
    world.catchUp();
    await pass();
  }
  const { status } = world.server.job;
  assert.ok(isJobFinished(world.server.job), `seed ${seed} never ended: ${JSON.stringify(status)}`);
  const complete = status.conditions?.some(({ type }) => type === 'Complete') === true;
  if (complete) assert.equal(status.succeeded, spec.completions, `seed ${seed}`);
  assert.deepEqual(status.uncountedTerminatedPods, {});
}

test('a Job creates no more pods than are taken in', async () => {
  const { client, server, turns, stop } = await simulate([jobController], 1);
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'v1' }] } };
  await client.create(jobs, {
    metadata: { name: 'many', namespace: 'ns' },
    spec: { parallelism: 400, completions: 400, template },
  } as New<Job>);
  await turns(100);
  const created = server.stored(pods);
  assert.equal(created.length, 256);
  for (const { metadata } of created.slice(0, 10)) {
    const status = { startTime: '2026-01-01T12:00:00Z' };
    await client.patch(pods, metadata, { type: 'strategic', body: { status } }, { subresource: 'status' });
  }
  await turns(20);
  assert.equal(server.stored(pods).length, 266);
  await stop();
});
