// What one pass does to a Job and its pods, case by case. Source: job_controller_test.go TestControllerSyncJob, with the gates
// that are always on by now: a Job that fails says so first as FailureTarget, and is over when its pods have stopped.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job, JobStatus, Pod } from '#api/types.ts';
import { Indexes } from './indexes.ts';
import { completionIndex } from './pods.ts';
import { reconcileJob } from './reconcile.ts';
import { job, KEY, pod, type PodFacts, World } from './testing.ts';

interface Case {
  readonly name: string;
  readonly spec?: Partial<Job['spec']>;
  readonly status?: JobStatus;
  readonly deleting?: boolean;
  /** Numbers of pods. */
  readonly pods?: {
    readonly pending?: number;
    readonly active?: number;
    readonly ready?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly terminating?: number;
  };
  /** `INDEX PHASE`, `x` for none that is one. */
  readonly indexed?: readonly string[];
  /** Something that was done is not seen yet. */
  readonly unseen?: 'creation' | 'deletion';
  /** Pods cannot be written. */
  readonly broken?: boolean;
  /** So many pods can be created. */
  readonly room?: number;
  readonly want: {
    readonly created?: number;
    readonly indexes?: string;
    readonly deleted?: number;
    /** Pods whose finalizer was to be taken off. */
    readonly patched?: number;
    readonly active?: number;
    readonly ready?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly terminating?: number;
    readonly completed?: string;
    /** `TYPE=STATUS REASON`. */
    readonly conditions?: readonly string[];
  };
}

const indexed = (completions: number, parallelism: number, more: Partial<Job['spec']> = {}): Partial<Job['spec']> => ({
  completionMode: 'Indexed',
  completions,
  parallelism,
  ...more,
});
const of = (completions: number | undefined, parallelism: number, more: Partial<Job['spec']> = {}): Partial<Job['spec']> =>
  ({ completions, parallelism, ...more }) as Partial<Job['spec']>;
const COMPLETE = ['SuccessCriteriaMet=True CompletionsReached', 'Complete=True CompletionsReached'];
const FAILING = ['FailureTarget=True BackoffLimitExceeded'];
const FAILED = [...FAILING, 'Failed=True BackoffLimitExceeded'];
const SUSPENDED = ['Suspended=True JobSuspended'];
const byHand = (type: 'FailureTarget' | 'SuccessCriteriaMet'): JobStatus => ({
  active: 1,
  startTime: '2025-12-31T23:00:00Z',
  conditions: [
    { type, status: 'False', reason: 'ConditionAddedManually', message: 'Testing', lastProbeTime: null, lastTransitionTime: null },
  ],
});

