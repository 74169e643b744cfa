import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { FakeRuntime } from '#cri/testing.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { Refusal } from './answers.ts';
import { checkpoint, type CheckpointRequest } from './checkpoint.ts';
import { fakeHost } from './testing/fake-host.ts';

const REQUEST: CheckpointRequest = { namespace: 'default', pod: 'web', container: 'app', timeouts: [] };

function host(t: TestContext, cri: FakeRuntime, containerId?: string) {
  const checkpoints = join(temporaryFolder(t), 'checkpoints');
  return fakeHost({ cri, ...(containerId === undefined ? {} : { containerId }), overrides: { checkpoints } });
}

test('checkpoint has the runtime write an archive and says where it lies', async (t) => {
  const cri = new FakeRuntime();
  const asked: unknown[] = [];
  const served = {
    ...cri,
    runtime: { ...cri.runtime, checkpointContainer: async (request: unknown) => (asked.push(request), {}) },
  } as FakeRuntime;
  const kubelet = host(t, served, 'c1');
  const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  const { body } = await checkpoint({ ...REQUEST, timeouts: ['3', '7'] }, kubelet, clock);
  const location = join(kubelet.checkpoints, 'checkpoint-web_default-app-2026-01-02T03:04:05Z.tar');
  assert.deepEqual(JSON.parse(String(body)), { items: [location] });
  assert.deepEqual(asked, [{ containerId: 'c1', location, timeout: 7 }]);
  assert.ok(existsSync(kubelet.checkpoints));
});

for (const { name, request, running = true, code, message } of [
  { name: 'a pod that is not there', request: { pod: 'other' }, code: 404, message: 'pod does not exist' },
  { name: 'a container that is not in the pod', request: { container: 'other' }, code: 404, message: 'container other does not exist' },
  { name: 'a timeout that is no number', request: { timeouts: ['3s'] }, code: 404, message: 'cannot parse value of timeout parameter' },
  {
    name: 'a container that does not run',
    request: {},
    running: false,
    code: 500,
    message: 'checkpointing of default/web/app failed (container app not found)',
  },
  {
    name: 'a runtime that cannot',
    request: {},
    code: 500,
    message: 'checkpointing of default/web/app failed (rpc error: code = Unimplemented desc = method CheckpointContainer not implemented)',
  },
]) {
  test(`checkpoint refuses ${name}`, async (t) => {
    const kubelet = host(t, new FakeRuntime(), running ? 'c1' : undefined);
    await assert.rejects(
      checkpoint({ ...REQUEST, ...request }, kubelet, new ManualClock()),
      (error) => error instanceof Refusal && error.code === code && error.message === message,
    );
  });
}
