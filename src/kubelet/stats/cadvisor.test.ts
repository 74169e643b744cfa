import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CgroupFigures } from '../cgroups/figures.ts';
import { cadvisorMetrics } from '../server/metrics/cadvisor.ts';
import { devicesOf } from '../server/metrics/device-names.ts';
import { pod } from '../testing/pods.ts';
import { cadvisorSubjects } from './cadvisor.ts';
import { interfacesOf } from './net-dev.ts';

const TIME = '2026-01-01T00:00:00Z';
const NOW = Date.parse(TIME);

const figures = (quota?: number): CgroupFigures => ({
  cpu: { usage: 2.5, user: 2, system: 0.5, periods: 40, throttledPeriods: 4, throttled: 3 },
  memory: {
    usage: 9,
    workingSet: 8,
    cache: 7,
    rss: 6,
    swap: 5,
    mappedFile: 4,
    pageFaults: 3,
    majorPageFaults: 2,
    failures: 1,
    oomKills: 0,
  },
  io: [{ major: '253', minor: '0', readBytes: 4096, writeBytes: 8192, reads: 1, writes: 2 }],
  threads: 6,
  limits: { cpuShares: 512, cpuPeriod: 100_000, memory: 128, ...(quota === undefined ? {} : { cpuQuota: quota }) },
});

const WEB = pod({ name: 'web' });
const PARENT = '/kubepods/poduid-web';
const RUNTIME = {
  ...{ uid: 'uid-web', name: 'web', namespace: 'default', ips: [], observedAt: 0 },
  sandboxes: [{ id: 'box', attempt: 0, ready: true, createdAt: NOW, ips: [], hostNetwork: false }],
  containers: [
    { id: 'now', name: 'app', state: 'running', image: 'programs:1', startedAt: NOW - 5000 },
    { id: 'before', name: 'app', state: 'exited', image: 'programs:1', startedAt: 0 },
  ],
} as never;

const subjects = () =>
  cadvisorSubjects({
    cgroups: {
      groups: () => ['/kubepods'],
      parentOf: () => PARENT,
      containerOf: (_, id: string) => `/kubepods/poduid-web/${id}`,
      figures: async (name) => (name === `${PARENT}/box` ? undefined : figures(name === `${PARENT}/now` ? 50_000 : undefined)),
      pids: async (name) => (name === `${PARENT}/now` ? [1, 2, 3] : []),
    },
    pods: [WEB, pod({ name: 'not-yet' })],
    runtimePod: (uid) => (uid === 'uid-web' ? RUNTIME : undefined),
    summary: {
      node: { nodeName: 'n', startTime: TIME, memory: { time: TIME, workingSetBytes: 77 } },
      pods: [
        {
          podRef: { name: 'web', namespace: 'default', uid: 'uid-web' },
          startTime: TIME,
          containers: [{ name: 'app', startTime: TIME, rootfs: { time: TIME, usedBytes: 11 } }],
        },
      ],
    },
    now: NOW,
  });

test('cadvisorSubjects are the machine, the groups, and of each pod itself, its sandbox and what runs in it', async () => {
  assert.deepEqual(
    (await subjects()).map(({ labels: { id, pod: of, container } }) => `${id} ${of} ${container}`.trimEnd()),
    ['/', '/kubepods', `${PARENT} web`, `${PARENT}/box web`, `${PARENT}/now web app`],
  );
});

test('cadvisorMetrics has the figures that dashboards ask for', async () => {
  const machine = { cpus: 2, memory: 1, swap: 0, ids: { boot_id: 'b', machine_id: 'm', system_uuid: 's' } };
  const families = cadvisorMetrics(await subjects(), machine, (major, minor) => `/dev/vd${major}-${minor}`);
  const of = (name: string) =>
    families
      .find((family) => family.name === name)
      ?.samples.filter(({ labels }) => labels['container'] === 'app')
      .map(({ value, labels }) => [value, labels['device'] ?? labels['failure_type'] ?? '']);
  for (const [name, ...want] of [
    ['container_cpu_usage_seconds_total', [2.5, '']],
    ['container_cpu_cfs_throttled_periods_total', [4, '']],
    ['container_memory_cache', [7, '']],
    ['container_memory_failures_total', [3, 'pgfault'], [2, 'pgmajfault']],
    ['container_fs_usage_bytes', [11, '']],
    ['container_fs_reads_bytes_total', [4096, '/dev/vd253-0']],
    ['container_processes', [3, '']],
    ['container_threads', [6, '']],
    ['container_spec_cpu_quota', [50_000, '']],
    ['container_start_time_seconds', [NOW / 1000 - 5, '']],
  ] as const)
    assert.deepEqual(of(name), want, name);
  const all = (name: string): readonly string[] =>
    families.find((family) => family.name === name)?.samples.map(({ labels }) => labels['id'] ?? '') ?? [];
  assert.deepEqual(all('container_cpu_cfs_periods_total'), [`${PARENT}/now`], 'of those alone that have a quota');
  assert.deepEqual(all('container_memory_working_set_bytes'), ['/', '/kubepods', PARENT, `${PARENT}/now`]);
});

test('interfacesOf reads what interfaces carried, without those that are of no interest', () => {
  const head = 'Inter-|   Receive                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes\n';
  const row = (name: string): string =>
    `  ${name}:     100       7    1    2    0     0          0         0      200      8    3    4    0     0       0          0\n`;
  assert.deepEqual(interfacesOf(head + row('lo') + row('eth0') + row('veth12ab')), [
    {
      name: 'eth0',
      received: { bytes: 100, packets: 7, errors: 1, dropped: 2 },
      transmitted: { bytes: 200, packets: 8, errors: 3, dropped: 4 },
    },
  ]);
  assert.deepEqual(interfacesOf(''), []);
});

test('devicesOf names devices by their numbers', () => {
  const names = devicesOf('major minor  #blocks  name\n\n 253        0  264241152 vda\n   7        1       4096 loop1\n');
  assert.deepEqual(
    [...names],
    [
      ['253:0', '/dev/vda'],
      ['7:1', '/dev/loop1'],
    ],
  );
});