const CASES: readonly Case[] = [
  { name: 'start', spec: of(5, 2), want: { created: 2, active: 2 } },
  { name: 'start of a work queue', spec: of(undefined, 2), want: { created: 2, active: 2 } },
  { name: 'pending pods', spec: of(5, 2), pods: { pending: 2 }, want: { active: 2 } },
  { name: 'as many pods as wanted', spec: of(5, 3), pods: { active: 3, ready: 2 }, want: { active: 3, ready: 2 } },
  { name: 'as many pods as wanted, of a work queue', spec: of(undefined, 2), pods: { active: 2 }, want: { active: 2 } },
  { name: 'too few pods', spec: of(5, 2), pods: { active: 1, succeeded: 1 }, want: { created: 1, active: 2, succeeded: 1, patched: 1 } },
  {
    name: 'replacement of failed pods in a work queue',
    spec: of(undefined, 1, { podReplacementPolicy: 'Failed' }),
    pods: { active: 1, failed: 1, terminating: 1 },
    want: { terminating: 1, patched: 1, failed: 1, active: 1 },
  },
  {
    name: 'no policy of replacement',
    spec: of(1, 1),
    pods: { active: 1, failed: 1, terminating: 1 },
    want: { terminating: 1, active: 1, patched: 2, failed: 2 },
  },
  {
    name: 'replacement of terminating or failed pods in a work queue',
    spec: of(undefined, 1, { podReplacementPolicy: 'TerminatingOrFailed' }),
    pods: { active: 1, failed: 1, terminating: 1 },
    want: { terminating: 1, active: 1, patched: 2, failed: 2 },
  },
  {
    name: 'more terminating pods than parallelism',
    spec: of(1, 1, { podReplacementPolicy: 'Failed' }),
    pods: { active: 2, terminating: 4 },
    want: { terminating: 5, active: 1, deleted: 1, patched: 1 },
  },
  {
    name: 'more terminating pods than parallelism, with a failure policy',
    spec: of(1, 1, { podFailurePolicy: { rules: [] } }),
    pods: { active: 2, terminating: 4 },
    want: { active: 1, deleted: 1, patched: 1 },
  },
  { name: 'too few pods of a work queue', spec: of(undefined, 2), pods: { active: 1 }, want: { created: 1, active: 2 } },
  {
    name: 'too few pods, which cannot be written',
    spec: of(5, 2),
    broken: true,
    pods: { active: 1, succeeded: 1 },
    want: { created: 1, active: 1, succeeded: 0, patched: 1 },
  },
  { name: 'too many pods', spec: of(5, 2), pods: { active: 3 }, want: { deleted: 1, active: 2, patched: 1, terminating: 1 } },
  { name: 'too many pods, which cannot be written', spec: of(5, 2), broken: true, pods: { active: 3 }, want: { active: 3, patched: 1 } },
  {
    name: 'too many pods that are ready',
    spec: of(5, 2),
    pods: { active: 3, ready: 3 },
    want: { deleted: 1, active: 2, ready: 2, patched: 1 },
  },
  {
    name: 'a failure before a success',
    spec: of(5, 2),
    pods: { active: 1, succeeded: 1, failed: 1 },
    want: { created: 1, active: 2, succeeded: 1, failed: 1, patched: 2 },
  },
  { name: 'a new failure', spec: of(5, 2), pods: { active: 1, failed: 1 }, want: { created: 1, active: 2, failed: 1, patched: 1 } },
  {
    name: 'a failure that is counted',
    spec: of(1, 1),
    status: { active: 1, failed: 1 },
    pods: { active: 1 },
    want: { active: 1, failed: 1 },
  },
  {
    name: 'a failure, and pods that cannot be written',
    spec: of(5, 2),
    broken: true,
    pods: { active: 1, failed: 1 },
    want: { created: 1, active: 1, failed: 0, patched: 1 },
  },
  { name: 'the end', spec: of(5, 2), pods: { succeeded: 5 }, want: { succeeded: 5, patched: 5, conditions: COMPLETE } },
  {
    name: 'a work queue that ends',
    spec: of(undefined, 2),
    pods: { active: 1, succeeded: 1 },
    want: { active: 1, succeeded: 1, patched: 1 },
  },
  {
    name: 'the end of a work queue',
    spec: of(undefined, 2),
    pods: { succeeded: 2 },
    want: { succeeded: 2, patched: 2, conditions: COMPLETE },
  },
  {
    name: 'the end of a work queue despite a failure',
    spec: of(undefined, 2),
    pods: { succeeded: 1, failed: 1 },
    want: { succeeded: 1, failed: 1, patched: 2, conditions: COMPLETE },
  },
  { name: 'more pods than parallelism', spec: of(5, 2), pods: { active: 10 }, want: { deleted: 8, active: 2, patched: 8 } },
  {
    name: 'more pods than completions are left',
    spec: of(4, 3),
    pods: { active: 3, succeeded: 2 },
    want: { deleted: 1, active: 2, succeeded: 2, patched: 3 },
  },
  { name: 'successes', spec: of(5, 2), pods: { active: 2, succeeded: 2 }, want: { active: 2, succeeded: 2, patched: 2 } },
  {
    name: 'a Job that is deleted',
    spec: of(5, 2),
    deleting: true,
    pods: { pending: 1, active: 1, succeeded: 1 },
    want: { active: 2, succeeded: 1, patched: 3 },
  },
  { name: 'room for some pods', spec: of(200, 100), room: 10, want: { created: 10, active: 10 } },
  {
    name: 'too many failures',
    spec: of(5, 2, { backoffLimit: 0 }),
    deleting: true,
    pods: { failed: 1 },
    want: { failed: 1, patched: 1, conditions: FAILED },
  },
  {
    name: 'too many failures while something is not seen',
    spec: of(5, 2, { backoffLimit: 0 }),
    deleting: true,
    unseen: 'creation',
    pods: { failed: 1 },
    want: { failed: 1, patched: 1 },
  },
  { name: 'start by index', spec: indexed(5, 2), want: { created: 2, active: 2, indexes: '0,1' } },
  {
    name: 'pods that are deleted, replaced once they failed',
    spec: indexed(5, 2, { podReplacementPolicy: 'Failed' }),
    pods: { terminating: 1 },
    want: { created: 1, active: 1, indexes: '0', terminating: 1 },
  },
  {
    name: 'pods that are deleted, replaced at once',
    spec: indexed(5, 2, { podReplacementPolicy: 'TerminatingOrFailed' }),
    pods: { terminating: 1 },
    want: { created: 2, active: 2, indexes: '0,1', terminating: 1, patched: 1 },
  },
  {
    name: 'the end by index',
    spec: indexed(3, 2),
    indexed: ['0 Succeeded', '1 Failed', '1 Succeeded', '2 Succeeded'],
    want: { succeeded: 3, failed: 1, completed: '0-2', patched: 4, conditions: COMPLETE },
  },
  {
    name: 'failure by index',
    spec: indexed(3, 2, { backoffLimit: 0 }),
    indexed: ['0 Succeeded', '1 Failed', '2 Running'],
    want: { succeeded: 1, failed: 2, completed: '0', patched: 3, deleted: 1, terminating: 1, conditions: FAILING },
  },
  {
    name: 'failure of a Job with ready pods',
    spec: of(3, 2, { backoffLimit: 0 }),
    pods: { active: 2, ready: 2, failed: 1 },
    want: { failed: 3, patched: 3, deleted: 2, conditions: FAILING },
  },
  {
    name: 'an index that succeeded twice',
    spec: indexed(3, 2),
    indexed: ['0 Succeeded', '1 Succeeded', '1 Succeeded'],
    want: { created: 1, active: 1, succeeded: 2, completed: '0,1', indexes: '2', patched: 3 },
  },
  {
    name: 'indexes that run and are done',
    spec: indexed(20, 8),
    indexed: ['0 Running', '2 Succeeded', '3 Pending', '4 Succeeded', '5 Succeeded', '7 Succeeded', '8 Succeeded', '9 Succeeded'],
    want: { created: 6, active: 8, succeeded: 6, completed: '2,4,5,7-9', indexes: '1,6,10-13', patched: 6 },
  },
  {
    name: 'indexes that failed',
    spec: indexed(4, 3),
    indexed: ['0 Failed', '1 Pending', '2 Failed'],
    want: { created: 2, active: 3, failed: 2, indexes: '0,2', patched: 2 },
  },
  {
    name: 'pods without an index',
    spec: indexed(5, 2),
    pods: { active: 1, succeeded: 1, failed: 1 },
    indexed: ['x Running', 'x Succeeded', 'x Failed', 'x Pending', '0 Succeeded', '1 Running', '2 Running'],
    want: { deleted: 3, active: 2, succeeded: 1, failed: 0, completed: '0', patched: 8 },
  },
  {
    name: 'indexes that are there twice',
    spec: indexed(5, 5),
    pods: { succeeded: 1, failed: 1 },
    indexed: ['x Running', '0 Succeeded', '1 Running', '2 Running', '2 Pending'],
    want: { created: 0, deleted: 2, active: 2, succeeded: 1, completed: '0', patched: 5 },
  },
  {
    name: 'indexes that are none of the Job',
    spec: indexed(5, 2),
    indexed: ['0 Succeeded', '5 Running', '6 Succeeded', '7 Pending', '8 Failed'],
    want: { created: 0, succeeded: 1, deleted: 2, completed: '0', active: 0, failed: 0, patched: 5 },
  },
  {
    name: 'suspension',
    spec: of(4, 2, { suspend: true }),
    pods: { active: 2, ready: 2 },
    want: { deleted: 2, active: 0, ready: 0, patched: 2, terminating: 2, conditions: SUSPENDED },
  },
  {
    name: 'suspension while something is not seen',
    spec: of(4, 2, { suspend: true }),
    unseen: 'deletion',
    pods: { active: 3, ready: 3 },
    want: { active: 3, ready: 3, terminating: 0 },
  },
  {
    name: 'resumption',
    spec: of(4, 2),
    status: {
      conditions: [
        {
          type: 'Suspended',
          status: 'True',
          reason: 'JobSuspended',
          message: 'Job suspended',
          lastProbeTime: null,
          lastTransitionTime: null,
        },
      ],
    },
    want: { created: 2, active: 2, conditions: ['Suspended=False JobResumed'] },
  },
  {
    name: 'suspension of a Job that is deleted',
    spec: of(4, 2, { suspend: true }),
    deleting: true,
    pods: { active: 2 },
    want: { active: 2, patched: 2, terminating: 0 },
  },
  {
    name: 'a FailureTarget that somebody denied',
    spec: of(1, 1, { backoffLimit: 0 }),
    status: byHand('FailureTarget'),
    pods: { active: 1, ready: 1 },
    want: { active: 1, ready: 1, conditions: ['FailureTarget=False ConditionAddedManually'] },
  },
  {
    name: 'a SuccessCriteriaMet that somebody denied',
    spec: of(1, 1, { backoffLimit: 0 }),
    status: byHand('SuccessCriteriaMet'),
    pods: { active: 1, ready: 1 },
    want: { active: 1, ready: 1, conditions: ['SuccessCriteriaMet=False ConditionAddedManually'] },
  },
];

