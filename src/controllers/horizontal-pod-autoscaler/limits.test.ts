// What upstream's tables say of how far and how fast. Source: horizontal_test.go TestConvertDesiredReplicasWithRules,
// TestScalingWithRules, TestNormalizeDesiredReplicas, TestNormalizeDesiredReplicasWithBehavior.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HorizontalPodAutoscaler, HPAScalingRules } from '#api/types.ts';
import { limit, NO_HISTORY, type Recommendation, type ScaleEvent } from './limits.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;
const tuning = { downscaleStabilizationMs: 5 * MINUTE };

function autoscaler(
  minReplicas: number,
  maxReplicas: number,
  behavior?: HorizontalPodAutoscaler['spec']['behavior'],
): HorizontalPodAutoscaler {
  return { spec: { minReplicas, maxReplicas, ...(behavior === undefined ? {} : { behavior }) } } as unknown as HorizontalPodAutoscaler;
}

/** Pods and percent, each with its period in seconds; 0 for none. */
function rules(pods: number, podsPeriod: number, percent: number, percentPeriod: number, selectPolicy = 'Max'): HPAScalingRules {
  const policies = [
    { type: 'Pods', value: pods, periodSeconds: podsPeriod },
    { type: 'Percent', value: percent, periodSeconds: percentPeriod },
  ];
  return { stabilizationWindowSeconds: 0, selectPolicy, policies: policies.filter(({ value }) => value !== 0) };
}

const DEFAULT_UP = rules(4, 15, 100, 15);
const DEFAULT_DOWN = rules(0, 0, 100, 15);

/** Each in the middle of its share of the last so many seconds. */
const spread = (changes: readonly number[], seconds: number): readonly ScaleEvent[] =>
  changes.map((change, i) => ({ change, at: NOW - Math.trunc(seconds - (seconds / changes.length) * (i + 0.5)) * 1000 }));

interface RateCase {
  readonly name: string;
  readonly range: readonly [number, number];
  readonly current: number;
  readonly desired: number;
  readonly up?: HPAScalingRules;
  readonly down?: HPAScalingRules;
  readonly ups?: readonly ScaleEvent[];
  readonly downs?: readonly ScaleEvent[];
  readonly wants: readonly [number, string];
}

const some = spread([1, 5, 9], 120);
const four = spread([8, 12, 9, 11], 120);

