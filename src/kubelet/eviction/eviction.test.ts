import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Pod } from '#api/types.ts';
import { type KubeletConfig, kubeletConfig } from '../configuration/config.ts';
import type { KubeletEvents } from '../events/events.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { NodeFigures } from '../stats/provider.ts';
import type { PodSummary } from '../stats/summary.ts';
import { container, pod } from '../testing/pods.ts';
import { EvictionManager } from './eviction-manager.ts';
import { evictionWords, localStorageViolation, rankPods } from './ranking.ts';
import { CALM, observe, thresholdsOf, type Observations, type Signal, type Threshold } from './thresholds.ts';

const MI = 2 ** 20;
const ONE_DISK = { shared: true };
const memory = (available: number): Observations => ({ 'memory.available': { available, capacity: 1000 * MI } });
const hard: Threshold = { signal: 'memory.available', value: '100Mi', graceMs: 0 };
const soft: Threshold = { signal: 'memory.available', value: '20%', graceMs: 30_000 };

test('thresholdsOf reads hard and soft thresholds, memory first, and drops those switched off', () => {
  const config = kubeletConfig({
    nodeName: 'n',
    evictionHard: { 'nodefs.available': '10%', 'memory.available': '100Mi', 'imagefs.available': '0%', bogus: '1' },
    evictionSoft: { 'memory.available': '20%' },
    evictionSoftGracePeriod: { 'memory.available': 30_000 },
    evictionMinimumReclaim: { 'nodefs.available': '1Gi' },
  });
  assert.deepEqual(thresholdsOf(config), [hard, soft, { signal: 'nodefs.available', value: '10%', graceMs: 0, minReclaim: '1Gi' }]);
});

test('observe acts on a hard threshold at once, and on a soft one after its grace', () => {
  const at = (state: Parameters<typeof observe>[0], available: number, now: number): ReturnType<typeof observe> =>
    observe(state, [hard, soft], memory(available), now, 60_000);
  const first = at(CALM, 150 * MI, 0);
  assert.deepEqual([first.due, first.conditions], [[], ['MemoryPressure']]);
  assert.deepEqual(at(first.state, 150 * MI, 29_000).due, []);
  assert.deepEqual(at(first.state, 150 * MI, 30_000).due, [soft]);
  assert.deepEqual(at(CALM, 50 * MI, 0).due, [hard]);
  const relief = at(first.state, 500 * MI, 10_000);
  assert.deepEqual(at(relief.state, 150 * MI, 40_000).due, []);
});

test('observe keeps a condition for a while after its cause went', () => {
  const pressed = observe(CALM, [hard], memory(50 * MI), 0, 60_000);
  const later = (now: number): readonly string[] => observe(pressed.state, [hard], memory(500 * MI), now, 60_000).conditions;
  assert.deepEqual([later(59_000), later(60_000)], [['MemoryPressure'], []]);
});

test('observe holds a threshold until the least reclaim is free on top', () => {
  const threshold = { ...hard, minReclaim: '50Mi' };
  const pressed = observe(CALM, [threshold], memory(50 * MI), 0, 0);
  assert.deepEqual(observe(pressed.state, [threshold], memory(120 * MI), 1, 0).due, [threshold]);
  assert.deepEqual(observe(pressed.state, [threshold], memory(151 * MI), 1, 0).due, []);
  assert.deepEqual(observe(CALM, [threshold], memory(120 * MI), 1, 0).due, []);
});

const using = (name: string, workingSetBytes: number, disk = 0): PodSummary => ({
  podRef: { name, namespace: 'default', uid: `uid-${name}` },
  startTime: '',
  containers: [{ name: 'app', startTime: '', memory: { time: '', workingSetBytes }, rootfs: { time: '', usedBytes: disk } }],
  memory: { time: '', workingSetBytes },
  'ephemeral-storage': { time: '', usedBytes: disk },
  process_stats: { process_count: 1 },
});
const asking = (name: string, request: string, priority = 0): Pod =>
  pod({ name, spec: { priority, containers: [container('app', { resources: request === '' ? {} : { requests: { memory: request } } })] } });

