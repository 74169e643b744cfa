import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { configmaps, pods } from '#api/resources.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';

let running: LoopbackServer;
before(async () => {
  running = await startLoopbackServer({ clock: new ManualClock() });
});
after(() => running.stop());

test('a JSON patch that puts a part where another type stands is read as that type, as if the client had sent it', async () => {
  const { client } = running;
  const at = { name: 'a', namespace: 'default' };
  await client.create(configmaps, { metadata: { ...at, labels: { b: 'c' } } });
  await client.create(pods, { metadata: at, spec: { containers: [{ name: 'c', image: 'i' }] } } as never);
  const refusal = client.patch(configmaps, at, { type: 'json', body: [{ op: 'copy', from: '/metadata', path: '/data' }] });
  await assert.rejects(refusal, (error) => isStatusError(error) && error.reason === 'Invalid');
  const patched = await client.patch(pods, at, {
    type: 'json',
    body: [{ op: 'copy', from: '/spec/containers/0', path: '/spec/securityContext' }],
  });
  assert.deepEqual(patched.spec.securityContext ?? {}, {}, 'nothing of a container is in a security context');
});
