// What upstream's tables say of one metric: so many pods that show so much come to so many replicas. Source:
// replica_calculator_test.go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import { DEFAULT_TUNING } from '../runtime/tuning.ts';
import { byAverage, byShare, byUtilization, byValue, type Current, type PodSamples, type Proposal } from './replicas.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const tuning = { ...DEFAULT_TUNING.autoscaling, cpuInitializationMs: 2 * MINUTE, initialReadinessMs: 10 * SECOND };
const tolerances = { up: 0.1, down: 0.1 };

/** `ok`: ready for long; `no`: never ready; `hot`: started just now; the rest as their phase or their deletion says. */
type State = 'ok' | 'no' | 'hot' | 'hotNo' | 'failed' | 'pending' | 'leaving' | 'bare';

function pod(name: string, state: State, request?: number): Pod {
  const hot = state === 'hot' || state === 'hotNo';
  const started = formatTime(hot ? NOW : NOW - 3 * MINUTE);
  const phase = state === 'failed' ? 'Failed' : state === 'pending' ? 'Pending' : 'Running';
  const resources = request === undefined ? {} : { requests: { cpu: `${request}m` } };
  const status = state === 'ok' || state === 'hot' ? 'True' : 'False';
  return {
    metadata: { name, namespace: 'ns', ...(state === 'leaving' ? { deletionTimestamp: started } : {}) },
    spec: { containers: [{ name: 'c', resources }] },
    status: { phase, startTime: started, conditions: state === 'bare' ? [] : [{ type: 'Ready', status, lastTransitionTime: started }] },
  } as unknown as Pod;
}

const NAMES = 'abcdefghij';
const samples = (levels: readonly number[], names: string = NAMES): PodSamples =>
  new Map(levels.map((value, i) => [names[i] ?? `more-${i}`, { value, at: NOW, windowMs: MINUTE }]));

function current(replicas: number, states: readonly State[], requests: readonly number[] = []): Current {
  const pods = states.map((state, i) => pod(NAMES[i] ?? '', state, requests[i]));
  return { replicas, pods, tolerances, now: NOW, tuning };
}

const many = (count: number, state: State = 'ok'): readonly State[] => Array.from({ length: count }, () => state);

interface UtilizationCase {
  readonly name: string;
  readonly replicas: number;
  readonly pods: readonly State[];
  /** Millicores a pod requests; 1000 each if not given. */
  readonly requests?: readonly number[];
  readonly levels: readonly number[];
  readonly target: number;
  /** Replicas, percent and average. */
  readonly wants: readonly [number, number, number];
}

