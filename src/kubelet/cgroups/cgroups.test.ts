import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Pod } from '#api/types.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { container, pod } from '../testing/pods.ts';
import { type CgroupDriver, cgroupfsDriver, systemdDriver } from './cgroup-driver.ts';
import { QosCgroupManager } from './cgroup-manager.ts';
import { CgroupError } from './errors.ts';
import { CgroupHierarchy, detectLayout, type CgroupLayout } from './hierarchy.ts';
import { burstableShares, compareLimits, podCgroupLimits, weightOf } from './limits.ts';

const V1 = '/sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct';

test('detectLayout finds version 1, version 2, and the controllers of a hybrid machine', () => {
  const line = (path: string, type: string, options: string): string => `1 2 0:1 / ${path} rw - ${type} cgroup ${options}\n`;
  const v2 = line('/sys/fs/cgroup', 'cgroup2', 'rw,nsdelegate');
  assert.deepEqual(detectLayout(v2), { version: 2, root: '/sys/fs/cgroup' });
  const v1 = line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct') + line('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory');
  const hybrid = detectLayout(v1 + line('/sys/fs/cgroup/unified', 'cgroup2', 'rw'));
  assert.equal(hybrid.version, 1);
  assert.deepEqual(hybrid.version === 1 && [...hybrid.roots], [
    ['cpu', '/sys/fs/cgroup/cpu,cpuacct'],
    ['cpuacct', '/sys/fs/cgroup/cpu,cpuacct'],
    ['memory', '/sys/fs/cgroup/memory'],
    ['', '/sys/fs/cgroup/unified'],
  ]);
  assert.throws(() => detectLayout(V1.replaceAll('cgroup', 'other')), CgroupError);
});

function fakeLayout(t: TestContext, version: 1 | 2): CgroupLayout {
  const root = temporaryFolder(t);
  if (version === 2) {
    writeFileSync(join(root, 'cgroup.controllers'), 'cpuset cpu io memory pids');
    writeFileSync(join(root, 'cgroup.subtree_control'), 'memory');
    return { version, root };
  }
  const roots = new Map(
    ['cpu', 'cpuacct', 'memory', 'pids', 'cpuset', ''].map((name) => [name, join(root, name === '' ? 'unified' : name)]),
  );
  for (const path of roots.values()) mkdirSync(path);
  return { version, roots };
}

function manager(layout: CgroupLayout, cgroupRoot = '/', driver: CgroupDriver = cgroupfsDriver): QosCgroupManager {
  const settings = { cgroupRoot, cpuCFSQuota: true, podPidsLimit: 100, allocatable: { cpu: 2000, memory: 2 ** 30 } };
  return new QosCgroupManager({
    hierarchy: new CgroupHierarchy(layout),
    driver,
    settings,
    clock: systemClock,
    logger: silentLogger,
    metrics: new KubeletMetrics(),
    kill: () => {},
  });
}

const sized = (name: string, requests: Record<string, string>, limits: Record<string, string>, qosClass: Pod['status']['qosClass']): Pod =>
  pod({ name, spec: { containers: [container('app', { resources: { requests, limits } })] }, status: { qosClass } });
const burstable = sized('b', { cpu: '500m' }, { cpu: '1', memory: '64Mi' }, 'Burstable');
const guaranteed = sized('g', { cpu: '1', memory: '64Mi' }, { cpu: '1', memory: '64Mi' }, 'Guaranteed');

test('pods have their cgroup below their class', (t) => {
  const cgroups = manager(fakeLayout(t, 1), '/proa/worker-1/');
  assert.equal(cgroups.parentOf(guaranteed), '/proa/worker-1/kubepods/poduid-g');
  assert.equal(cgroups.parentOf(burstable), '/proa/worker-1/kubepods/burstable/poduid-b');
  assert.equal(cgroups.parentOf(pod()), '/proa/worker-1/kubepods/besteffort/poduid-web');
});

