// Device plugins from their registration to the container: a kubelet over a fake API and a fake runtime, plugins over real sockets.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { Connection } from '#cri/connection.ts';
import type { ContainerConfig } from '#cri/gen/objects.ts';
import type { Pod } from '#api/types.ts';
import { ask, pluginCall } from '../plugins/plugin-api.ts';
import { POD_RESOURCES_SERVICE, podResourcesCodec, type PodResources } from '../pod-resources/api.ts';
import { container, pod } from '../testing/pods.ts';
import { startWorld, type World } from '../testing/world.ts';
import { type FakeDeviceOptions, type FakeDevicePlugin, startDevicePlugin } from './testing.ts';

const CARD = 'vendor.test/card';

interface Site extends World {
  plugin(options?: Partial<FakeDeviceOptions>): Promise<FakeDevicePlugin>;
  /** As containers were created, by name. */
  readonly configs: ReadonlyMap<string, ContainerConfig>;
}

async function site(t: TestContext): Promise<Site> {
  const world = await startWorld(t);
  const configs = new Map<string, ContainerConfig>();
  world.runtime.intercept('createContainer', ({ config }: { readonly config?: ContainerConfig }) => {
    if (config !== undefined) configs.set(config.metadata?.name ?? '', config);
  });
  const folder = join(world.folder, 'root', 'device-plugins');
  return Object.assign(world, { configs, plugin: (options = {}) => startDevicePlugin(t, { folder, ...options }) });
}

const cards = (count: number, more: Parameters<typeof container>[1] = {}) => ({
  resources: { limits: { [CARD]: String(count) }, requests: { [CARD]: String(count) } },
  ...more,
});

const using = (name: string, count: number, more: Partial<Pod['spec']> = {}): Pod =>
  pod({ name, spec: { restartPolicy: 'Never', containers: [container(name, cards(count))], ...more } });

/** Capacity and allocatable of the node. */
const shown = (world: World): string =>
  [world.node().status?.capacity, world.node().status?.allocatable].map((list) => list?.[CARD]).join(' ');
const showing = (world: World, wanted: string): Promise<void> => world.until(() => shown(world) === wanted, `the node shows ${wanted}`);
const runs = (world: World, name: string): Promise<void> => world.until(() => world.pod(name).status.phase === 'Running', `${name} runs`);
const env = ({ configs }: Site, name: string): string | undefined =>
  configs
    .get(name)
    ?.envs.find(({ key }) => key === 'CARDS')
    ?.value.toString();

test('a node has the devices that a plugin tells of, and a container has what the plugin gives with them', async (t) => {
  const world = await site(t);
  const plugin = await world.plugin();
  plugin.list('a', 'b', '!c');
  await plugin.register();
  await showing(world, '3 2');
  plugin.grant(() => ({
    envs: { CARDS: 'one', OWN: 'of the plugin' },
    mounts: [{ containerPath: '/lib/card', hostPath: '/opt/card', readOnly: true }],
    devices: [{ containerPath: '/dev/card', hostPath: '/dev/null', permissions: 'rw' }],
    annotations: { card: 'a' },
    cdiDevices: [{ name: 'vendor.test/card=a' }],
  }));
  world.bind(
    using('web', 1, { containers: [container('app', cards(1, { env: [{ name: 'OWN', value: "the container's" }] })), container('plain')] }),
  );
  await runs(world, 'web');
  const config = world.configs.get('app');
  assert.equal(env(world, 'app'), 'one');
  assert.equal(config?.envs.find(({ key }) => key === 'OWN')?.value.toString(), "the container's");
  const mount = config.mounts.find(({ containerPath }) => containerPath === '/lib/card');
  assert.deepEqual([mount?.hostPath, mount?.readonly], ['/opt/card', true]);
  assert.deepEqual(
    config.devices.map((each) => ({ ...each })),
    [{ containerPath: '/dev/card', hostPath: '/dev/null', permissions: 'rw' }],
  );
  assert.equal(config.annotations['card'], 'a');
  assert.deepEqual(
    config.cdiDevices.map(({ name }) => name),
    ['vendor.test/card=a'],
  );
  assert.deepEqual(world.configs.get('plain')?.devices, []);
  assert.deepEqual(plugin.calls, ['allocate a']);
});

test('devices are free again once the pod has ended, and no other pod has them before', async (t) => {
  const world = await site(t);
  const plugin = await world.plugin();
  plugin.list('a', 'b', 'c');
  await plugin.register();
  await showing(world, '3 3');
  world.bind(using('one', 2));
  await runs(world, 'one');
  world.bind(using('two', 1));
  await runs(world, 'two');
  assert.deepEqual([env(world, 'one'), env(world, 'two')], ['a,b', 'c']);

  world.bind(using('three', 1));
  await world.until(() => world.pod('three').status.phase === 'Failed', 'three is refused');
  assert.equal(world.pod('three').status.reason, `OutOf${CARD}`);

  world.runtime.exit(world.runtime.container('one'), 0);
  await world.until(() => world.pod('one').status.phase === 'Succeeded', 'one is over');
  await world.settle();
  world.bind(using('four', 1));
  await runs(world, 'four');
  assert.equal(env(world, 'four'), 'a');
});

