// Dynamic resources from the pod to the driver and to the runtime: a kubelet over a fake API and a fake runtime, and drivers
// over real sockets.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { pods, resourceclaims, resourceslices } from '#api/resources.ts';
import type { ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { New, Pod } from '#api/types.ts';
import type { ContainerConfig } from '#cri/gen/objects.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { container, pod } from '../testing/pods.ts';
import { startWorld, type World } from '../testing/world.ts';
import { ClaimInfos } from './claim-infos.ts';
import { StateFile } from '../state-file.ts';
import { type FakeDriver, type FakeDriverOptions, startDriver } from './testing.ts';

interface Site extends World {
  driver(options?: Partial<FakeDriverOptions>): Promise<FakeDriver>;
  /** Devices that containers were created with, by container. */
  readonly devices: ReadonlyMap<string, readonly string[]>;
  claim(name: string, options?: { readonly users?: readonly string[]; readonly drivers?: readonly string[] }): void;
}

async function site(t: TestContext): Promise<Site> {
  const world = await startWorld(t);
  const devices = new Map<string, readonly string[]>();
  world.runtime.intercept('createContainer', ({ config }: { readonly config?: ContainerConfig }) => {
    devices.set(config?.metadata?.name ?? '', config?.cdiDevices.map(({ name }) => name) ?? []);
  });
  return Object.assign(world, {
    devices,
    async driver(options: Partial<FakeDriverOptions> = {}) {
      const registry = join(world.folder, 'root', 'plugins_registry');
      return startDriver(t, { registry, folder: world.folder, ...options });
    },
    claim(name: string, { users = ['uid-web'], drivers = ['gpu.vendor.test'] }: Parameters<Site['claim']>[1] = {}) {
      world.server.seed(resourceclaims, {
        metadata: { name, namespace: 'default', uid: `uid-${name}` },
        spec: {},
        status: {
          allocation: { devices: { results: drivers.map((driver) => ({ request: 'one', driver, pool: 'pool', device: 'gpu-0' })) } },
          reservedFor: users.map((uid) => ({ resource: 'pods', name: uid.replace('uid-', ''), uid })),
        },
      } as unknown as New<ResourceClaim>);
    },
  });
}

/** A pod whose container uses these claims, each under its own name. */
const using = (name: string, claims: readonly string[], more: Partial<Pod['spec']> = {}): Pod =>
  pod({
    name,
    spec: {
      restartPolicy: 'Never',
      resourceClaims: claims.map((each) => ({ name: each, resourceClaimName: each })),
      containers: [container('app', { resources: { claims: claims.map((each) => ({ name: each })) } })],
      ...more,
    },
  });

const runs = (world: World, name: string): Promise<void> => world.until(() => world.pod(name).status.phase === 'Running', `${name} runs`);
const isGone = (world: World, name: string): boolean => !world.server.stored(pods).some(({ metadata }) => metadata.name === name);

async function remove(world: World, name: string): Promise<void> {
  await world.client.delete(pods, { namespace: 'default', name }, { gracePeriodSeconds: 1 });
}

test('a container has the devices that the driver prepared for its claim, and the driver takes them back before the pod is over', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  assert.deepEqual(await driver.registered(), { pluginRegistered: true, error: '' });
  world.claim('gpu');
  world.bind(using('web', ['gpu']));
  await runs(world, 'web');
  assert.deepEqual(world.devices.get('app'), ['vendor.test/gpu=uid-gpu']);
  assert.deepEqual(driver.calls, ['prepare gpu']);
  assert.match(readFileSync(join(world.folder, 'root', 'dra_manager_state'), 'utf8'), /vendor\.test\/gpu=uid-gpu/);

  await remove(world, 'web');
  await world.advanceUntil(() => isGone(world, 'web'), 60_000);
  assert.deepEqual(driver.calls, ['prepare gpu', 'unprepare gpu']);
  assert.equal(await new StateFile(join(world.folder, 'root', 'dra_manager_state')).read(), '[]');
});

test('a container has devices of the requests it names only', async (t) => {
  const world = await site(t);
  const driver = await world.driver({ versions: ['v9.DRAPlugin', 'v1beta1.DRAPlugin'] });
  await driver.registered();
  driver.answer(({ name }) => ({
    error: '',
    devices: ['small', 'big'].map((request) => ({
      requestNames: [request],
      poolName: 'pool',
      deviceName: request,
      cdiDeviceIds: [`vendor.test/gpu=${name}-${request}`],
    })),
  }));
  world.claim('a');
  world.bind(
    using('web', ['a'], {
      containers: [
        container('all', { resources: { claims: [{ name: 'a' }] } }),
        container('small', { resources: { claims: [{ name: 'a', request: 'small' }] } }),
        container('none'),
      ],
    }),
  );
  await runs(world, 'web');
  await world.until(() => world.devices.size === 3);
  assert.deepEqual(
    [...world.devices],
    [
      ['all', ['vendor.test/gpu=a-small', 'vendor.test/gpu=a-big']],
      ['small', ['vendor.test/gpu=a-small']],
      ['none', []],
    ],
  );
});

