import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { pods } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { fakeClient } from '#client/testing.ts';
import { evictPod } from './evict-pod.ts';

const REF = { name: 'p', namespace: 'ns' };
const DISRUPTION = { reason: 'Moved', message: 'to another node' };

// Source: taint_eviction.go addConditionAndDeletePod, which patches the status.
test('evictPod marks a pod whose status changed since it was seen, and keeps the change', async () => {
  const { client, server } = fakeClient();
  await client.create(pods, { metadata: { ...REF, finalizers: ['example.com/hold'] }, spec: {} } as unknown as New<Pod>);
  const say = (status: object) => client.patch(pods, REF, { type: 'merge', body: { status } }, { subresource: 'status' });
  const seen = await say({ phase: 'Running' });
  await say({ phase: 'Failed', conditions: [{ type: 'Ready', status: 'False' }] });
  await evictPod(seen, DISRUPTION, { client, clock: new ManualClock() });
  const [{ metadata, status }] = server.stored(pods) as [Pod];
  assert.notEqual(metadata.deletionTimestamp, undefined);
  assert.equal(status.phase, 'Failed');
  assert.deepEqual(status.conditions?.map(({ type, reason }) => [type, reason]).toSorted(), [
    ['DisruptionTarget', 'Moved'],
    ['Ready', undefined],
  ]);
});

test('evictPod leaves a pod alone that has the name of one that is gone', async () => {
  const { client, server } = fakeClient();
  const gone = await client.create(pods, { metadata: REF, spec: {} } as unknown as New<Pod>);
  await client.delete(pods, REF);
  await client.create(pods, { metadata: REF, spec: {} } as unknown as New<Pod>);
  await assert.rejects(evictPod({ ...gone, status: {} } as Pod, DISRUPTION, { client, clock: new ManualClock() }), { reason: 'Conflict' });
  const [{ metadata, status }] = server.stored(pods) as [Pod];
  assert.deepEqual([metadata.deletionTimestamp, status?.conditions], [undefined, undefined]);
});
