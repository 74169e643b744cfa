import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { CriError } from '#cri/errors.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { pod } from '../testing/pods.ts';
import { instance, runtimePod, sandbox } from '../testing/runtime-pods.ts';
import { startWorld } from '../testing/world.ts';
import { planContainerGc } from './container-gc-plan.ts';
import { bytesToFree, removable, tooLittleFreed, tooOld, type ImageGcPolicy, type ImageRecord } from './image-gc-plan.ts';
import { LogRotation } from './log-rotation.ts';

const policy: ImageGcPolicy = { highThresholdPercent: 85, lowThresholdPercent: 80, minAgeMs: 100, maxAgeMs: 0 };

for (const [availableBytes, want] of [
  [160, 0],
  [150, 50],
  [0, 200],
  [1000, 0],
] as const) {
  test(`bytesToFree gives ${want} when ${availableBytes} of 1000 are available`, () =>
    assert.equal(bytesToFree({ capacityBytes: 1000, availableBytes }, policy), want));
}

const image = (id: string, more: Partial<ImageRecord> = {}): ImageRecord => ({
  id,
  size: 10,
  pinned: false,
  inUse: false,
  firstSeen: 0,
  lastUsed: 0,
  ...more,
});
const ids = (images: readonly ImageRecord[]): string => images.map(({ id }) => id).join();

test('removable are the longest unused images first, and neither pinned, used nor young ones', () => {
  const images = [
    image('recent', { lastUsed: 900 }),
    image('used', { inUse: true }),
    image('pinned', { pinned: true }),
    image('young', { firstSeen: 950 }),
    image('old', { lastUsed: 100 }),
    image('older', { lastUsed: 50 }),
  ];
  assert.equal(ids(removable(images, 100, 1000)), 'older,old,recent');
});

test('tooLittleFreed tells how full the disk is, how large, and what was freed', () => {
  const said = (capacityBytes: number): string | undefined =>
    /\((.*) used\)/.exec(tooLittleFreed({ capacityBytes, availableBytes: capacityBytes / 20 }, 7))?.[1];
  assert.deepEqual([500, 10 * 2 ** 30, 1.5 * 2 ** 40].map(said), ['95% of 500 B', '95% of 10.0 GiB', '95% of 1.5 TiB']);
  assert.match(tooLittleFreed({ capacityBytes: 1, availableBytes: 0 }, 7), / deleting unused images \(freed 7 bytes\)\. Investigate /);
});

test('tooOld takes images nothing used for the longest age', () => {
  const images = [image('a', { lastUsed: 100 }), image('b', { lastUsed: 600 }), image('c', { inUse: true })];
  assert.equal(ids(tooOld(images, { ...policy, maxAgeMs: 500 }, 1000)), 'a');
  assert.equal(ids(tooOld(images, policy, 1000)), '');
});

test('planContainerGc keeps the newest ended instance of each container of a pod that exists', () => {
  const web = pod();
  const ended = (id: string, createdAt: number): ReturnType<typeof instance> => instance(web, 'app', 'exited', { id, createdAt });
  const runtime = runtimePod(web, [instance(web, 'app', 'running', { id: 'live' }), ended('e3', 3), ended('e2', 2), ended('e1', 1)]);
  const plan = (known: readonly string[], busy: readonly string[] = []): string =>
    planContainerGc({ pods: [runtime], keepPerContainer: 1, known: new Set(known), busy: new Set(busy) })
      .containers.map(({ container }) => container.id)
      .join();
  assert.equal(plan(['uid-web']), 'e2,e1');
  assert.equal(plan([]), 'e3,e2,e1');
  assert.equal(plan(['uid-web'], ['uid-web']), '');
});

