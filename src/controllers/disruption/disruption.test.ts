import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodDisruptionBudget } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import { budgetStatus, expectation, failedStatus, stillDisrupted, untilStale } from './plan.ts';

const NOW = Date.UTC(2026, 0, 1);

const budget = (spec: object, status: object = {}): PodDisruptionBudget =>
  ({
    metadata: { name: 'b', namespace: 'ns', generation: 3 },
    spec,
    status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, ...status },
  }) as unknown as PodDisruptionBudget;

const pod = (
  name: string,
  ready: boolean,
  more: { readonly deleting?: boolean; readonly target?: number; readonly reason?: string } = {},
): Pod =>
  ({
    metadata: { name, namespace: 'ns', ...(more.deleting === true ? { deletionTimestamp: formatTime(NOW) } : {}) },
    status: {
      phase: 'Running',
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False' },
        ...(more.target === undefined
          ? []
          : [
              {
                type: 'DisruptionTarget',
                status: 'True',
                reason: more.reason ?? 'EvictionByEvictionAPI',
                lastTransitionTime: formatTime(more.target),
              },
            ]),
      ],
    },
  }) as unknown as Pod;

for (const [name, spec, pods, scale, want] of [
  ['a number that must be there', { minAvailable: 2 }, 3, 0, { expectedPods: 3, desiredHealthy: 2 }],
  ['a share that must be there, rounded up', { minAvailable: '50%' }, 3, 5, { expectedPods: 5, desiredHealthy: 3 }],
  ['a number that may be missing', { maxUnavailable: 1 }, 3, 5, { expectedPods: 5, desiredHealthy: 4 }],
  ['a share that may be missing, rounded up', { maxUnavailable: '30%' }, 3, 5, { expectedPods: 5, desiredHealthy: 3 }],
  ['more than there are', { maxUnavailable: 9 }, 3, 5, { expectedPods: 5, desiredHealthy: 0 }],
  ['nothing said', {}, 3, 5, { expectedPods: 0, desiredHealthy: 0 }],
] as const) {
  test(`expectation of ${name}`, () => assert.deepEqual(expectation(budget(spec), pods, scale), want));
}

test('budgetStatus counts neither what is unready, nor what goes, nor what was let go just now', () => {
  const pods = [pod('a', true), pod('b', true), pod('c', false), pod('d', true, { deleting: true }), pod('e', true)];
  const b = budget({ minAvailable: 1 }, { disruptedPods: { e: formatTime(NOW - 1000) } });
  const disrupted = stillDisrupted(b, pods, NOW);
  const status = budgetStatus(b, pods, { expectedPods: 5, desiredHealthy: 1 }, disrupted, NOW);
  assert.deepEqual([status.currentHealthy, status.disruptionsAllowed, status.observedGeneration], [2, 1, 3]);
  assert.deepEqual(status.disruptedPods, { e: formatTime(NOW - 1000) });
  assert.deepEqual([status.conditions?.[0]?.reason, status.conditions?.[0]?.status], ['SufficientPods', 'True']);
  assert.equal(disrupted.afterMs, 119_000);
});

test('budgetStatus counts a pod whose name every object inherits', () => {
  const [b, pods] = [budget({ minAvailable: 1 }, { disruptedPods: {} }), [pod('constructor', true)]];
  const disrupted = stillDisrupted(b, pods, NOW);
  assert.deepEqual(disrupted, { pods: {}, forgotten: [], afterMs: undefined });
  assert.equal(budgetStatus(b, pods, { expectedPods: 1, desiredHealthy: 1 }, disrupted, NOW).currentHealthy, 1);
});

test('a pod that was let go and stayed counts again after two minutes', () => {
  const b = budget({}, { disruptedPods: { a: formatTime(NOW - 121_000), gone: formatTime(NOW) } });
  const { pods, forgotten } = stillDisrupted(b, [pod('a', true)], NOW);
  assert.deepEqual([pods, forgotten.length], [{}, 1]);
});

test('budgetStatus without pods allows nothing', () => {
  const b = budget({ maxUnavailable: 1 });
  const status = budgetStatus(b, [], { expectedPods: 0, desiredHealthy: 0 }, stillDisrupted(b, [], NOW), NOW);
  assert.deepEqual([status.disruptionsAllowed, status.conditions?.[0]?.reason], [0, 'InsufficientPods']);
});

test('failedStatus allows nothing, and says why', () => {
  const { disruptionsAllowed, conditions } = failedStatus(budget({}, { disruptionsAllowed: 4 }), 'no such owner', NOW);
  assert.deepEqual([disruptionsAllowed, conditions?.[0]?.reason, conditions?.[0]?.message], [0, 'SyncFailed', 'no such owner']);
});

for (const [name, one, want] of [
  ['without the condition never', pod('a', true), undefined],
  ['two minutes after it came', pod('a', true, { target: NOW - 30_000 }), 90_000],
  ['at once when it is older', pod('a', true, { target: NOW - 999_000 }), 0],
  ['never when the kubelet set it', pod('a', true, { target: NOW - 999_000, reason: 'TerminationByKubelet' }), undefined],
  ['never for a pod that goes', pod('a', true, { target: NOW - 999_000, deleting: true }), undefined],
] as const) {
  test(`untilStale ${name}`, () => assert.equal(untilStale(one, NOW), want));
}