const RATES: readonly RateCase[] = [
  { name: 'within the range', range: [3, 8], current: 5, desired: 7, wants: [7, 'DesiredWithinRange'] },
  { name: 'too few', range: [2, 8], current: 3, desired: 1, wants: [2, 'TooFewReplicas'] },
  { name: 'none may be enough', range: [0, 10], current: 1, desired: 0, wants: [0, 'DesiredWithinRange'] },
  { name: 'too many', range: [1, 10], current: 20, desired: 1000, wants: [10, 'TooManyReplicas'] },
  { name: 'far too many', range: [100, 150], current: 100, desired: 1000, wants: [150, 'TooManyReplicas'] },
  { name: 'a percent of three', range: [1, 2000], current: 3, desired: 1000, up: rules(0, 0, 1, 60), wants: [4, 'ScaleUpLimit'] },
  { name: 'twenty fewer', range: [3, 2000], current: 1000, desired: 3, down: rules(20, 60, 0, 0), wants: [980, 'ScaleDownLimit'] },
  { name: 'twice as many', range: [1, 1000], current: 10, desired: 50, wants: [20, 'ScaleUpLimit'] },
  { name: 'pods allow more', range: [1, 1000], current: 10, desired: 500, up: rules(100, 60, 100, 60), wants: [110, 'ScaleUpLimit'] },
  { name: 'percent allows more', range: [1, 1000], current: 10, desired: 500, up: rules(2, 60, 100, 60), wants: [20, 'ScaleUpLimit'] },
  { name: 'allowed', range: [1, 1000], current: 10, desired: 50, up: rules(100, 60, 0, 0), wants: [50, 'DesiredWithinRange'] },
  { name: 'thirty more', range: [1, 1000], current: 10, desired: 50, up: rules(30, 60, 0, 0), wants: [40, 'ScaleUpLimit'] },
  { name: 'three times as many', range: [1, 1000], current: 10, desired: 50, up: rules(0, 0, 200, 60), wants: [30, 'ScaleUpLimit'] },
  { name: 'pods take more', range: [1, 1000], current: 100, desired: 2, down: rules(20, 60, 1, 60), wants: [80, 'ScaleDownLimit'] },
  { name: 'pods take two', range: [1, 1000], current: 100, desired: 2, down: rules(2, 60, 1, 60), wants: [98, 'ScaleDownLimit'] },
  { name: 'down to the least', range: [1, 1000], current: 10, desired: 0, down: rules(100, 60, 0, 0), wants: [1, 'TooFewReplicas'] },
  { name: 'all percent of it', range: [5, 1000], current: 10, desired: 2, down: rules(0, 0, 100, 60), wants: [5, 'TooFewReplicas'] },
  { name: 'five fewer', range: [1, 1000], current: 10, desired: 2, down: rules(5, 60, 0, 0), wants: [5, 'ScaleDownLimit'] },
  { name: 'half', range: [1, 1000], current: 10, desired: 5, down: rules(0, 0, 50, 60), wants: [5, 'DesiredWithinRange'] },
  {
    name: 'the most, after some',
    range: [1, 200],
    current: 100,
    desired: 500,
    ups: some,
    up: rules(300, 60, 0, 0),
    wants: [200, 'TooManyReplicas'],
  },
  {
    name: 'the most, by percent',
    range: [1, 200],
    current: 100,
    desired: 500,
    ups: some,
    up: rules(0, 0, 10_000, 60),
    wants: [200, 'TooManyReplicas'],
  },
  {
    name: 'used up already',
    range: [1, 1000],
    current: 100,
    desired: 500,
    ups: some,
    up: rules(5, 120, 0, 0),
    wants: [100, 'ScaleUpLimit'],
  },
  {
    name: 'from what there was',
    range: [1, 1000],
    current: 100,
    desired: 500,
    ups: some,
    up: rules(150, 120, 0, 0),
    wants: [235, 'ScaleUpLimit'],
  },
  {
    name: 'percent of what there was',
    range: [1, 1000],
    current: 100,
    desired: 500,
    ups: some,
    up: rules(0, 0, 200, 120),
    wants: [255, 'ScaleUpLimit'],
  },
  {
    name: 'up and down before',
    range: [1, 1000],
    current: 6,
    desired: 24,
    ups: spread([4], 120),
    downs: spread([2], 120),
    up: rules(0, 0, 300, 300),
    wants: [16, 'ScaleUpLimit'],
  },
  { name: 'down by default', range: [1, 1000], current: 10, desired: 5, downs: some, wants: [5, 'DesiredWithinRange'] },
  {
    name: 'down, after some',
    range: [1, 1000],
    current: 100,
    desired: 0,
    downs: some,
    down: rules(115, 120, 0, 0),
    wants: [1, 'TooFewReplicas'],
  },
  {
    name: 'down to five',
    range: [5, 1000],
    current: 100,
    desired: 0,
    downs: some,
    down: rules(130, 120, 0, 0),
    wants: [5, 'TooFewReplicas'],
  },
  { name: 'all of it', range: [5, 1000], current: 100, desired: 2, downs: some, down: rules(0, 0, 100, 120), wants: [5, 'TooFewReplicas'] },
  {
    name: 'used up downwards',
    range: [1, 1000],
    current: 100,
    desired: 2,
    downs: some,
    down: rules(5, 120, 0, 0),
    wants: [100, 'ScaleDownLimit'],
  },
  {
    name: 'half of what there was',
    range: [1, 1000],
    current: 100,
    desired: 0,
    downs: spread([2, 4, 6], 120),
    down: rules(0, 0, 50, 120),
    wants: [56, 'ScaleDownLimit'],
  },
  {
    name: 'down and up before',
    range: [1, 1000],
    current: 10,
    desired: 1,
    ups: spread([2], 120),
    downs: spread([4], 120),
    down: rules(0, 0, 50, 180),
    wants: [6, 'ScaleDownLimit'],
  },
  {
    name: 'never upwards instead',
    range: [1, 1000],
    current: 100,
    desired: 0,
    downs: spread([10, 10, 10], 120),
    down: rules(0, 0, 10, 120),
    wants: [100, 'ScaleDownLimit'],
  },
  {
    name: 'more than there is',
    range: [1, 1000],
    current: 10,
    desired: 5,
    downs: spread([10, 10, 10], 120),
    down: rules(0, 0, 1000, 120),
    wants: [5, 'DesiredWithinRange'],
  },
  {
    name: 'old changes, upwards',
    range: [1, 1000],
    current: 100,
    desired: 200,
    ups: four,
    up: rules(1000, 30, 100, 60),
    wants: [200, 'DesiredWithinRange'],
  },
  {
    name: 'old changes, downwards',
    range: [1, 1000],
    current: 100,
    desired: 5,
    downs: four,
    down: rules(1000, 30, 100, 60),
    wants: [5, 'DesiredWithinRange'],
  },
  {
    name: 'the lesser change upwards',
    range: [1, 1000],
    current: 1,
    desired: 9,
    up: rules(2, 60, 50, 60, 'Min'),
    wants: [2, 'ScaleUpLimit'],
  },
  {
    name: 'the lesser change downwards',
    range: [1, 1000],
    current: 5,
    desired: 1,
    down: rules(2, 60, 50, 60, 'Min'),
    wants: [3, 'ScaleDownLimit'],
  },
];

for (const { name, range, current, desired, up, down, ups = [], downs = [], wants } of RATES) {
  test(`limit by behaviours: ${name}`, () => {
    const hpa = autoscaler(...range, { scaleUp: up ?? DEFAULT_UP, scaleDown: down ?? DEFAULT_DOWN });
    const got = limit({ hpa, current, desired, now: NOW, tuning }, { ...NO_HISTORY, ups, downs });
    assert.deepEqual([got.replicas, got.limit.reason, got.limited], [...wants, wants[0] !== desired]);
  });
}