test('limits of a pod follow its class and whether all containers have limits', () => {
  const settings = { cpuCFSQuota: true, podPidsLimit: -1 };
  assert.deepEqual(podCgroupLimits(guaranteed, settings), { cpuShares: 1024, cpuQuota: 100_000, cpuPeriod: 100_000, memory: 64 * 2 ** 20 });
  assert.deepEqual(podCgroupLimits(burstable, settings), { cpuShares: 512, cpuQuota: 100_000, cpuPeriod: 100_000, memory: 64 * 2 ** 20 });
  assert.deepEqual(podCgroupLimits(sized('n', { cpu: '500m' }, {}, 'Burstable'), settings), { cpuShares: 512 });
  assert.deepEqual(podCgroupLimits(pod(), { ...settings, podPidsLimit: 50 }), { cpuShares: 2, pids: 50 });
  assert.equal(podCgroupLimits(guaranteed, { ...settings, cpuCFSQuota: false }).cpuQuota, undefined);
});

test('burstableShares adds up what burstable pods ask for', () => {
  assert.equal(burstableShares([burstable, burstable, guaranteed, pod()]), 1024);
  assert.equal(burstableShares([]), 2);
});

for (const [shares, weight] of [
  [2, 1],
  [1024, 100],
  [262_144, 10_000],
] as const) {
  test(`weightOf gives ${weight} for ${shares} shares`, () => assert.equal(weightOf(shares), weight));
}

test('weightOf rises with the shares', () => {
  let before = 0;
  for (let shares = 2; shares <= 262_144; shares *= 2) {
    assert.ok(weightOf(shares) >= before);
    before = weightOf(shares);
  }
});

test('version 1: cgroups are made in each controller, limited, and removed from all', async (t) => {
  const layout = fakeLayout(t, 1);
  const root = layout.version === 1 ? (layout.roots.get('cpu')?.slice(0, -'/cpu'.length) ?? '') : '';
  const cgroups = manager(layout);
  assert.equal(await cgroups.start(), undefined);
  await cgroups.ensurePod(burstable);
  const at = (controller: string, file = ''): string => join(root, controller, 'kubepods/burstable/poduid-b', file);
  assert.equal(readFileSync(at('cpu', 'cpu.shares'), 'utf8'), '512');
  assert.equal(readFileSync(at('cpu', 'cpu.cfs_quota_us'), 'utf8'), '100000');
  assert.equal(readFileSync(at('memory', 'memory.limit_in_bytes'), 'utf8'), String(64 * 2 ** 20));
  assert.equal(readFileSync(at('pids', 'pids.max'), 'utf8'), '100');
  assert.equal(readFileSync(join(root, 'memory/kubepods/memory.limit_in_bytes'), 'utf8'), String(2 ** 30));
  assert.equal(readFileSync(join(root, 'cpu/kubepods/besteffort/cpu.shares'), 'utf8'), '2');
  await cgroups.updateClasses([burstable]);
  assert.equal(readFileSync(join(root, 'cpu/kubepods/burstable/cpu.shares'), 'utf8'), '512');
});

test('version 2: controllers are handed down, limits are weights and maxima', async (t) => {
  const layout = fakeLayout(t, 2);
  const root = layout.version === 2 ? layout.root : '';
  const cgroups = manager(layout);
  await new CgroupHierarchy(layout).create('/kubepods');
  assert.equal(readFileSync(join(root, 'cgroup.subtree_control'), 'utf8'), '+cpu +pids +cpuset +io');
  await cgroups.ensurePod(guaranteed);
  const read = (file: string): string => readFileSync(join(root, 'kubepods/poduid-g', file), 'utf8');
  assert.deepEqual(
    [read('cpu.weight'), read('cpu.max'), read('memory.max'), read('pids.max')],
    ['100', '100000 100000', String(64 * 2 ** 20), '100'],
  );
});