test('rankPods begins with those over their request, then the lowest priority, then the largest excess', () => {
  const pods = [
    asking('within', '300Mi'),
    asking('small', '', 5),
    asking('large', '', 5),
    asking('low', '', 1),
    asking('critical', '', 2_000_000_000),
  ];
  const stats = new Map(
    [using('within', 200 * MI), using('small', 10 * MI), using('large', 90 * MI), using('low', MI), using('critical', 500 * MI)].map(
      (each) => [each.podRef.uid, each],
    ),
  );
  assert.deepEqual(
    rankPods(pods, stats, hard, ONE_DISK).map(({ metadata: { name } }) => name),
    ['low', 'large', 'small', 'within'],
  );
});

interface DiskUse {
  readonly layer?: number;
  readonly logs?: number;
  readonly all?: number;
  readonly inodes?: number;
}

const onDisk = (name: string, { layer = 0, logs = 0, all = layer + logs, inodes = 0 }: DiskUse): PodSummary => ({
  ...using(name, 0),
  containers: [{ name: 'app', startTime: '', rootfs: { time: '', usedBytes: layer }, logs: { time: '', usedBytes: logs } }],
  'ephemeral-storage': { time: '', usedBytes: all, inodesUsed: inodes },
});

for (const { name, signal, shared = true, stats, order } of [
  {
    name: 'of memory a pod without figures, whatever its priority',
    signal: 'memory.available',
    stats: [using('a', 100 * MI), using('b', 200 * MI)],
    order: 'c,b,a',
  },
  {
    name: 'of processes the lowest priority, then who has no figures, then who has most',
    signal: 'pid.available',
    stats: [
      { ...using('a', 0), process_stats: { process_count: 5 } },
      { ...using('b', 0), process_stats: { process_count: 9 } },
    ],
    order: 'b,a,c',
  },
  {
    name: 'of inodes who has any, before the priority',
    signal: 'nodefs.inodesFree',
    stats: [onDisk('a', { inodes: 0 }), onDisk('b', { inodes: 5 }), onDisk('c', { inodes: 1 })],
    order: 'b,c,a',
  },
  {
    name: 'of disk who has most of all',
    signal: 'nodefs.available',
    stats: [onDisk('a', { layer: 9, all: 12 }), onDisk('b', { logs: 10 }), onDisk('c', { layer: 1 })],
    order: 'a,b,c',
  },
  {
    name: 'of the rest of the disk who has most but its layers, where images have their own',
    signal: 'nodefs.available',
    shared: false,
    stats: [onDisk('a', { layer: 9, all: 12 }), onDisk('b', { logs: 10 }), onDisk('c', { layer: 1 })],
    order: 'b,a,c',
  },
  {
    name: 'of the disk of images who has the largest layers',
    signal: 'imagefs.available',
    shared: false,
    stats: [onDisk('a', { layer: 1, all: 12 }), onDisk('b', { layer: 2 }), onDisk('c', { logs: 9 })],
    order: 'b,a,c',
  },
] as const satisfies readonly { signal: Signal; [more: string]: unknown }[]) {
  test(`rankPods ends for want ${name}`, () => {
    const pods = [asking('a', ''), asking('b', ''), asking('c', '', 7)];
    const ranked = rankPods(pods, new Map(stats.map((each) => [each.podRef.uid, each])), { signal, value: '1', graceMs: 0 }, { shared });
    assert.equal(ranked.map(({ metadata }) => metadata.name).join(), order);
  });
}

test('evictionWords name threshold, what was available, and containers over their request', () => {
  assert.deepEqual(evictionWords(asking('web', '10Mi'), using('web', 64 * MI + 4096), hard, memory(50 * MI + 4096)), {
    message:
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 51204Ki. Container app was using 65540Ki, request is 10Mi, has larger consumption of memory. ',
    annotations: { offending_containers: 'app', offending_containers_usage: '65540Ki', starved_resource: 'memory' },
  });
  assert.deepEqual(evictionWords(asking('web', '100Mi'), using('web', 64 * MI), hard, memory(50 * MI)), {
    message: 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ',
    annotations: { offending_containers: '', offending_containers_usage: '', starved_resource: 'memory' },
  });
  assert.deepEqual(evictionWords(asking('web', ''), undefined, hard, {}), { message: 'The node was low on resource: memory. ' });
});

