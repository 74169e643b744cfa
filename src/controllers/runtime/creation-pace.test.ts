import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import type { Pod } from '#api/types.ts';
import { fakeInformer } from '#client/testing.ts';
import { CreationPace } from './creation-pace.ts';

const pod = (uid: string, status: object = {}, version = '1'): Pod =>
  ({
    metadata: { name: uid, namespace: 'ns', uid, resourceVersion: version },
    spec: {},
    status: { phase: 'Pending', ...status },
  }) as unknown as Pod;

function paced() {
  const clock = new ManualClock();
  const pods = fakeInformer<Pod>();
  const stop = new AbortController();
  const pace = new CreationPace({ pods, clock, signal: stop.signal });
  const created: string[] = [];
  let count = 0;
  /** Asks for so many pods, whose creation succeeds at once. */
  const ask = async (owner: string, pods_: number): Promise<void> => {
    for (let i = 0; i < pods_; i++) {
      void pace.run(owner, async () => {
        const uid = `${owner}-${count++}`;
        created.push(uid);
        return pod(uid);
      });
    }
    await settled();
  };
  return { clock, pods, stop, pace, created, ask };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('CreationPace lets 32 creations be under way, and a refused one gives its place back', async () => {
  const { pace } = paced();
  const calls = Array.from({ length: 40 }, () => Promise.withResolvers<Pod>());
  let begun = 0;
  const results = calls.map(({ promise }) =>
    pace.run('web', () => {
      begun++;
      return promise;
    }),
  );
  await settled();
  assert.equal(begun, 32);
  calls[0]?.reject(new Error('exceeded quota'));
  await assert.rejects(results[0] as Promise<Pod>, /exceeded quota/);
  await settled();
  assert.equal(begun, 33);
});

for (const [how, change] of [
  ['a kubelet has begun it', (uid: string) => pod(uid, { startTime: '2026-01-01T00:00:00Z' }, '2')],
  ['no node is found', (uid: string) => pod(uid, { conditions: [{ type: 'PodScheduled', status: 'False' }] }, '2')],
] as const) {
  test(`CreationPace waits for the pods before, each until ${how}`, async () => {
    const { pods, created, ask } = paced();
    await ask('web', 300);
    assert.equal(created.length, 256);
    pods.put(...created.slice(0, 256).map((uid) => pod(uid)));
    await settled();
    assert.equal(created.length, 256);
    pods.put(...created.slice(0, 10).map(change));
    await settled();
    assert.equal(created.length, 266);
    pods.remove(pod('web-100'));
    await settled();
    assert.equal(created.length, 267);
  });
}

test('CreationPace is held up by pods that nobody takes in for five seconds', async () => {
  const { clock, created, ask } = paced();
  await ask('web', 300);
  clock.advance(4999);
  await settled();
  assert.equal(created.length, 256);
  clock.advance(1);
  await settled();
  assert.equal(created.length, 300);
  clock.advance(5000);
  assert.equal(clock.pending, 0);
});

test('CreationPace gives owners their turns one after the other', async () => {
  const { pods, created, ask } = paced();
  await ask('web', 400);
  await ask('db', 3);
  assert.equal(created.length, 256);
  pods.put(...created.slice(0, 4).map((uid) => pod(uid, { startTime: '2026-01-01T00:00:00Z' })));
  await settled();
  assert.deepEqual(
    created.slice(256).map((uid) => uid.split('-')[0]),
    ['web', 'db', 'web', 'db'],
  );
});

test('CreationPace holds nobody up once the controller stops', async () => {
  const { stop, created, ask } = paced();
  await ask('web', 400);
  stop.abort();
  await settled();
  assert.equal(created.length, 400);
});
