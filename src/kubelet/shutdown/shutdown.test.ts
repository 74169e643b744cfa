// The end of a node: pods by priority, the machine held up over a real bus with a logind of the test's own.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { eventually } from '#test/harness/eventually.ts';
import { kubeletConfig, type KubeletConfig } from '../configuration/config.ts';
import { serve, startBus } from '../systemd/testing/bus.ts';
import { variant } from '../systemd/dbus-values.ts';
import { container, pod } from '../testing/pods.ts';
import { startWorld } from '../testing/world.ts';
import { connectLogind, type InhibitLock, type Logind, LogindError } from './logind.ts';
import { shutdownGroups, shutdownPeriods, totalPeriod } from './shutdown-plan.ts';

const CRITICAL = 2_000_000_000;
const periodsOf = (settings: Partial<KubeletConfig>) => shutdownPeriods(kubeletConfig({ nodeName: 'node', ...settings }));
const period = (priority: number, shutdownGracePeriodSeconds: number) => ({ priority, shutdownGracePeriodSeconds });

// Source: nodeshutdown_manager_linux_test.go Test_migrateConfig, Test_groupByPriority.
for (const [settings, periods] of [
  [{}, []],
  [{ shutdownGracePeriod: 300_000, shutdownGracePeriodCriticalPods: 120_000 }, [period(0, 180), period(CRITICAL, 120)]],
  [{ shutdownGracePeriod: 100_000 }, [period(0, 100), period(CRITICAL, 0)]],
  [{ shutdownGracePeriodByPodPriority: [period(10, 5), period(-5, 7)] }, [period(-5, 7), period(10, 5)]],
] as const) {
  test(`shutdownPeriods of ${JSON.stringify(settings)}`, () => assert.deepEqual(periodsOf(settings), periods));
}

test('shutdownGroups takes the group that is not above the pod, and the lowest for those below all', () => {
  const pods = [1000, 1, 4, 0, -10, CRITICAL].map((priority) => pod({ name: `p${priority}`, spec: { priority } }));
  const periods = [period(0, 10), period(4, 20), period(1000, 30)];
  assert.deepEqual(
    shutdownGroups(periods, pods).map(({ graceSeconds, pods: own }) => [graceSeconds, own.map(({ metadata }) => metadata.name)]),
    [
      [10, ['p1', 'p0', 'p-10']],
      [20, ['p4']],
      [30, ['p1000', `p${CRITICAL}`]],
    ],
  );
  assert.deepEqual(shutdownGroups(periods, []), []);
  assert.equal(totalPeriod(periods), 60_000);
});