test('evictionWords count what a container was given of memory, and its layer with its logs', () => {
  const given = asking('web', '10Mi');
  const resized = { ...given, status: { ...given.status, containerStatuses: [{ name: 'app', allocatedResources: { memory: '80Mi' } }] } };
  assert.doesNotMatch(evictionWords(resized as unknown as Pod, using('web', 64 * MI), hard, {}).message, /Container/);
  const disk: Threshold = { signal: 'nodefs.available', value: '10%', graceMs: 0 };
  const observed = { 'nodefs.available': { available: 90_000, capacity: 1_000_000 } };
  assert.equal(
    evictionWords(asking('web', ''), onDisk('web', { layer: 3072, logs: 1024 }), disk, observed).message,
    'The node was low on resource: ephemeral-storage. Threshold quantity: 100000, available: 90000. Container app was using 4Ki, request is 0, has larger consumption of ephemeral-storage. ',
  );
});

test('evictionWords show counts with decimal suffixes, and shares of them as a share of bytes', () => {
  const inodes: Threshold = { signal: 'nodefs.inodesFree', value: '5%', graceMs: 0 };
  const observed = { 'nodefs.inodesFree': { available: 65_000, capacity: 6_553_600 } };
  assert.equal(
    evictionWords(asking('web', ''), undefined, inodes, observed).message,
    'The node was low on resource: inodes. Threshold quantity: 320Ki, available: 65k. ',
  );
});

test('localStorageViolation tells which limit a pod broke', () => {
  const limited = pod({
    spec: {
      volumes: [{ name: 'v', emptyDir: { sizeLimit: '10Mi' } }],
      containers: [container('app', { resources: { limits: { 'ephemeral-storage': '20Mi' } } }), container('unlimited')],
    },
  });
  const figures = using('web', 0, 5 * MI);
  assert.equal(localStorageViolation(limited, figures, ONE_DISK), undefined);
  assert.deepEqual(localStorageViolation(limited, { ...figures, volume: [{ name: 'v', time: '', usedBytes: 11 * MI }] }, ONE_DISK), {
    signal: 'emptydirfs.limit',
    message: 'Usage of EmptyDir volume "v" exceeds the limit "10Mi". ',
  });
  assert.deepEqual(localStorageViolation(limited, using('web', 0, 21 * MI), ONE_DISK), {
    signal: 'ephemeralpodfs.limit',
    message: 'Pod ephemeral local storage usage exceeds the total limit of containers 20Mi. ',
  });
  const layered = onDisk('web', { layer: 21 * MI, all: 0 });
  assert.deepEqual(localStorageViolation(limited, layered, ONE_DISK), {
    signal: 'ephemeralcontainerfs.limit',
    message: 'Container app exceeded its local ephemeral storage limit "20Mi". ',
  });
  assert.equal(localStorageViolation(limited, layered, { shared: false }), undefined, 'layers lie elsewhere');
});

function figures(availableMemory: number, disk = 500): NodeFigures {
  const fs = { capacityBytes: 1000, availableBytes: disk, inodes: 1000, inodesFree: 900 };
  return {
    usage: {
      memory: { capacity: 1000 * MI, usage: 0, workingSet: 0, available: availableMemory, rss: 0, swapTotal: 0, swapFree: 0 },
      processes: { running: 10, max: 1000 },
      cpuNanoseconds: 0,
    },
    filesystems: { node: fs, image: fs, shared: true },
  };
}

