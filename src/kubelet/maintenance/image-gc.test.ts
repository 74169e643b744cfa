// What is removed when the disk of images is full, and what is told of it. Source: pkg/kubelet/images image_gc_manager_test.go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { CriError } from '#cri/errors.ts';
import { FakeRuntime } from '#cri/testing.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { ImageGc } from './image-gc.ts';
import { tooLittleFreed, type Disk } from './image-gc-plan.ts';

const GI = 2 ** 30;
const FULL: Disk = { capacityBytes: 1000 * GI, availableBytes: 50 * GI };

function collector(disk: Disk, sizes: readonly number[], { minAgeMs = 0, stuck = '' } = {}) {
  const clock = new ManualClock();
  const runtime = new FakeRuntime({ clock, ids: seededIds(1) });
  const names = new Map(sizes.map((gib, index) => [runtime.addImage(`example.test/${index}:1`, { size: gib * GI }).id, String(index)]));
  runtime.intercept('removeImage', (request) => {
    const { image } = request['image'] as { readonly image: string };
    if (names.get(image) === stuck) throw new CriError({ code: 'Unknown', details: 'read-only', method: 'RemoveImage' });
  });
  const told: string[] = [];
  const gc = new ImageGc({
    cri: runtime,
    clock,
    logger: silentLogger,
    events: { pod: () => {}, container: () => {}, node: (_type, reason, message) => void told.push(`${reason} ${message}`) },
    policy: { highThresholdPercent: 90, lowThresholdPercent: 80, minAgeMs, maxAgeMs: 0 },
    metrics: new KubeletMetrics(),
    records: { keepOnly: () => Promise.resolve() },
    disk: () => Promise.resolve(disk),
    keep: [],
    mounted: () => [],
  });
  const left = async (): Promise<readonly string[]> => (await runtime.image.listImages({})).images.map(({ id }) => names.get(id) ?? id);
  return { gc, told, clock, left };
}

test('ImageGc leaves images alone below the high threshold', async () => {
  const { gc, told, left } = collector({ capacityBytes: 1000, availableBytes: 600 }, [450]);
  await gc.collect();
  assert.deepEqual([await left(), told], [['0'], []]);
});

test('ImageGc removes no more than it has to', async () => {
  const { gc, told, left } = collector(FULL, [100, 100, 100]);
  await gc.collect();
  assert.deepEqual([(await left()).length, told], [1, []]);
});

test('ImageGc tells that too little could be freed, and that it failed when it did so again', async () => {
  const { gc, told } = collector(FULL, [50]);
  const [first, second] = [tooLittleFreed(FULL, 50 * GI), tooLittleFreed(FULL, 0)];
  await gc.collect();
  assert.deepEqual(told, [`FreeDiskSpaceFailed ${first}`]);
  await gc.collect();
  assert.deepEqual(told.slice(1), [`FreeDiskSpaceFailed ${second}`, `ImageGCFailed ${second}`]);
});

test('ImageGc removes others in the place of one that cannot be removed, and tells of that alone', async () => {
  const { gc, told, left } = collector(FULL, [100, 100, 100], { stuck: '0' });
  await gc.collect();
  assert.deepEqual([await left(), told], [['0'], []]);
  await gc.collect();
  assert.deepEqual(told, [
    `ImageGCFailed wanted to free ${150 * GI} bytes, but freed 0 bytes space with errors in image deletion: rpc error: code = Unknown desc = read-only`,
  ]);
});

test('ImageGc keeps images that have just come', async () => {
  const { gc, clock, left } = collector(FULL, [200], { minAgeMs: 60_000 });
  await gc.collect();
  assert.deepEqual(await left(), ['0']);
  clock.advance(60_000);
  await gc.collect();
  assert.deepEqual(await left(), []);
});

test('ImageGc tells of a file system without a size, and that it failed when it did so again', async () => {
  const { gc, told } = collector({ capacityBytes: 0, availableBytes: 0 }, [1]);
  await gc.collect();
  await gc.collect();
  const message = 'invalid capacity 0 on image filesystem';
  assert.deepEqual(told, [`InvalidDiskCapacity ${message}`, `InvalidDiskCapacity ${message}`, `ImageGCFailed ${message}`]);
});