for (const c of [
  { range: [3, 8], current: 5, desired: 7, wants: [7, 'DesiredWithinRange'] },
  { range: [2, 8], current: 3, desired: 1, wants: [2, 'TooFewReplicas'] },
  { range: [0, 10], current: 1, desired: 0, wants: [0, 'DesiredWithinRange'] },
  { range: [1, 10], current: 20, desired: 1000, wants: [10, 'TooManyReplicas'] },
  { range: [1, 2000], current: 3, desired: 1000, wants: [6, 'ScaleUpLimit'] },
  { range: [1, 2000], current: 1, desired: 1000, wants: [4, 'ScaleUpLimit'] },
] as const) {
  test(`limit without behaviours: from ${c.current} to ${c.desired} in ${c.range.join(' to ')}`, () => {
    const got = limit({ hpa: autoscaler(c.range[0], c.range[1]), current: c.current, desired: c.desired, now: NOW, tuning }, NO_HISTORY);
    assert.deepEqual([got.replicas, got.limit.reason], c.wants);
  });
}

/** Replicas, and how many minutes ago they were wanted. */
const wanted = (...list: readonly (readonly [number, number])[]): readonly Recommendation[] =>
  list.map(([replicas, ago]) => ({ replicas, at: NOW - ago * MINUTE }));

for (const c of [
  { name: 'nothing before', before: [], wants: 5, desired: 5 },
  { name: 'more was wanted lately', before: wanted([4, 2], [5, 1]), desired: 3, wants: 5 },
  { name: 'less was wanted lately', before: wanted([1, 2], [2, 1]), desired: 3, wants: 3 },
  { name: 'more was wanted long ago', before: wanted([10, 10], [9, 9]), desired: 3, wants: 3 },
  { name: 'in any order', before: wanted([10, 10], [4, 1], [5, 2], [9, 9]), desired: 3, wants: 5 },
]) {
  test(`stabilised without behaviours: ${c.name}`, () => {
    const hpa = autoscaler(0, 1000);
    const got = limit({ hpa, current: 100, desired: c.desired, now: NOW, tuning }, { ...NO_HISTORY, recommendations: c.before });
    assert.deepEqual([got.replicas, got.able.reason], [c.wants, c.wants === c.desired ? 'ReadyForNewScale' : 'ScaleDownStabilized']);
    assert.deepEqual(got.history.recommendations.at(-1), { replicas: c.desired, at: NOW });
  });
}

interface StableCase {
  readonly name: string;
  readonly before: readonly Recommendation[];
  readonly current: number;
  readonly desired: number;
  /** Seconds. */
  readonly up?: number;
  readonly down?: number;
  readonly wants: number;
}

for (const c of [
  { name: 'nothing before', before: [], current: 100, desired: 5, wants: 5 },
  { name: 'down to the highest', before: wanted([4, 2], [5, 1]), current: 100, desired: 3, down: 180, wants: 5 },
  { name: 'up to the lowest', before: wanted([4, 2], [5, 1]), current: 1, desired: 7, up: 300, wants: 4 },
  { name: 'down is not held by the window for up', before: wanted([1, 2], [2, 1]), current: 100, desired: 3, up: 300, wants: 3 },
  { name: 'up is not held by the window for down', before: wanted([4, 2], [5, 1]), current: 1, desired: 3, down: 300, wants: 3 },
  { name: 'old ones hold no way down', before: wanted([10, 10], [9, 9]), current: 100, desired: 3, wants: 3 },
  { name: 'nor up', before: wanted([10, 10], [9, 9]), current: 1, desired: 100, wants: 100 },
  { name: 'down, in any order', before: wanted([10, 10], [4, 1], [5, 2], [9, 9]), current: 100, desired: 3, down: 180, wants: 5 },
  { name: 'up, in any order', before: wanted([10, 100], [6, 1], [5, 2], [9, 3]), current: 1, desired: 100, up: 300, wants: 5 },
  { name: 'no way up while less is wanted', before: wanted([2, 100], [3, 3]), current: 2, desired: 1, up: 300, down: 300, wants: 2 },
  { name: 'no way down while more is wanted', before: wanted([2, 100], [1, 3]), current: 2, desired: 3, up: 300, down: 300, wants: 2 },
] as readonly StableCase[]) {
  test(`stabilised by behaviours: ${c.name}`, () => {
    const free = rules(1000, 60, 0, 0);
    const scaleUp = { ...free, stabilizationWindowSeconds: c.up ?? 0 };
    const scaleDown = { ...free, stabilizationWindowSeconds: c.down ?? 0 };
    const wish = { hpa: autoscaler(0, 1000, { scaleUp, scaleDown }), current: c.current, desired: c.desired, now: NOW, tuning };
    assert.equal(limit(wish, { ...NO_HISTORY, recommendations: c.before }).replicas, c.wants);
  });
}