test('logind is told to wait, and tells when the machine goes down', async (t) => {
  const socket = await startBus(t);
  const folder = temporaryFolder(t);
  let delay = 5_000_000n;
  const name = 'org.freedesktop.login1';
  const at = { path: '/org/freedesktop/login1', interface: `${name}.Manager` };
  const logind = await serve(t, socket, name, (member) => (member === 'Get' ? { signature: 'v', body: [variant('t', delay)] } : undefined));
  const systemd = await serve(t, socket, 'org.freedesktop.systemd1', () => {
    delay = 30_000_000n;
    return undefined;
  });
  const program = join(folder, 'inhibit');
  writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder}/asked\nfor last; do :; done\n"$last"\necho over > ${folder}/over\n`);
  chmodSync(program, 0o755);
  const client = await connectLogind({ clock: systemClock, socket, configFolder: join(folder, 'conf'), program });
  t.after(() => client.close());

  assert.equal(await client.inhibitDelay(), 5000);
  await client.overrideInhibitDelay(30_000);
  assert.equal(await client.inhibitDelay(), 30_000);
  assert.equal(
    readFileSync(join(folder, 'conf', '99-kubelet.conf'), 'utf8'),
    '# Kubelet logind override\n[Login]\nInhibitDelayMaxSec=30\n',
  );
  assert.deepEqual(systemd.calls, [['KillUnit', ['systemd-logind.service', 'all', 1]]]);
  assert.deepEqual(logind.calls[0], ['Get', [`${name}.Manager`, 'InhibitDelayMaxUSec']]);

  const lock = await client.inhibit();
  assert.deepEqual(readFileSync(join(folder, 'asked'), 'utf8').split('\n'), [
    '--what=shutdown',
    '--who=kubelet',
    '--why=Kubelet needs time to handle node shutdown',
    '--mode=delay',
    'cat',
    '',
  ]);
  assert.ok(!existsSync(join(folder, 'over')));
  lock.release();
  await eventually(async () => assert.ok(existsSync(join(folder, 'over')), 'the lock is given back'));

  const seen: boolean[] = [];
  await client.followShutdown((active) => void seen.push(active));
  for (const active of [true, false]) logind.emit({ ...at, member: 'PrepareForShutdown', signature: 'b', body: [active] });
  await eventually(async () => assert.deepEqual(seen, [true, false]));
});

test('a machine that cannot be held up says why', async (t) => {
  const socket = await startBus(t);
  const program = join(temporaryFolder(t), 'inhibit');
  const client = await connectLogind({ clock: systemClock, socket, program });
  t.after(() => client.close());
  await assert.rejects(
    client.inhibit(),
    (error) => error instanceof LogindError && /failed creating systemd inhibitor: spawn .* ENOENT/.test(error.message),
  );
  writeFileSync(program, '#!/bin/sh\necho Access denied >&2\nexit 1\n');
  chmodSync(program, 0o755);
  await assert.rejects(client.inhibit(), new LogindError('failed creating systemd inhibitor: Access denied'));
});

/** A logind that does what it is told. */
class FakeLogind implements Logind {
  readonly ended = new Promise<void>(() => {});
  held = 0;
  delay = 5000;
  tell: (active: boolean) => void = () => {};

  inhibitDelay = async (): Promise<number> => this.delay;
  overrideInhibitDelay = async (ms: number): Promise<void> => {
    this.delay = ms;
  };
  followShutdown = async (seen: (active: boolean) => void): Promise<void> => {
    this.tell = seen;
  };
  close = (): void => {};
  inhibit = async (): Promise<InhibitLock> => {
    this.held++;
    let released = false;
    return {
      release: () => {
        if (!released) this.held--;
        released = true;
      },
    };
  };
}

test('pods end by priority before the machine does, and none is taken any more', async (t) => {
  const logind = new FakeLogind();
  const world = await startWorld(t, {
    config: { shutdownGracePeriod: 30_000, shutdownGracePeriodCriticalPods: 10_000 },
    logind: async () => logind,
  });
  assert.deepEqual([logind.held, logind.delay], [1, 30_000]);
  world.bind(pod({ name: 'web', spec: { terminationGracePeriodSeconds: 60, containers: [container('web')] } }));
  world.runtime.behave('web', { onTerm: 'ignore' });
  world.bind(pod({ name: 'core', spec: { priority: CRITICAL, containers: [container('core')] } }));
  for (const name of ['web', 'core']) await world.until(() => world.pod(name).status.phase === 'Running', `${name} runs`);

  logind.tell(true);
  await world.until(
    () => world.node().status.conditions?.find(({ type }) => type === 'Ready')?.status === 'False',
    'the node is not ready',
  );
  const ready = world.node().status.conditions?.find(({ type }) => type === 'Ready');
  assert.deepEqual([ready?.reason, ready?.message], ['KubeletNotReady', 'node is shutting down']);
  const stops = (): readonly unknown[] =>
    world.runtime.calls.filter(({ method }) => method === 'stopContainer').map(({ request }) => Number(request['timeout']));
  await world.until(() => stops().length === 1, 'web is stopped first');
  assert.deepEqual(stops(), [20]);
  assert.equal(logind.held, 1);
  await world.advanceUntil(() => logind.held === 0, 30_000, 'the machine may go');
  assert.deepEqual(stops(), [20, 10]);
  for (const name of ['web', 'core']) {
    const { phase, reason, message, conditions } = world.pod(name).status;
    const words = 'Pod was terminated in response to imminent node shutdown.';
    assert.deepEqual([phase, reason, message], ['Failed', 'Terminated', words]);
    const disruption = conditions?.find(({ type }) => type === 'DisruptionTarget');
    assert.deepEqual([disruption?.reason, disruption?.message], ['TerminationByKubelet', words]);
  }
  assert.ok(world.told('node').includes('NodeShutdown Shutdown manager detected shutdown event'));
  world.bind(pod({ name: 'late' }));
  await world.until(() => world.pod('late').status.phase === 'Failed', 'late is refused');
  assert.deepEqual(
    [world.pod('late').status.reason, world.pod('late').status.message],
    ['NodeShutdown', 'Pod was rejected: Pod was rejected as the node is shutting down.'],
  );
  assert.match(world.kubelet.view.figures(), /^kubelet_graceful_shutdown_end_time_seconds [1-9]/m);

  logind.tell(false);
  await world.until(() => world.node().status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True', 'the node is back');
  assert.equal(logind.held, 1);
  world.bind(pod({ name: 'next' }));
  await world.until(() => world.pod('next').status.phase === 'Running', 'next runs');
});