/** Long ago, so that no back-off is left. */
const ENDED = 1000;

function podsOf({ pods: counts = {}, indexed: listed = [] }: Case): readonly Pod[] {
  const made: Pod[] = [];
  const add = (facts: PodFacts, more: (each: Pod) => Pod = (each) => each): void =>
    void made.push(more(pod(`old-${made.length}`, { endedAt: ENDED, ...facts })));
  const times = (count: number | undefined, facts: PodFacts): void => {
    for (let i = 0; i < (count ?? 0); i++) add(facts);
  };
  times(counts.pending, { phase: 'Pending' });
  for (let i = 0; i < (counts.active ?? 0); i++) {
    const conditions = [
      { type: 'Ready', status: i < (counts.ready ?? 0) ? 'True' : 'False', lastTransitionTime: null, lastProbeTime: null },
    ];
    add({}, (each) => ({ ...each, status: { ...each.status, conditions } }) as Pod);
  }
  times(counts.succeeded, { phase: 'Succeeded' });
  times(counts.failed, { phase: 'Failed' });
  times(counts.terminating, { leaving: true });
  for (const each of listed) {
    const [index, phase] = each.split(' ') as [string, Pod['status']['phase']];
    add(index === 'x' ? { phase } : { phase, index: Number(index) });
  }
  return made;
}

