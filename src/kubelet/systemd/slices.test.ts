import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { connectBus } from './dbus.ts';
import { type Value, variant } from './dbus-values.ts';
import { lastPart, parentSlice, sliceName, slicePath, sliceProperties } from './slice-names.ts';
import { Slices } from './slices.ts';
import { type Reply, serve, type Service, startBus } from './testing/bus.ts';

for (const [name, slice, path] of [
  ['/', '-.slice', '/'],
  ['/kubepods', 'kubepods.slice', '/kubepods.slice'],
  ['/kubepods/burstable', 'kubepods-burstable.slice', '/kubepods.slice/kubepods-burstable.slice'],
  [
    '/kubepods/burstable/pod12-34',
    'kubepods-burstable-pod12_34.slice',
    '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice',
  ],
  // Source: cgroup_manager_linux_test.go
  ['/test-a/test-b', 'test_a-test_b.slice', '/test_a.slice/test_a-test_b.slice'],
  ['/test-a.slice/test-b', 'a-test_b.slice', '/a.slice/a-test_b.slice'],
  ['/system.slice/kubepods', 'system-kubepods.slice', '/system.slice/system-kubepods.slice'],
] as const) {
  test(`sliceName of ${name}`, () => assert.deepEqual([sliceName(name), slicePath(name)], [slice, path]));
}

test('lastPart and parentSlice take slices apart', () => {
  assert.equal(lastPart('kubepods-burstable-pod12_34.slice'), 'pod12-34');
  assert.equal(lastPart('pod12-34'), 'pod12-34');
  assert.equal(parentSlice('kubepods-burstable-pod12_34.slice'), 'kubepods-burstable.slice');
  assert.equal(parentSlice('kubepods.slice'), undefined);
});

test('sliceProperties are those of the version of cgroups', () => {
  const limits = { cpuShares: 1024, cpuQuota: 12_345, cpuPeriod: 100_000, memory: 1 << 20, pids: 100 };
  const shared = [
    ['CPUQuotaPeriodUSec', variant('t', 100_000n)],
    ['CPUQuotaPerSecUSec', variant('t', 130_000n)],
  ];
  assert.deepEqual(sliceProperties(limits, 2), [
    ['CPUWeight', variant('t', 100n)],
    ...shared,
    ['MemoryMax', variant('t', 1048576n)],
    ['TasksMax', variant('t', 100n)],
  ]);
  assert.deepEqual(sliceProperties(limits, 1), [
    ['CPUShares', variant('t', 1024n)],
    ...shared,
    ['MemoryLimit', variant('t', 1048576n)],
    ['TasksMax', variant('t', 100n)],
  ]);
  const none = 2n ** 64n - 1n;
  assert.deepEqual(
    sliceProperties({ cpuQuota: -1, memory: -1 }, 2).map(([, { value }]) => value),
    [100_000n, none, none],
  );
  assert.deepEqual(sliceProperties({}, 2), []);
});

const PATH = '/org/freedesktop/systemd1';
const MANAGER = 'org.freedesktop.systemd1.Manager';

/** A systemd that ends each job as `result` says, before or after it tells of it. */
async function systemd(
  t: TestContext,
  { result = 'done', first = 'answer', error }: { result?: string; first?: 'answer' | 'signal'; error?: Reply } = {},
) {
  const socket = await startBus(t);
  let jobs = 0;
  const service: Service = await serve(t, socket, 'org.freedesktop.systemd1', (member, [unit]) => {
    if (member !== 'StartTransientUnit' && member !== 'StopUnit') return undefined;
    if (error !== undefined) return error;
    const job = `${PATH}/job/${++jobs}`;
    const end = (): void =>
      service.emit({ path: PATH, interface: MANAGER, member: 'JobRemoved', signature: 'uoss', body: [jobs, job, unit as Value, result] });
    if (first === 'signal') end();
    else setImmediate(end);
    return { signature: 'o', body: [job] };
  });
  const slices = new Slices({ connect: () => connectBus(systemClock, socket), clock: systemClock, version: 2 });
  t.after(() => slices.close());
  return { service, slices, socket };
}

for (const first of ['answer', 'signal'] as const) {
  test(`start resolves when the job is done, told by ${first} first`, async (t) => {
    const { service, slices } = await systemd(t, { first });
    await slices.start('kubepods-burstable.slice', { cpuShares: 2 });
    assert.deepEqual(service.calls, [
      ['Subscribe', []],
      [
        'StartTransientUnit',
        [
          'kubepods-burstable.slice',
          'replace',
          [
            ['Description', variant('s', 'libcontainer container kubepods-burstable.slice')],
            ['Wants', variant('as', ['kubepods.slice'])],
            ['MemoryAccounting', variant('b', true)],
            ['CPUAccounting', variant('b', true)],
            ['IOAccounting', variant('b', true)],
            ['TasksAccounting', variant('b', true)],
            ['DefaultDependencies', variant('b', false)],
            ['CPUWeight', variant('t', 1n)],
          ],
          [],
        ],
      ],
    ]);
  });
}

test('a slice that is there gets its limits', async (t) => {
  const { service, slices } = await systemd(t, { error: { errorName: 'org.freedesktop.systemd1.UnitExists', message: 'exists' } });
  await slices.start('kubepods.slice', { memory: 4096 });
  assert.deepEqual(service.calls.at(-1), ['SetUnitProperties', ['kubepods.slice', true, [['MemoryMax', variant('t', 4096n)]]]]);
  const before = service.calls.length;
  await slices.set('kubepods.slice', {});
  assert.equal(service.calls.length, before, 'nothing is nothing to set');
});

test('a job that does not end well fails', async (t) => {
  const { slices } = await systemd(t, { result: 'failed' });
  await assert.rejects(slices.start('kubepods.slice', {}), /error StartTransientUnit of unit kubepods.slice: got `failed`/);
});

test('stop minds no slice that is not there', async (t) => {
  const { service, slices } = await systemd(t, { error: { errorName: 'org.freedesktop.systemd1.NoSuchUnit', message: 'not loaded' } });
  await slices.stop('kubepods.slice');
  assert.deepEqual(service.calls.at(-1), ['ResetFailedUnit', ['kubepods.slice']]);
});

test('a connection that was lost is made anew for the next call', async (t) => {
  const { service, slices } = await systemd(t);
  await slices.set('kubepods.slice', { pids: 5 });
  const subscriptions = (): number => service.calls.filter(([member]) => member === 'Subscribe').length;
  assert.equal(subscriptions(), 1);
  slices.close();
  await assert.rejects(slices.set('kubepods.slice', { pids: 6 }), { message: 'dbus: connection closed' });
  await slices.set('kubepods.slice', { pids: 6 });
  assert.equal(subscriptions(), 2);
});