for (const version of [1, 2] as const) {
  test(`version ${version}: what a pod would get is compared with what its cgroup has`, async (t) => {
    const cgroups = manager(fakeLayout(t, version));
    await cgroups.ensurePod(guaranteed);
    assert.deepEqual(await cgroups.compare(guaranteed, cgroups.limitsOf(guaranteed)), { grows: {}, shrinks: {} });
    const other = { cpuShares: 2048, cpuQuota: 50_000, cpuPeriod: 100_000, memory: 32 * 2 ** 20 };
    assert.deepEqual(await cgroups.compare(guaranteed, other), {
      grows: { cpuShares: 2048 },
      shrinks: { cpuQuota: 50_000, cpuPeriod: 100_000, memory: 32 * 2 ** 20 },
    });
    await cgroups.limitPod(guaranteed, { cpuQuota: -1, cpuPeriod: 100_000 });
    assert.deepEqual(await cgroups.compare(guaranteed, { cpuQuota: -1 }), { grows: {}, shrinks: {} });
  });
}

test('compareLimits takes a first limit for less, and no limit for more', () => {
  const now = { share: 2, quota: Infinity, memory: 1000 };
  assert.deepEqual(compareLimits({ cpuQuota: 10_000, memory: -1 }, now, 1), { grows: { memory: -1 }, shrinks: { cpuQuota: 10_000 } });
});

test('orphaned pod cgroups are removed, known ones stay', async (t) => {
  const layout = fakeLayout(t, 1);
  const roots = layout.version === 1 ? [...layout.roots.values()] : [];
  const cgroups = manager(layout);
  for (const uid of ['gone', 'here'])
    for (const root of roots) mkdirSync(join(root, 'kubepods/burstable', `pod${uid}`, 'container'), { recursive: true });
  await cgroups.cleanOrphans(new Set(['here']));
  for (const root of roots) {
    assert.equal(existsSync(join(root, 'kubepods/burstable/podgone')), false);
    assert.equal(existsSync(join(root, 'kubepods/burstable/podhere/container')), true);
  }
});

test('a machine where no cgroup can be made says so in one line', async () => {
  const problem = await manager({ version: 2, root: '/proc/version' }).start();
  assert.match(problem ?? '', /^Failed to start ContainerManager cannot create cgroup \/proc\/version\/kubepods: /);
});

test('systemd: slices are started with their limits, which lie in the file system too, and stopped before they are removed', async (t) => {
  const layout = fakeLayout(t, 2);
  const root = layout.version === 2 ? layout.root : '';
  const asked: (readonly [string, string, object?])[] = [];
  const driver = systemdDriver(
    {
      start: async (unit, limits) => void asked.push(['start', unit, limits]),
      set: async (unit, limits) => void asked.push(['set', unit, limits]),
      stop: async (unit) => void asked.push(['stop', unit]),
    },
    'containerd',
  );
  const cgroups = manager(layout, '/', driver);
  const folder = 'kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poduid_b.slice';
  assert.equal(cgroups.parentOf(burstable), `/${folder}`);
  assert.equal(cgroups.containerOf(burstable, 'c1'), `/${folder}/cri-containerd-c1.scope`);
  assert.equal(await cgroups.start(), undefined);
  await cgroups.ensurePod(burstable);
  await cgroups.updateClasses([burstable]);
  const limits = { cpuShares: 512, cpuQuota: 100_000, cpuPeriod: 100_000, memory: 64 * 2 ** 20, pids: 100 };
  assert.deepEqual(asked, [
    ['start', 'kubepods.slice', { cpuShares: 2048, memory: 2 ** 30 }],
    ['start', 'kubepods-burstable.slice', {}],
    ['start', 'kubepods-besteffort.slice', { cpuShares: 2 }],
    ['start', 'kubepods-burstable-poduid_b.slice', limits],
    ['set', 'kubepods-burstable.slice', { cpuShares: 512 }],
  ]);
  assert.equal(readFileSync(join(root, folder, 'memory.max'), 'utf8'), String(64 * 2 ** 20));
  for (const file of ['cpu.weight', 'cpu.max', 'memory.max', 'pids.max']) rmSync(join(root, folder, file)); // the kernel's go with the folder
  await cgroups.cleanOrphans(new Set(['uid-b']));
  assert.ok(existsSync(join(root, folder)), 'of a pod that is known');
  await cgroups.cleanOrphans(new Set());
  assert.deepEqual(asked.at(-1), ['stop', 'kubepods-burstable-poduid_b.slice']);
  assert.ok(!existsSync(join(root, folder)));
});