const UTILIZATION: readonly UtilizationCase[] = [
  { name: 'more use, more pods', replicas: 3, pods: many(3), levels: [300, 500, 700], target: 30, wants: [5, 50, 500] },
  { name: 'an unready pod holds back', replicas: 3, pods: ['no', 'ok', 'ok'], levels: [300, 500, 700], target: 30, wants: [4, 60, 600] },
  { name: 'a hot pod holds back', replicas: 3, pods: ['hot', 'ok', 'ok'], levels: [300, 500, 700], target: 30, wants: [4, 60, 600] },
  { name: 'unready pods stop it', replicas: 3, pods: ['ok', 'no', 'no'], levels: [400, 500, 700], target: 30, wants: [3, 40, 400] },
  {
    name: 'hot unready pods stop it',
    replicas: 3,
    pods: ['ok', 'hotNo', 'hotNo'],
    levels: [400, 500, 700],
    target: 30,
    wants: [3, 40, 400],
  },
  {
    name: 'failed pods count for nothing',
    replicas: 2,
    pods: ['ok', 'ok', 'failed', 'failed'],
    levels: [500, 700],
    target: 30,
    wants: [4, 60, 600],
  },
  {
    name: 'pods that go count for nothing',
    replicas: 2,
    pods: ['ok', 'ok', 'leaving', 'leaving'],
    levels: [500, 700],
    target: 30,
    wants: [4, 60, 600],
  },
  { name: 'less use, fewer pods', replicas: 5, pods: many(5), levels: [100, 300, 500, 250, 250], target: 50, wants: [3, 28, 280] },
  {
    name: 'unready pods do not hold back fewer',
    replicas: 5,
    pods: ['ok', 'ok', 'ok', 'no', 'no'],
    levels: [100, 300, 500, 250, 250],
    target: 50,
    wants: [2, 30, 300],
  },
  {
    name: 'nor do pods without a node',
    replicas: 5,
    pods: ['ok', 'pending', 'pending', 'pending', 'pending'],
    levels: [100],
    target: 50,
    wants: [1, 10, 100],
  },
  {
    name: 'nor hot ones',
    replicas: 5,
    pods: ['ok', 'ok', 'ok', 'hot', 'hot'],
    levels: [100, 300, 500, 250, 250],
    target: 50,
    wants: [2, 30, 300],
  },
  {
    name: 'failed pods keep nothing',
    replicas: 5,
    pods: [...many(5), 'failed', 'failed'],
    levels: [100, 300, 500, 250, 250],
    target: 50,
    wants: [3, 28, 280],
  },
  {
    name: 'pods that go keep nothing',
    replicas: 5,
    pods: [...many(5), 'leaving', 'leaving'],
    levels: [100, 300, 500, 250, 250],
    target: 50,
    wants: [3, 28, 280],
  },
  {
    name: 'little is tolerated',
    replicas: 3,
    pods: many(3),
    requests: [900, 1000, 1100],
    levels: [1010, 1030, 1020],
    target: 100,
    wants: [3, 102, 1020],
  },
  {
    name: 'metrics of pods that are not there',
    replicas: 4,
    pods: many(4),
    levels: [4000, 9500, 3000, 7000, 3200, 2000],
    target: 100,
    wants: [24, 587, 5875],
  },
  { name: 'some show nothing: busy', replicas: 4, pods: many(4), levels: [400, 95], target: 100, wants: [3, 24, 247] },
  { name: 'one shows nothing, the other is on target', replicas: 2, pods: many(2), levels: [1000], target: 100, wants: [2, 100, 1000] },
  { name: 'one shows nothing, the other is above', replicas: 2, pods: many(2), levels: [1900], target: 100, wants: [2, 190, 1900] },
  { name: 'one shows nothing, the other is below', replicas: 2, pods: many(2), levels: [600], target: 100, wants: [2, 60, 600] },
  { name: 'one missing, one unready', replicas: 3, pods: ['no', 'ok', 'ok'], levels: [100, 450], target: 50, wants: [3, 45, 450] },
  { name: 'one missing, one hot', replicas: 3, pods: ['hot', 'ok', 'ok'], levels: [100, 450], target: 50, wants: [3, 45, 450] },
  {
    name: 'one missing, one unready, far above',
    replicas: 3,
    pods: ['no', 'ok', 'ok'],
    levels: [100, 2000],
    target: 50,
    wants: [4, 200, 2000],
  },
  {
    name: 'one missing, one hot, far above',
    replicas: 3,
    pods: ['hotNo', 'ok', 'ok'],
    levels: [100, 2000],
    target: 50,
    wants: [4, 200, 2000],
  },
  {
    name: 'one missing, one unready, far below',
    replicas: 4,
    pods: ['no', 'ok', 'ok', 'ok'],
    levels: [100, 100, 100],
    target: 50,
    wants: [3, 10, 100],
  },
  {
    name: 'a surge of a roll out',
    replicas: 2,
    pods: ['bare', 'bare', 'bare'].map((): State => 'ok'),
    levels: [100, 100],
    target: 50,
    wants: [2, 10, 100],
  },
  {
    name: 'just beyond the tolerance',
    replicas: 10,
    pods: many(10),
    requests: [400, 200, 310, 290, 302, 298, 301, 299, 300, 300],
    levels: Array.from({ length: 10 }, () => 150),
    target: 56,
    wants: [9, 50, 150],
  },
  {
    name: 'just within the tolerance',
    replicas: 10,
    pods: many(10),
    requests: [400, 200, 310, 290, 302, 298, 301, 299, 300, 300],
    levels: Array.from({ length: 10 }, () => 150),
    target: 55,
    wants: [10, 50, 150],
  },
];

