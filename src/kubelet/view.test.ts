import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus, Pod } from '#api/types.ts';
import { CriError } from '#cri/errors.ts';
import { parseNodeUsage } from './stats/node-usage.ts';
import { container, pod } from './testing/pods.ts';
import { startWorld } from './testing/world.ts';
import { logContainerId, LogUnavailable } from './view.ts';

const ended = (containerID: string): ContainerStatus['state'] => ({
  terminated: { exitCode: 1, startedAt: null, finishedAt: null, containerID },
});
function withState(state: ContainerStatus['state'], lastState: ContainerStatus['state'] = {}): Pod {
  return pod({
    status: {
      containerStatuses: [{ name: 'app', state, lastState, ready: false, restartCount: 0, image: '', imageID: '', containerID: 'c://now' }],
    },
  });
}
const running = { running: { startedAt: null } };

for (const [name, of, previous, want] of [
  ['a running container', withState(running), false, 'c://now'],
  ['the one before', withState(running, ended('c://before')), true, 'c://before'],
  ['the one before, when there is none', withState(running), true, 'previous terminated container "app" in pod "web" not found'],
  ['one that has ended', withState(ended('c://end')), false, 'c://end'],
  ['one that ended without a trace, and ran before', withState(ended(''), ended('c://before')), false, 'c://before'],
  ['one that is waiting to be restarted', withState({ waiting: { reason: 'CrashLoopBackOff' } }, ended('c://before')), false, 'c://before'],
  [
    'one that was never made',
    withState({ waiting: { reason: 'ContainerCreating' } }),
    false,
    'container "app" in pod "web" is waiting to start: ContainerCreating',
  ],
  [
    'one whose image fails',
    withState({ waiting: { reason: 'ErrImagePull' } }),
    false,
    'container "app" in pod "web" is waiting to start: image can\'t be pulled',
  ],
  [
    'one whose image goes on failing',
    withState({ waiting: { reason: 'ImagePullBackOff' } }),
    false,
    'container "app" in pod "web" is waiting to start: trying and failing to pull image',
  ],
  ['one that is not in the status', pod(), false, 'container "app" in pod "web" is not available'],
] as const) {
  test(`logContainerId judges ${name}`, () => {
    if (want.startsWith('c://')) assert.equal(logContainerId(of, 'app', previous), want);
    else assert.throws(() => logContainerId(of, 'app', previous), new LogUnavailable(want));
  });
}

test('the view finds pods, containers, sandboxes and logs', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web', spec: { containers: [container('app', { tty: true })] } }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  const { view } = world.kubelet;
  const found = view.pod('default', 'web');
  assert.equal(found?.status.phase, 'Running');
  assert.equal(view.pod('default', 'web', 'another-uid'), undefined);
  assert.equal(view.pod('default', 'none'), undefined);
  assert.deepEqual(
    view.pods().map(({ metadata }) => metadata.name),
    ['web'],
  );
  assert.equal(await view.runningContainer(found as Pod, 'app'), world.runtime.container('app').id);
  assert.equal(await view.runningContainer(found as Pod, 'none'), undefined);
  assert.equal(await view.readySandbox(found as Pod), world.runtime.sandboxes[0]?.id);
  assert.equal(view.hasTty(found as Pod, 'app'), true);
  const log = await view.logTarget(found as Pod, 'app', false);
  assert.deepEqual([log.containerId, log.running], [world.runtime.container('app').id, true]);
  assert.match(log.path, /\/logs\/default_web_uid-web\/app\/0\.log$/);
});

test('the view sums up what node, pods and containers use', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  const { id } = world.runtime.container('app');
  const usage = (seconds: number): void =>
    world.runtime.setUsage(id, {
      cpu: { timestamp: BigInt(world.clock.now()) * 1_000_000n, usageCoreNanoSeconds: { value: seconds * 1e9 } },
      memory: { timestamp: BigInt(world.clock.now()) * 1_000_000n, workingSetBytes: { value: 4096 } },
    });
  usage(1);
  await world.kubelet.view.summary();
  world.clock.advance(10_000);
  usage(6);
  const { node, pods } = await world.kubelet.view.summary();
  assert.equal(node.nodeName, 'node');
  assert.ok((node.fs?.capacityBytes ?? 0) > 0 && (node.memory?.availableBytes ?? 0) > 0);
  const [web] = pods;
  assert.deepEqual(web?.podRef, { name: 'web', namespace: 'default', uid: 'uid-web' });
  assert.deepEqual(
    [web?.containers[0]?.name, web?.containers[0]?.cpu?.usageNanoCores, web?.containers[0]?.memory?.workingSetBytes],
    ['app', 500_000_000, 4096],
  );
});

test('a sandbox that goes while figures are taken does not take those of other pods with it', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web', spec: { containers: [container('app')] } }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  const summed = async (failures: number): Promise<readonly string[]> => {
    let left = failures;
    Object.assign(world.runtime.runtime, {
      async listPodSandboxStats() {
        if (left-- <= 0) return { stats: [{ attributes: { metadata: { uid: 'uid-web' } }, linux: { containers: [] } }] };
        throw new CriError({ code: 'NotFound', details: 'no metrics: task not found', method: 'ListPodSandboxStats' });
      },
    });
    world.clock.advance(60_000);
    return (await world.kubelet.view.summary()).pods.map(({ podRef }) => podRef.name);
  };
  assert.deepEqual(await summed(1), ['web']);
  assert.deepEqual(await summed(20), ['web']);
});

test('parseNodeUsage counts as available what the kernel can give back at once', () => {
  const usage = parseNodeUsage({
    meminfo: 'MemTotal: 1000 kB\nMemFree: 200 kB\nInactive(file): 300 kB\nAnonPages: 100 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n',
    loadavg: '0.1 0.2 0.3 2/345 678\n',
    pidMax: '4194304\n',
    threadsMax: '1000\n',
    stat: 'cpu  100 0 50 900 10 1 2 0 0 0\ncpu0 1 2 3\n',
  });
  assert.deepEqual([usage.memory.workingSet, usage.memory.available], [500 * 1024, 500 * 1024]);
  assert.deepEqual(usage.processes, { running: 345, max: 1000 });
  assert.equal(usage.cpuNanoseconds, 153 * 10_000_000);
});
