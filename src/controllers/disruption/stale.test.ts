import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import { pods } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { startController } from '../testing.ts';
import { staleDisruptionController } from './controller.ts';

// Source: disruption_test.go TestStalePodDisruption.
test('a disruption that came to nothing is taken back, for the generation the pod has now', async () => {
  const pod = { name: 'p', namespace: 'ns' };
  const told = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'Moved',
    lastTransitionTime: '2020-01-01T00:00:00Z',
    observedGeneration: 1,
  };
  const running = await startController(staleDisruptionController, async (client) => {
    await client.create(pods, { metadata: pod, spec: {} } as unknown as New<Pod>);
    await client.patch(pods, pod, { type: 'merge', body: { spec: { activeDeadlineSeconds: 9 } } });
    await client.patch(pods, pod, { type: 'merge', body: { status: { conditions: [told] } } }, { subresource: 'status' });
  });
  try {
    const conditionOf = async () => findCondition((await running.client.get(pods, pod)).status.conditions, 'DisruptionTarget');
    const { lastTransitionTime, ...condition } = await running.until(async () => {
      const found = await conditionOf();
      return found?.status === 'False' ? found : undefined;
    });
    assert.deepEqual(condition, { type: 'DisruptionTarget', status: 'False', lastProbeTime: null, observedGeneration: 2 });
    assert.notEqual(lastTransitionTime, told.lastTransitionTime);
  } finally {
    await running.stop();
  }
});