test('a pod whose devices the plugin does not give is refused with its words', async (t) => {
  const world = await site(t);
  const plugin = await world.plugin();
  plugin.list('a');
  await plugin.register();
  await showing(world, '1 1');
  plugin.grant(() => new Error('card is on fire'));
  world.bind(using('web', 1));
  await world.until(() => world.pod('web').status.phase === 'Failed', 'web is refused');
  const { reason, message } = world.pod('web').status;
  assert.equal(reason, 'UnexpectedAdmissionError');
  assert.match(message ?? '', /^Pod was rejected: Allocate failed due to .*card is on fire.*, which is unexpected$/);

  plugin.grant(() => ({ envs: { CARDS: 'a' } }));
  world.bind(using('next', 1));
  await runs(world, 'next');
});

test('an init container passes its devices on, a sidecar does not; the plugin is asked which it prefers and told before a start', async (t) => {
  const world = await site(t);
  const plugin = await world.plugin({ options: { preStartRequired: true, getPreferredAllocationAvailable: true } });
  plugin.list('a', 'b', 'c');
  await plugin.register();
  await showing(world, '3 3');
  world.runtime.behave('setup', { started: (started) => world.runtime.exit(started, 0) });
  world.bind(
    using('web', 1, {
      initContainers: [container('setup', cards(1)), container('proxy', cards(1, { restartPolicy: 'Always' }))],
      containers: [container('app', cards(2))],
    }),
  );
  await runs(world, 'web');
  assert.deepEqual([env(world, 'setup'), env(world, 'proxy')], ['c', 'c']);
  assert.deepEqual(plugin.calls, [
    'prefer 1 of a b c',
    'allocate c',
    'allocate c',
    'prefer 2 of a b',
    'allocate b a',
    'prestart c',
    'prestart c',
    'prestart b a',
  ]);
});

test('devices of a plugin that is gone are not well, and after five minutes not there; it may come back', async (t) => {
  const world = await site(t);
  const plugin = await world.plugin();
  plugin.list('a', 'b');
  await plugin.register();
  await showing(world, '2 2');
  plugin.list('a', '!b');
  await showing(world, '2 1');
  plugin.stop();
  await showing(world, '2 0');
  world.clock.advance(300_000);
  await world.advanceUntil(() => shown(world) === '0 0', 60_000);
  const next = await world.plugin({ endpoint: 'next.sock' });
  next.list('a', 'b');
  await next.register();
  await showing(world, '2 2');
});

test('a kubelet that is started again knows which devices are taken, and pods run on without their plugin', async (t) => {
  const world = await site(t);
  const plugin = await world.plugin();
  plugin.list('a', 'b');
  await plugin.register();
  await showing(world, '2 2');
  world.bind(using('one', 1));
  await runs(world, 'one');
  plugin.stop();
  await showing(world, '2 0');
  await world.restart();
  await showing(world, '0 0');
  await world.settle();
  assert.equal(world.pod('one').status.phase, 'Running');
  assert.equal(world.runtime.containers.length, 1);

  const next = await world.plugin();
  next.list('a', 'b');
  await next.register();
  await showing(world, '2 2');
  world.bind(using('two', 1));
  await runs(world, 'two');
  assert.equal(env(world, 'two'), 'b');
});

test('a registration that makes no sense is refused', async (t) => {
  const world = await site(t);
  const plugin = await world.plugin();
  await assert.rejects(
    plugin.register({ version: 'v9' }),
    /requested API version "v9" is not supported by kubelet. Supported version is "v1beta1"/,
  );
  await assert.rejects(plugin.register({ resourceName: 'cpu' }), /the ResourceName "cpu" is invalid/);
  await assert.rejects(plugin.register({ resourceName: 'kubernetes.io/card' }), /is invalid/);
});

test('whoever asks the podresources API is told who has which devices, and which there are', async (t) => {
  const world = await site(t);
  const plugin = await world.plugin();
  plugin.list('a', 'b', '!c');
  await plugin.register();
  await showing(world, '3 2');
  world.bind(using('web', 2));
  await runs(world, 'web');
  const connection = new Connection(join(world.folder, 'root', 'pod-resources', 'kubelet.sock'), silentLogger, 'podresources');
  t.after(() => connection.close());
  const call = <Response>(method: string, response: string): Promise<Response> =>
    ask(
      { connection, clock: systemClock, timeoutMs: 5_000 },
      pluginCall<object, Response>(podResourcesCodec, `/${POD_RESOURCES_SERVICE}/${method}`, 'Empty', response),
      {},
    );
  const devices = ['a', 'b'].map((id) => ({ resourceName: CARD, deviceIds: [id], topology: { nodes: [{ id: 0 }] } }));
  const { podResources } = await call<{ readonly podResources: readonly PodResources[] }>('List', 'Listed');
  assert.deepEqual(podResources[0]?.containers[0]?.devices, devices);
  assert.deepEqual(await call('GetAllocatableResources', 'Allocatable'), { devices, cpuIds: [], memory: [] });
});

test('a pod tells how well its devices are', async (t) => {
  const world = await site(t);
  const plugin = await world.plugin();
  plugin.list('a', 'b');
  await plugin.register();
  await showing(world, '2 2');
  world.bind(using('web', 2));
  await runs(world, 'web');
  const shows = (a: string, b: string): Promise<void> =>
    world.until(() => {
      const told = world.pod('web').status.containerStatuses?.[0]?.allocatedResourcesStatus?.[0];
      return told?.name === CARD && told.resources?.map(({ resourceID, health }) => `${resourceID} ${health}`).join() === `a ${a},b ${b}`;
    }, `a ${a}, b ${b}`);
  await shows('Healthy', 'Healthy');
  plugin.list('!a', 'b');
  await shows('Unhealthy', 'Healthy');
  plugin.stop();
  await shows('Unknown', 'Unknown');
});