function evictionWorld(pods: readonly Pod[], stats: readonly PodSummary[], config: Partial<KubeletConfig> = {}, freed = 900) {
  const state = { figures: figures(500 * MI), reclaimed: 0, changed: 0, unreadable: undefined as Error | undefined };
  const stopped: { uid: string; graceSeconds: number | undefined; reason: string | undefined }[] = [];
  const told: string[] = [];
  const clock = new ManualClock();
  const events: KubeletEvents = {
    pod: (of, _type, reason) => void told.push(`${of.metadata.name} ${reason}`),
    container: () => {},
    node: (_type, reason, message) => void told.push(`${reason} ${message}`),
  };
  const manager = new EvictionManager({
    config: kubeletConfig({ nodeName: 'n', evictionPressureTransitionPeriod: 60_000, ...config }),
    clock,
    logger: silentLogger,
    metrics: new KubeletMetrics(),
    events,
    stats: {
      node: async () => (state.unreadable === undefined ? state.figures : Promise.reject(state.unreadable)),
      summary: async () => ({ node: { nodeName: 'n', startTime: '' }, pods: stats }),
    },
    workers: {
      stopPod: (uid, { graceSeconds, verdict }) => void stopped.push({ uid, graceSeconds, reason: verdict?.reason }),
      whenStopped: () => Promise.resolve(),
    },
    pods: () => pods,
    reclaimDisk: async () => {
      state.reclaimed++;
      state.figures = figures(500 * MI, freed);
    },
    changed: () => void state.changed++,
  });
  return { manager, state, stopped, told, clock };
}

test('EvictionManager evicts one pod when memory runs out, and shows the pressure until it is long over', async () => {
  const world = evictionWorld([asking('a', ''), asking('b', '')], [using('a', 10 * MI), using('b', 90 * MI)]);
  await world.manager.synchronize();
  assert.deepEqual([world.stopped, world.manager.pressure.memory], [[], false]);
  world.state.figures = figures(50 * MI);
  await world.manager.synchronize();
  assert.deepEqual(world.stopped, [{ uid: 'uid-b', graceSeconds: 1, reason: 'Evicted' }]);
  assert.deepEqual(world.told, ['EvictionThresholdMet Attempting to reclaim memory', 'b Evicted']);
  assert.deepEqual([world.manager.pressure.memory, world.state.changed], [true, 1]);
  world.state.figures = figures(500 * MI);
  world.clock.advance(59_000);
  await world.manager.synchronize();
  assert.equal(world.manager.pressure.memory, true);
  world.clock.advance(2000);
  await world.manager.synchronize();
  assert.deepEqual([world.manager.pressure.memory, world.stopped.length], [false, 1]);
});

test('EvictionManager waits for figures that the kernel does not give now', async () => {
  const world = evictionWorld([asking('a', '')], [using('a', 90 * MI)]);
  world.state.figures = figures(50 * MI);
  world.state.unreadable = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' });
  await world.manager.synchronize();
  assert.deepEqual([world.stopped, world.manager.pressure.memory], [[], false]);
  world.state.unreadable = undefined;
  await world.manager.synchronize();
  assert.deepEqual([world.stopped.length, world.manager.pressure.memory], [1, true]);
});

test('EvictionManager makes room on disk before it ends a pod', async () => {
  const world = evictionWorld([asking('a', '')], [using('a', 0, 100)]);
  world.state.figures = figures(500 * MI, 50);
  await world.manager.synchronize();
  assert.deepEqual([world.state.reclaimed, world.stopped.length, world.manager.pressure.disk], [1, 0, true]);
});

test('EvictionManager ends a pod for a soft threshold of disk, with the grace that the pod and the node allow', async () => {
  const soft = {
    evictionSoft: { 'nodefs.available': '20%' },
    evictionSoftGracePeriod: { 'nodefs.available': 30_000 },
    evictionMaxPodGracePeriod: 60,
  };
  const patient = asking('a', '');
  const pods = [{ ...patient, spec: { ...patient.spec, terminationGracePeriodSeconds: 45 } }];
  const world = evictionWorld(pods, [using('a', 0, 100)], soft, 150);
  world.state.figures = figures(500 * MI, 150);
  await world.manager.synchronize();
  assert.deepEqual([world.state.reclaimed, world.stopped], [0, []]);
  world.clock.advance(30_000);
  await world.manager.synchronize();
  assert.deepEqual([world.state.reclaimed, world.stopped], [1, [{ uid: 'uid-a', graceSeconds: 45, reason: 'Evicted' }]]);
});

test('EvictionManager makes room on disk until the least reclaim is free, too', async () => {
  const world = evictionWorld([asking('a', '')], [using('a', 0, 100)], { evictionMinimumReclaim: { 'nodefs.available': '10%' } }, 155);
  world.state.figures = figures(500 * MI, 50);
  await world.manager.synchronize();
  assert.deepEqual([world.state.reclaimed, world.stopped.length], [1, 1]);
});
