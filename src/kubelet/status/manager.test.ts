import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { ManualClock, systemClock, wait } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { fakeClient } from '#client/testing.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { StatusManager } from './manager.ts';

/** What was begun is through after some turns of the event loop: the server is in memory, and nothing waits but for the clock. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await wait(systemClock, 0);
}

test('what others write into a status stays ten seconds, so that controllers see it, and is put back then', async () => {
  const { client } = fakeClient();
  const clock = new ManualClock();
  const ref = { name: 'web', namespace: 'ns' };
  const pod = await client.create(pods, {
    metadata: ref,
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
    status: { phase: 'Pending' },
  } as New<Pod>);
  let api = pod;
  const look = async () => (api = await client.get(pods, ref)).status.phase;
  const manager = new StatusManager({
    client,
    clock,
    logger: silentLogger,
    metrics: new KubeletMetrics(),
    apiPod: () => api,
    mayRun: () => true,
  });
  const { uid } = pod.metadata;
  manager.set(pod, { phase: 'Running', qosClass: 'BestEffort', conditions: [] });
  await settled();
  assert.equal(await look(), 'Running');

  api = await client.patch(pods, ref, { type: 'merge', body: { status: { phase: 'Failed' } } }, { subresource: 'status' });
  manager.reconcile(uid);
  clock.advance(9999);
  await settled();
  assert.equal(await look(), 'Failed');
  clock.advance(1);
  await settled();
  assert.equal(await look(), 'Running');

  // What is told in between goes at once, whatever waits.
  api = await client.patch(pods, ref, { type: 'merge', body: { status: { phase: 'Failed' } } }, { subresource: 'status' });
  manager.reconcile(uid);
  manager.set(pod, { phase: 'Running', qosClass: 'BestEffort', conditions: [], hostIP: '10.0.0.1' });
  await settled();
  assert.equal(await look(), 'Running');
  manager.stop();
});