for (const c of CASES) {
  test(`one pass over a Job: ${c.name}`, async () => {
    const made = job(c.spec, c.status);
    const deleted = c.deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
    const world = new World({ ...made, metadata: { ...made.metadata, ...deleted } });
    for (const each of podsOf(c)) world.server.pods.set(each.metadata.uid, each);
    world.catchUp();
    if (c.unseen !== undefined)
      world.deps.expectations.expect(KEY, c.unseen === 'creation' ? ['x'] : [], c.unseen === 'deletion' ? ['x'] : []);

    const did = { created: 0, deleted: 0, patched: 0 };
    const indexes: number[] = [];
    const counted =
      <A extends unknown[]>(what: keyof typeof did, call: (...args: A) => Promise<void>) =>
      async (...args: A): Promise<void> => {
        if (what === 'created' && did.created === (c.room ?? Infinity)) throw new Error('no room');
        did[what]++;
        if (c.broken === true) throw new Error('broken');
        return call(...args);
      };
    const { createPod, deletePod, releasePod } = world.deps;
    const noted: typeof createPod = (of_, draft) => {
      const index = completionIndex(draft as Pod);
      if (index !== undefined) indexes.push(index);
      return createPod(of_, draft);
    };
    world.deps = {
      ...world.deps,
      createPod: counted('created', noted),
      deletePod: counted('deleted', deletePod),
      releasePod: counted('patched', releasePod),
    };
    const pass = reconcileJob(KEY, world.deps);
    await (c.broken === true || c.room !== undefined ? assert.rejects(pass) : pass);

    const {
      active = 0,
      ready = 0,
      succeeded = 0,
      failed = 0,
      terminating = 0,
      completedIndexes = '',
      conditions = [],
      startTime,
    } = world.server.job.status;
    const { want } = c;
    assert.deepEqual(
      {
        ...did,
        indexes: String(Indexes.of(indexes)),
        active,
        ready,
        succeeded,
        failed,
        completed: completedIndexes,
        conditions: conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
        started: startTime !== undefined,
      },
      {
        created: want.created ?? 0,
        deleted: want.deleted ?? 0,
        patched: want.patched ?? 0,
        indexes: want.indexes ?? '',
        active: want.active ?? 0,
        ready: want.ready ?? 0,
        succeeded: want.succeeded ?? 0,
        failed: want.failed ?? 0,
        completed: want.completed ?? '',
        conditions: want.conditions ?? [],
        started: c.spec?.suspend !== true,
      },
    );
    if (want.terminating !== undefined) assert.equal(terminating, want.terminating);
  });
}