test('two pods share a claim: it is prepared once, and taken back with the last of them', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.claim('gpu', { users: ['uid-web', 'uid-other'] });
  world.bind(using('web', ['gpu']));
  await runs(world, 'web');
  world.bind(using('other', ['gpu']));
  await runs(world, 'other');
  await remove(world, 'web');
  await world.advanceUntil(() => isGone(world, 'web'), 60_000);
  assert.deepEqual(driver.calls, ['prepare gpu']);
  await remove(world, 'other');
  await world.advanceUntil(() => isGone(world, 'other'), 60_000);
  assert.deepEqual(driver.calls, ['prepare gpu', 'unprepare gpu']);
});

test('a pod waits for its driver, says so, and can be deleted without it', async (t) => {
  const world = await site(t);
  world.claim('gpu');
  world.bind(using('web', ['gpu']));
  const words = 'Failed to prepare dynamic resources: prepare dynamic resources: DRA driver gpu.vendor.test is not registered';
  await world.until(() => world.told('web').includes(`FailedPrepareDynamicResources ${words}`));
  assert.equal(world.runtime.sandboxes.length, 0);
  const driver = await world.driver();
  await driver.registered();
  await world.advanceUntil(() => world.pod('web').status.phase === 'Running', 60_000);

  world.claim('late', { users: ['uid-other'], drivers: ['absent.vendor.test'] });
  world.bind(using('other', ['late']));
  await world.until(() => world.told('other').some((line) => line.includes('absent.vendor.test is not registered')));
  await remove(world, 'other');
  await world.advanceUntil(() => isGone(world, 'other'), 60_000);
});

for (const { name, claim, answer, words } of [
  {
    name: 'is not reserved for it',
    claim: { users: ['uid-somebody'] },
    words: /pod web \(uid-web\) is not allowed to use ResourceClaim gpu \(uid-gpu\)$/,
  },
  {
    name: 'the driver cannot prepare',
    answer: () => ({ devices: [], error: 'too hot' }),
    words: /NodePrepareResources failed for ResourceClaim gpu: too hot$/,
  },
  { name: 'the driver forgets', answer: () => undefined, words: /NodePrepareResources skipped 1 ResourceClaims$/ },
] as const) {
  test(`a pod does not start with a claim that ${name}`, async (t) => {
    const world = await site(t);
    const driver = await world.driver();
    await driver.registered();
    if (answer !== undefined) driver.answer(answer);
    world.claim('gpu', claim);
    world.bind(using('web', ['gpu']));
    await world.until(() => world.told('web').some((line) => words.test(line)), String(words));
    assert.equal(world.runtime.sandboxes.length, 0);
  });
}

test('a pod made from a template waits for its claim, and does not take one that was made for another', async (t) => {
  const world = await site(t);
  await (await world.driver()).registered();
  const templated = using('web', ['gpu'], { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'gpus' }] });
  world.bind(templated);
  await world.until(() => world.told('web').some((line) => line.endsWith('pod claim gpu: ResourceClaim not created yet')));
  world.claim('web-gpu-1');
  world.server.seed(pods, {
    ...templated,
    status: { ...templated.status, resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'web-gpu-1' }] },
  });
  await world.advanceUntil(
    () =>
      world
        .told('web')
        .some((line) => line.endsWith('ResourceClaim default/web-gpu-1 was not created for pod default/web (pod is not owner)')),
    30_000,
  );
});

test('a kubelet that starts again takes back what pods that are gone had, and prepares nothing anew for pods that run', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.claim('gpu');
  world.bind(using('web', ['gpu']));
  await runs(world, 'web');
  const state = new StateFile(join(world.folder, 'root', 'dra_manager_state'));
  const [kept] = JSON.parse((await state.read()) ?? '') as readonly object[];
  await state.replace(JSON.stringify([kept, { ...kept, name: 'lost', uid: 'uid-lost', podUIDs: ['uid-gone'] }]));
  const again = driver.registered();
  await world.restart();
  assert.deepEqual(await again, { pluginRegistered: true, error: '' });
  await world.advanceUntil(() => driver.calls.includes('unprepare lost'), 120_000);
  assert.deepEqual(driver.calls, ['prepare gpu', 'unprepare lost']);
  await world.advanceUntil(() => !readFileSync(state.path, 'utf8').includes('lost'), 10_000);
  assert.deepEqual(JSON.parse((await state.read()) ?? ''), [kept]);
});

test('a damaged record of claims is no reason to forget them', async (t) => {
  const folder = temporaryFolder(t);
  await new ClaimInfos(folder, silentLogger).load();
  for (const damaged of ['[{"name"', 'a43beb57\n[{"name":"b"}]']) {
    writeFileSync(join(folder, 'dra_manager_state'), damaged);
    await assert.rejects(new ClaimInfos(folder, silentLogger).load(), /dra_manager_state is damaged: drain the node and remove the file$/);
  }
});