test('planContainerGc keeps nothing of a pod that has ended when disk is short', () => {
  const web = pod();
  const runtime = runtimePod(web, [instance(web, 'app', 'exited', { sandboxId: 's' })], [sandbox({ id: 's', ready: false })]);
  const plan = planContainerGc({ pods: [runtime], keepPerContainer: 1, known: new Set(), busy: new Set() });
  const over = planContainerGc({
    pods: [runtime],
    keepPerContainer: 1,
    known: new Set(['uid-web']),
    busy: new Set(),
    over: new Set(['uid-web']),
  });
  assert.deepEqual(over, plan);
});

test('planContainerGc removes sandboxes that are neither ready, used nor the newest', () => {
  const web = pod();
  const sandboxes = [
    sandbox({ id: 's2', attempt: 2, ready: false }),
    sandbox({ id: 's1', attempt: 1, ready: false }),
    sandbox({ id: 's0', ready: false }),
  ];
  const runtime = runtimePod(web, [instance(web, 'app', 'exited', { sandboxId: 's1' })], sandboxes);
  const plan = (known: readonly string[]): string =>
    planContainerGc({ pods: [runtime], keepPerContainer: 1, known: new Set(known), busy: new Set() })
      .sandboxes.map(({ id }) => id)
      .join();
  assert.equal(plan(['uid-web']), 's0');
  assert.equal(plan([]), 's2,s1,s0');
});

function rotation(folder: string, options: { readonly fail?: boolean } = {}) {
  const clock = new ManualClock();
  const log = join(folder, '0.log');
  const reopened: string[] = [];
  const runtime = {
    async reopenContainerLog({ containerId }: { containerId: string }) {
      if (options.fail === true) throw new CriError({ code: 'NotFound', details: 'gone', method: 'ReopenContainerLog' });
      reopened.push(containerId);
      writeFileSync(log, '', { flag: 'a' });
      return {};
    },
  } as unknown as RuntimeService;
  const rotate = new LogRotation({
    runtime,
    clock,
    logger: silentLogger,
    maxSize: 10,
    maxFiles: 4,
    running: () => [{ id: 'c', logPath: log }],
  });
  return { clock, log, reopened, rotate, names: (): readonly string[] => readdirSync(folder).toSorted() };
}

test('LogRotation puts a full log aside, packs the one before, and keeps as many as it may', async (t) => {
  const world = rotation(temporaryFolder(t));
  writeFileSync(world.log, 'short');
  await world.rotate.rotateAll();
  assert.deepEqual(world.names(), ['0.log']);
  for (let round = 0; round < 6; round++) {
    writeFileSync(world.log, `this is round ${round}`);
    await world.rotate.rotateAll();
    world.clock.advance(1000);
  }
  assert.deepEqual(world.names(), ['0.log', '0.log.20260101-000003.gz', '0.log.20260101-000004.gz', '0.log.20260101-000005']);
  const folder = world.log.slice(0, -'0.log'.length);
  assert.equal(gunzipSync(readFileSync(join(folder, '0.log.20260101-000004.gz'))).toString(), 'this is round 4');
  assert.equal(readFileSync(world.log, 'utf8'), '');
  assert.equal(world.reopened.length, 6);
});

test('LogRotation takes the log back when it cannot be opened anew', async (t) => {
  const world = rotation(temporaryFolder(t), { fail: true });
  writeFileSync(world.log, 'long enough to rotate');
  await world.rotate.rotateAll();
  assert.deepEqual(world.names(), ['0.log']);
});

test('dead containers beyond the newest are removed with their logs while the pod runs', async (t) => {
  const world = await startWorld(t);
  let left = 3;
  world.runtime.behave('app', {
    started(container) {
      if (left-- > 0) world.runtime.exit(container, 1);
    },
  });
  world.bind(pod({ name: 'web' }));
  await world.advanceUntil(() => world.runtime.containers.length === 4, 120_000);
  await world.advanceUntil(() => world.runtime.containers.length === 2, 70_000);
  assert.deepEqual(
    world.runtime.containers.map(({ config }) => config.metadata?.attempt),
    [2, 3],
  );
});
