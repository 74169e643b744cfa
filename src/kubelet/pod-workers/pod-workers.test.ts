import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { PodStartup } from '../metrics/pod-startup.ts';
import { pod } from '../testing/pods.ts';
import { PodWorkers } from './pod-workers.ts';

/** Workers whose steps take no time, but for `forget`, which the test lets end; what they do, in order. */
function held() {
  const clock = new ManualClock();
  const metrics = new KubeletMetrics();
  const log: string[] = [];
  const step = (name: string) => async (): Promise<void> => void log.push(name);
  const [forgetting, forgotten] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const back: Pod = pod();
  const workers: PodWorkers = new PodWorkers({
    steps: {
      async sync() {
        log.push('sync');
        return { kind: 'rest' };
      },
      terminate: step('terminate'),
      release: step('release'),
      async forget() {
        log.push('forget');
        forgetting.resolve();
        await forgotten.promise;
      },
    },
    clock,
    logger: silentLogger,
    metrics,
    startup: new PodStartup(metrics, clock),
    returned(uid) {
      log.push('returned');
      assert.equal(workers.stage(uid), undefined, 'what came before is no more');
      workers.update(back);
    },
  });
  return { workers, log, back, forgetting: forgetting.promise, forgotten };
}

const uid = 'uid-web';
const ENDED = ['sync', 'terminate', 'release', 'forget'];

/** Everything happens that can: no step waits for anything but promises that are resolved. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test('PodWorkers forgets a pod once, whatever wakes it meanwhile', async () => {
  const { workers, log, forgetting, forgotten } = held();
  workers.update(pod());
  await settled();
  workers.remove(uid);
  await forgetting;
  workers.wake(uid);
  forgotten.resolve();
  await settled();
  assert.deepEqual(log, ENDED);
  assert.equal(workers.stage(uid), undefined);
});

test('PodWorkers gives a pod that is back while it is forgotten one worker, which stays', async () => {
  const { workers, log, back, forgetting, forgotten } = held();
  workers.update(pod());
  await settled();
  workers.remove(uid);
  await forgetting;
  workers.wake(uid);
  workers.update(back);
  workers.wake(uid);
  forgotten.resolve();
  await settled();
  assert.deepEqual(log, [...ENDED, 'returned', 'sync']);
  assert.equal(workers.stage(uid), 'syncing');
  assert.equal(workers.pod(uid), back);
  workers.wake(uid);
  await settled();
  assert.deepEqual(log, [...ENDED, 'returned', 'sync', 'sync'], 'it is within reach');
  await workers.stop();
});