for (const { name, replicas, pods, requests = pods.map(() => 1000), levels, target, wants } of UTILIZATION) {
  test(`byUtilization: ${name}`, () => {
    const got = byUtilization(current(replicas, pods, requests), samples(levels), target, { resource: 'cpu' });
    assert.deepEqual([got.replicas, got.utilization, got.value], wants);
  });
}

test('byUtilization: metrics of other pods alone are refused as such', () => {
  const one = current(1, ['ok'], [1000]);
  assert.throws(() => byUtilization(one, samples([100], 'z'), 100, { resource: 'cpu' }), {
    message: 'no metrics returned matched known pods',
  });
  for (const [resource, requests] of [
    ['cpu', []],
    ['constructor', [1000]],
  ] as const)
    assert.throws(() => byUtilization(current(1, ['ok'], requests), samples([200]), 100, { resource }), {
      name: 'MetricError',
      message: `missing request for ${resource} in container c of Pod a`,
    });
});

const average = (replicas: number, pods: readonly State[], levels: readonly number[], target: number): Proposal =>
  byAverage(current(replicas, pods), samples(levels), target);
const value = (replicas: number, pods: readonly State[], level: number, target: number): Proposal =>
  byValue(current(replicas, pods), level, target);
const share = (replicas: number, level: number, target: number): Proposal =>
  byShare(current(replicas, many(replicas)), replicas, level, target);

for (const c of [
  { name: 'an average above', got: () => average(3, many(3), [20_000, 10_000, 30_000], 15_000), wants: [4, 20_000] },
  {
    name: 'an average asks not who is ready',
    got: () => average(3, ['ok', 'ok', 'hotNo'], [50_000, 10_000, 30_000], 15_000),
    wants: [6, 30_000],
  },
  {
    name: 'however many are not',
    got: () => average(3, ['hotNo', 'ok', 'hotNo'], [50_000, 15_000, 30_000], 15_000),
    wants: [7, 31_666],
  },
  { name: 'an average below', got: () => average(5, many(5), [12_000, 12_000, 12_000, 12_000, 12_000], 20_000), wants: [3, 12_000] },
  { name: 'an average tolerated', got: () => average(3, many(3), [20_000, 21_000, 21_000], 20_000), wants: [3, 20_666] },
  { name: 'an average of one', got: () => average(1, many(1), [8600], 4400), wants: [2, 8600] },
  // The pod is gone from the cache, not yet from the metrics.
  { name: 'an average counts what it was told of', got: () => average(2, many(2), [10_000, 10_000, 40_000], 10_000), wants: [4, 20_000] },
  { name: 'a value above', got: () => value(3, many(3), 20_000, 15_000), wants: [4, 20_000] },
  { name: 'a value counts ready pods', got: () => value(3, ['no', 'ok', 'no'], 50_000, 10_000), wants: [5, 50_000] },
  { name: 'and may come to fewer', got: () => value(3, ['no', 'ok', 'no'], 8600, 4400), wants: [2, 8600] },
  { name: 'a value below', got: () => value(5, many(5), 12_000, 20_000), wants: [3, 12_000] },
  { name: 'a value below, the other way', got: () => value(5, many(5), 8600, 14_334), wants: [3, 8600] },
  { name: 'a value tolerated', got: () => value(3, many(3), 20_666, 20_000), wants: [3, 20_666] },
  { name: 'a value tolerated, the other way', got: () => value(3, many(3), 8600, 8888), wants: [3, 8600] },
  { name: 'a share above', got: () => share(3, 20_000, 5000), wants: [4, 6667] },
  { name: 'a share above, the other way', got: () => share(3, 8600, 2150), wants: [4, 2867] },
  { name: 'a share below', got: () => share(5, 6000, 2000), wants: [3, 1200] },
  { name: 'a share below, the other way', got: () => share(5, 8600, 2867), wants: [3, 1720] },
  { name: 'a share tolerated', got: () => share(4, 20_166, 5000), wants: [4, 5042] },
  { name: 'a share tolerated, the other way', got: () => share(3, 8600, 2900), wants: [3, 2867] },
] as const) {
  test(`one number: ${c.name}`, () => {
    const { replicas, value: read } = c.got();
    assert.deepEqual([replicas, read], c.wants);
  });
}