test('a pod is not over while its driver does not take its devices back', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.claim('gpu');
  world.bind(using('web', ['gpu']));
  await runs(world, 'web');
  driver.refuse('busy');
  await remove(world, 'web');
  await world.advanceUntil(() => driver.calls.filter((call) => call === 'unprepare gpu').length >= 2, 120_000);
  assert.ok(!isGone(world, 'web'));
  driver.refuse('');
  await world.advanceUntil(() => isGone(world, 'web'), 120_000);
});

const slice = (name: string, driver: string, nodeName = 'node'): New<ResourceSlice> =>
  ({ metadata: { name }, spec: { driver, nodeName, pool: { name: 'pool', generation: 1, resourceSliceCount: 1 } } }) as New<ResourceSlice>;
const slices = (world: World): readonly string[] =>
  world.server
    .stored(resourceslices)
    .map(({ metadata }) => metadata.name)
    .toSorted();

test('devices of a driver that is away for half a minute are taken back, of no other and on no other node', async (t) => {
  const world = await site(t);
  const [gone, stays] = [await world.driver(), await world.driver({ name: 'nic.vendor.test' })];
  await Promise.all([gone.registered(), stays.registered()]);
  await world.settle();
  for (const one of [slice('gpus', gone.name), slice('nics', stays.name), slice('far', gone.name, 'far')])
    world.server.seed(resourceslices, one);
  await gone.stop();
  await world.advanceUntil(() => !slices(world).includes('gpus'), 120_000);
  assert.deepEqual(slices(world), ['far', 'nics']);
});

test('a kubelet that starts takes back what an earlier one left to be allocated', async (t) => {
  const world = await site(t);
  world.server.seed(resourceslices, slice('gpus', 'gpu.vendor.test'));
  world.server.seed(resourceslices, slice('far', 'gpu.vendor.test', 'far'));
  await world.restart();
  await world.until(() => slices(world).join() === 'far');
});

test('the folder that drivers register in comes back when it was removed', async (t) => {
  const world = await site(t);
  await (await world.driver()).registered();
  const registry = join(world.folder, 'root', 'plugins_registry');
  rmSync(registry, { recursive: true });
  await world.advanceUntil(() => existsSync(registry), 120_000);
  const later = await world.driver({ name: 'late.vendor.test' });
  assert.deepEqual(await later.registered(), { pluginRegistered: true, error: '' });
});

for (const { name, options, error } of [
  {
    name: 'of a kind that nobody works with',
    options: { type: 'Teapot' },
    error: /no handler registered for plugin type: Teapot at socket/,
  },
  {
    name: 'of no version',
    options: { versions: [] },
    error:
      /^RegisterPlugin error -- plugin validation failed with err: invalid supported gRPC versions of DRA driver plugin gpu\.vendor\.test at endpoint \S+: empty list/,
  },
  {
    name: 'of other versions',
    options: { versions: ['v9.DRAPlugin'] },
    error:
      /none of services supported by the plugin \(\["v9\.DRAPlugin"\]\) are supported by the kubelet \(\["v1\.DRAPlugin" "v1beta1\.DRAPlugin"\]\)$/,
  },
]) {
  test(`a plugin ${name} is told why it is not registered`, async (t) => {
    const world = await site(t);
    const driver = await world.driver(options);
    const said = await driver.registered();
    assert.equal(said.pluginRegistered, false);
    assert.match(said.error, error);
  });
}

test('a pod tells how well its devices are, as long as the driver says so', async (t) => {
  const world = await site(t);
  const driver = await world.driver({ versions: ['v1.DRAPlugin', 'v1alpha1.DRAResourceHealth'] });
  driver.health({ 'gpu-0': ['HEALTHY', ''], 'gpu-1': ['UNHEALTHY', ''] });
  await driver.registered();
  world.claim('gpu');
  world.bind(
    using('web', ['gpu'], {
      containers: [container('app', { resources: { claims: [{ name: 'gpu', request: 'one' }] } }), container('plain')],
    }),
  );
  await runs(world, 'web');
  const health = (name = 'app'): unknown =>
    world.pod('web').status.containerStatuses?.find((each) => each.name === name)?.allocatedResourcesStatus;
  const shows = (wanted: object): Promise<void> =>
    world.until(() => JSON.stringify(health()) === JSON.stringify([{ name: 'claim:gpu/one', resources: [wanted] }]), 'the health');
  const resourceID = 'gpu.vendor.test/pool/gpu-0';
  await shows({ resourceID, health: 'Healthy' });
  assert.equal(health('plain'), undefined);
  driver.health({ 'gpu-0': ['UNHEALTHY', 'too hot'] });
  await shows({ resourceID, health: 'Unhealthy', message: 'too hot' });
  world.clock.advance(60_000);
  await shows({ resourceID, health: 'Unknown' });
});

test('of a driver that tells nothing of health, a device may be well or not', async (t) => {
  const world = await site(t);
  await (await world.driver()).registered();
  world.claim('gpu');
  world.bind(using('web', ['gpu']));
  await runs(world, 'web');
  assert.deepEqual(world.pod('web').status.containerStatuses?.[0]?.allocatedResourcesStatus, [
    { name: 'claim:gpu', resources: [{ resourceID: 'gpu.vendor.test/pool/gpu-0', health: 'Unknown' }] },
  ]);
});
