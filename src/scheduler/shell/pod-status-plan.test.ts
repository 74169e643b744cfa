import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { pod } from '../testing.ts';
import { planPodStatus } from './pod-status-plan.ts';

const NOW = Date.UTC(2026, 0, 2);
const refused = (message: string, nominatedNodeName?: string): Pod =>
  pod(
    'p',
    {},
    {},
    {
      status: {
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime: '2026-01-01T00:00:00Z' },
        ],
        ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
      },
    },
  );
const condition = (message: string, lastTransitionTime: string) => ({
  type: 'PodScheduled',
  status: 'False',
  reason: 'Unschedulable',
  message,
  lastProbeTime: null,
  lastTransitionTime,
});

test('planPodStatus tells a first refusal with its time', () => {
  const plan = planPodStatus(pod('p'), { reason: 'Unschedulable', message: 'full' }, NOW);
  assert.deepEqual(plan, { metadata: { uid: 'p' }, status: { conditions: [condition('full', '2026-01-02T00:00:00Z')] } });
});

test('planPodStatus keeps the time when only the message changes', () => {
  const plan = planPodStatus(refused('full'), { reason: 'Unschedulable', message: 'fuller' }, NOW);
  assert.deepEqual(plan, { metadata: { uid: 'p' }, status: { conditions: [condition('fuller', '2026-01-01T00:00:00Z')] } });
});

test('planPodStatus writes nothing twice', () => {
  assert.equal(planPodStatus(refused('full'), { reason: 'Unschedulable', message: 'full' }, NOW), undefined);
  assert.equal(planPodStatus(refused('full', 'n'), { reason: 'Unschedulable', message: 'full', nominated: 'n' }, NOW), undefined);
});

test('planPodStatus nominates a node and takes a nomination back', () => {
  assert.deepEqual(planPodStatus(refused('full'), { reason: 'Unschedulable', message: 'full', nominated: 'n' }, NOW), {
    metadata: { uid: 'p' },
    status: { nominatedNodeName: 'n' },
  });
  assert.deepEqual(planPodStatus(refused('full', 'n'), { reason: 'Unschedulable', message: 'full', nominated: '' }, NOW), {
    metadata: { uid: 'p' },
    status: { nominatedNodeName: null },
  });
});
