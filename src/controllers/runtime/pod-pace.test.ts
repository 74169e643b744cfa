import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import type { Pod } from '#api/types.ts';
import { fakeInformer } from '#client/testing.ts';
import { creationPace, deletionPace } from './pod-pace.ts';

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
  const pace = creationPace({ pods, clock, signal: stop.signal });
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

test('creationPace lets 32 creations be under way, and a refused one gives its place back', async () => {
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
  test(`creationPace waits for the pods before, each until ${how}`, async () => {
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

test('creationPace is held up for five seconds by pods that nobody takes in, and then no more', async () => {
  const { clock, pods, created, ask } = paced();
  await ask('web', 2000);
  clock.advance(4999);
  await settled();
  assert.equal(created.length, 256);
  clock.advance(1);
  await settled();
  assert.equal(created.length, 2000);
  // One of the first is begun after all: somebody is there, and behind.
  pods.put(pod(created[0] as string, { startTime: '2026-01-01T00:00:00Z' }));
  await ask('web', 300);
  assert.equal(created.length, 2000);
  clock.advance(5000);
  assert.equal(clock.pending, 0);
});

test('creationPace creates few at a time while some of the pods before take longer than five seconds', async () => {
  const { clock, pods, created, ask } = paced();
  await ask('web', 300);
  pods.put(pod(created[0] as string, { startTime: '2026-01-01T00:00:00Z' }));
  await settled();
  assert.equal(created.length, 257);
  clock.advance(2500);
  pods.put(pod(created[1] as string, { startTime: '2026-01-01T00:00:00Z' }));
  clock.advance(2500);
  await settled();
  assert.equal(created.length, 257 + 32);
});

test('creationPace gives owners their turns one after the other', async () => {
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

test('creationPace holds nobody up once the controller stops', async () => {
  const { stop, created, ask } = paced();
  await ask('web', 400);
  stop.abort();
  await settled();
  assert.equal(created.length, 400);
});

/** `count` pods are taken in one after the other, a pod every `everyMs`. */
async function takeIn({ clock, pods, created }: ReturnType<typeof paced>, count: number, everyMs: number): Promise<number> {
  let most = 0;
  for (let i = 0; i < count; i++) {
    clock.advance(everyMs);
    pods.put(pod(created[i] as string, { startTime: '2026-01-01T00:00:00Z' }));
    await settled();
    most = created.length - i - 1;
  }
  return most;
}

test('creationPace has as few pods on their way as are taken in within a second by nodes that are behind, and more again when they are not', async () => {
  const world = paced();
  await world.ask('web', 4000);
  // Twenty a second: 256 would take thirteen seconds each.
  assert.equal(await takeIn(world, 1000, 50), 32);
  // A hundred a second: so many take a second, and half of them are late.
  world.created.splice(0, 1000);
  const onTheirWay = await takeIn(world, 1000, 10);
  assert.ok(onTheirWay > 50 && onTheirWay < 150, `${onTheirWay} are on their way`);
  // A thousand a second: nobody waits.
  world.created.splice(0, 1000);
  assert.equal(await takeIn(world, 1000, 1), 256);
});

test('deletionPace waits for the pods before to go, each for two seconds at most, and owners have their turns', async () => {
  const { clock, pods, stop } = paced();
  const pace = deletionPace({ pods, clock, signal: stop.signal });
  const all = Array.from({ length: 600 }, (_, i) => pod(`${i < 300 ? 'web' : 'db'}-${i}`));
  pods.put(...all);
  const removed: string[] = [];
  for (const each of all) {
    void pace.run(each.metadata.name.split('-')[0] as string, each, async () => {
      removed.push(each.metadata.name);
    });
  }
  await settled();
  assert.equal(removed.length, 256);
  for (const gone of all.slice(0, 3)) pods.remove(gone);
  await settled();
  assert.deepEqual(removed.slice(256), ['web-144', 'db-412', 'web-145']);
  clock.advance(2000);
  await settled();
  assert.equal(removed.length, 259 + 256);
  clock.advance(2000);
  await settled();
  assert.equal(removed.length, 600);
  clock.advance(2000);
  assert.equal(clock.pending, 0);
});

test('deletionPace does not wait for a pod that went at once', async () => {
  const { clock, pods, stop } = paced();
  const pace = deletionPace({ pods, clock, signal: stop.signal });
  let removed = 0;
  for (let i = 0; i < 600; i++) void pace.run('web', pod(`web-${i}`), async () => void removed++);
  await settled();
  assert.equal(removed, 600);
  assert.equal(clock.pending, 0);
});
