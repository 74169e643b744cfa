// Source: pkg/controller controller_utils_test.go TestSortingActivePodsWithRanks, TestSortingActivePods.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import { deletionOrder } from './deletion-order.ts';
import { pod } from './testing.ts';

const NOW = Date.UTC(2026, 0, 1);
const hoursAgo = (hours: number): string => formatTime(NOW - hours * 3_600_000);
const MONTH = 31 * 24;

const waiting = (name: string, created: number): Pod => pod(name, { phase: 'Pending', node: '', created: hoursAgo(created) });
const ready = (name: string, since: number, created: number, more: { cost?: string; restarts?: number } = {}): Pod =>
  pod(name, { ready: true, readySince: hoursAgo(since), created: hoursAgo(created), ...more });

const PODS = {
  unscheduled: waiting('unscheduled', 0),
  pending: pod('pending', { phase: 'Pending' }),
  unknown: pod('unknown', { phase: 'Unknown' }),
  unready: pod('unready'),
  readyNow: ready('ready now', 0, 0),
  readyLong: ready('ready long', MONTH, MONTH),
  restarted: ready('restarted', 0, 0, { restarts: 9001 }),
  old: ready('ready now, old', 0, MONTH),
  cheap: ready('cheap', 0, MONTH, { cost: '10' }),
  dear: ready('dear', 0, MONTH, { cost: '100' }),
  twoHours: ready('ready 2 h', 2, MONTH),
  fiveHours: ready('ready 5 h', 5, MONTH),
} as const satisfies Record<string, Pod>;

/** Pods beside each, which rank them: the more on its node, the earlier it goes. */
for (const [first, second, crowd = 'neither'] of [
  ['unscheduled', 'pending', 'second'],
  ['unscheduled', 'pending', 'first'],
  ['pending', 'unknown', 'second'],
  ['unknown', 'unready', 'second'],
  ['unready', 'readyNow'],
  ['readyNow', 'readyLong'],
  ['readyNow', 'readyLong', 'first'],
  ['restarted', 'readyNow'],
  ['readyNow', 'restarted', 'first'],
  ['readyNow', 'old'],
  ['old', 'readyNow', 'first'],
  ['cheap', 'dear', 'first'],
  ['cheap', 'dear', 'second'],
  ['twoHours', 'fiveHours'],
] as readonly (readonly [keyof typeof PODS, keyof typeof PODS, ('first' | 'second' | 'neither')?])[])
  test(`${first} goes before ${second}, with others on the node of ${crowd}`, () => {
    const on = (of: Pod, nodeName: string): Pod => (of.spec.nodeName === undefined ? of : { ...of, spec: { ...of.spec, nodeName } });
    const [a, b] = [on(PODS[first], 'node-a'), on(PODS[second], 'node-b')];
    const beside = crowd === 'neither' ? [] : [pod('beside', { node: crowd === 'first' ? 'node-a' : 'node-b' })];
    const order = deletionOrder([a, b, ...beside], NOW, new Set());
    assert.ok(order(a, b) < 0);
    assert.ok(order(b, a) > 0);
  });

for (const [name, a, b] of [
  ['waited 5 h and 8 h', waiting('x', 5), waiting('y', 8)],
  ['have been ready 5 h and 8 h', ready('x', 5, MONTH), ready('y', 8, MONTH)],
] as const)
  test(`pods that ${name} are equal: only their uids decide`, () => {
    const order = deletionOrder([a, b], NOW, new Set());
    const swapped = [
      { ...a, metadata: { ...a.metadata, uid: 'y' } },
      { ...b, metadata: { ...b.metadata, uid: 'x' } },
    ] as const;
    assert.ok(order(a, b) < 0);
    assert.ok(deletionOrder(swapped, NOW, new Set())(...swapped) > 0);
  });