interface Since {
  readonly startedMs?: number;
  readonly ready?: readonly ['True' | 'False', number];
  /** When it was measured, and over how long. */
  readonly sample?: readonly [number, number];
  readonly resource?: string;
}

/** What becomes of one pod: it counts, it starts, or it shows nothing. Source: TestGroupPods. */
for (const c of [
  { name: 'memory is read from any pod', resource: 'memory', sample: [0, MINUTE], is: 'counted' },
  { name: 'cpu needs a condition', startedMs: 0, sample: [0, 0], is: 'starting' },
  { name: 'fresh while it begins', startedMs: MINUTE, ready: ['True', 30 * SECOND], sample: [0, 30 * SECOND], is: 'counted' },
  { name: 'stale while it begins', startedMs: MINUTE, ready: ['True', 30 * SECOND], sample: [0, MINUTE], is: 'starting' },
  {
    name: 'never ready since it began',
    startedMs: 10 * MINUTE,
    ready: ['False', 10 * MINUTE - 6 * SECOND],
    sample: [0, 0],
    is: 'starting',
  },
  { name: 'stale later', startedMs: 3 * MINUTE, ready: ['True', 3 * MINUTE], sample: [2 * MINUTE, MINUTE], is: 'counted' },
  { name: 'no longer ready', startedMs: 10 * MINUTE, ready: ['False', 9 * MINUTE], sample: [0, 0], is: 'counted' },
  {
    name: 'unready at its tenth second',
    startedMs: 10 * MINUTE,
    ready: ['False', 10 * MINUTE - 10 * SECOND],
    sample: [0, 0],
    is: 'counted',
  },
  { name: 'no sample', startedMs: 3 * MINUTE, is: 'missing' },
] as readonly (Since & { readonly name: string; readonly is: 'counted' | 'starting' | 'missing' })[]) {
  test(`a pod among others: ${c.name}`, () => {
    const [status, since = 0] = c.ready ?? [];
    const conditions = status === undefined ? [] : [{ type: 'Ready', status, lastTransitionTime: formatTime(NOW - since) }];
    const start = c.startedMs === undefined ? {} : { startTime: formatTime(NOW - c.startedMs) };
    const one = {
      metadata: { name: 'b', namespace: 'ns' },
      spec: { containers: [] },
      status: { phase: 'Succeeded', ...start, conditions },
    };
    const memory = c.resource === 'memory';
    // The first pod is three times over its target; the second one at 0 then tells how it was taken.
    const [ago, windowMs] = c.sample ?? [0, 0];
    const all = new Map([
      ...samples([3000], 'a'),
      ...(c.sample === undefined ? [] : [['b', { value: 3000, at: NOW - ago, windowMs }] as const]),
    ]);
    const now: Current = { ...current(2, ['ok']), pods: [pod('a', 'ok'), one as unknown as Pod] };
    const { replicas, value: read } = byAverage(now, all, 1000, memory ? 'memory' : 'cpu');
    assert.deepEqual([replicas, read], c.is === 'counted' ? [6, 3000] : [3, 3000]);
    const below = byAverage(
      now,
      new Map([...all].map(([name, sample]) => [name, { ...sample, value: 100 }])),
      1000,
      memory ? 'memory' : 'cpu',
    );
    assert.equal(below.replicas, c.is === 'missing' ? 2 : 1);
  });
}
