// Volumes that grow: what is decided, and what driver, claim and pod see of it.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { persistentvolumeclaims, persistentvolumes } from '#api/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/types.ts';
import { type GrowthFacts, planGrowth } from './growth-plan.ts';
import type { FakeCsiDriver } from './testing/driver.ts';
import { claimed, mounting, runs, site, type Site } from './testing/site.ts';

const facts = (to: string, has: string, status: object = {}, more: Partial<GrowthFacts> = {}): GrowthFacts => ({
  volume: { spec: { capacity: { storage: to } } } as unknown as PersistentVolume,
  claim: { status: { capacity: { storage: has }, ...status } } as unknown as PersistentVolumeClaim,
  known: undefined,
  readOnly: false,
  ...more,
});
const says = (status: string): object => ({ allocatedResources: { storage: '2Gi' }, allocatedResourceStatuses: { storage: status } });
const ALLOCATED = { allocatedResources: { storage: '2Gi' } };

for (const [name, given, want] of [
  ['has what it asked for', facts('1Gi', '1Gi'), { kind: 'none' }],
  ['has more than its volume', facts('1Gi', '2Gi'), { kind: 'none' }],
  ['waits for the node', facts('2Gi', '1Gi', says('NodeResizePending')), { kind: 'grow', to: '2Gi', claim: 'progress' }],
  ['was begun with', facts('2Gi', '1Gi', says('NodeResizeInProgress')), { kind: 'grow', to: '2Gi', claim: 'progress' }],
  ['still waits for the controller', facts('2Gi', '1Gi', says('ControllerResizeInProgress')), { kind: 'none' }],
  ['was given up', facts('2Gi', '1Gi', says('NodeResizeInfeasible')), { kind: 'none' }],
  ['is not the node’s to grow', facts('2Gi', '1Gi', ALLOCATED), { kind: 'none' }],
  ['has a controller that says nothing', facts('2Gi', '1Gi'), { kind: 'grow', to: '2Gi', claim: 'result' }],
  ['another node has grown', facts('2Gi', '2Gi', ALLOCATED, { known: '1Gi' }), { kind: 'grow', to: '2Gi', claim: 'nothing' }],
  ['this node has grown already', facts('2Gi', '1Gi', says('NodeResizePending'), { known: '2Gi' }), { kind: 'none' }],
  ['may not be written', facts('2Gi', '1Gi', says('NodeResizePending'), { readOnly: true }), { kind: 'read-only' }],
] as const) {
  test(`planGrowth of a claim that ${name}`, () => assert.deepEqual(planGrowth(given), want));
}

/** A pod with a volume of 1Gi of a driver that can grow it. */
async function grown(t: TestContext): Promise<{ readonly world: Site; readonly driver: FakeCsiDriver }> {
  const world = await site(t);
  const driver = await world.driver({ capabilities: ['STAGE_UNSTAGE_VOLUME', 'EXPAND_VOLUME'] });
  await driver.registered();
  world.object({});
  world.disk('data', { nodeExpandSecretRef: undefined }, { capacity: { storage: '1Gi' } });
  change(world, '1Gi', '1Gi', {});
  return { world, driver };
}

/** The volume is of this size now; so far the claim has that. */
function change(world: Site, volume: string, has: string, status: object): void {
  world.server.change(persistentvolumes, 'pv-data', undefined, (found) => ({
    ...found,
    spec: { ...found.spec, capacity: { storage: volume } },
  }));
  world.server.change(persistentvolumeclaims, 'data', 'default', (found) => ({
    ...found,
    spec: { ...found.spec, resources: { requests: { storage: volume } } },
    status: { phase: 'Bound', capacity: { storage: has }, ...status } as never,
  }));
}

const claim = (world: Site): PersistentVolumeClaim =>
  world.server.stored(persistentvolumeclaims).find(({ metadata }) => metadata.name === 'data') as PersistentVolumeClaim;
/** The kubelet looks at a pod without a cause once a minute. */
async function looksAgain(world: Site): Promise<void> {
  const from = world.clock.monotonic();
  await world.advanceUntil(() => world.clock.monotonic() > from + 70_000, 80_000);
}

const PENDING = { type: 'FileSystemResizePending', status: 'True' };
const waiting = { ...says('NodeResizePending'), conditions: [PENDING] };

test('a volume grows while its pod runs, and its claim says so', async (t) => {
  const { world, driver } = await grown(t);
  world.bind(mounting('web', [claimed('data')]));
  await runs(world, 'web');
  change(world, '2Gi', '1Gi', waiting);
  await world.advanceUntil(() => claim(world).status.capacity?.['storage'] === '2Gi', 120_000, 'grown');
  const { conditions, allocatedResourceStatuses } = claim(world).status;
  assert.deepEqual([conditions, allocatedResourceStatuses ?? {}], [[], {}]);
  const asked = driver.last.get('expand');
  assert.equal(asked?.capacityRange.requiredBytes, 2 * 2 ** 30);
  assert.ok(asked.volumePath.endsWith('/pods/uid-web/volumes/kubernetes.io~csi/pv-data/mount'));
  assert.match(asked.stagingTargetPath, /globalmount$/);
  assert.equal(asked.volumeCapability.mount?.fsType, 'ext4');
  const line = 'FileSystemResizeSuccessful MountVolume.NodeExpandVolume succeeded for volume "pv-data" node';
  assert.deepEqual([world.told('web').includes(line), world.told('data').includes(line)], [true, true]);
  const calls = driver.calls.length;
  await looksAgain(world);
  assert.equal(driver.calls.length, calls, 'once');
});

test('a volume that has grown while nobody used it grows on the node before its pod runs', async (t) => {
  const { world, driver } = await grown(t);
  change(world, '2Gi', '1Gi', waiting);
  world.bind(mounting('web', [claimed('data')]));
  await runs(world, 'web');
  assert.deepEqual(
    driver.calls,
    ['stage', 'publish', 'expand'].map((verb) => `${verb} handle-data`),
  );
  assert.equal(claim(world).status.capacity?.['storage'], '2Gi');
});

test('a driver that cannot grow a volume is named in claim and events, and asked again', async (t) => {
  const { world, driver } = await grown(t);
  world.bind(mounting('web', [claimed('data')]));
  await runs(world, 'web');
  driver.fail('expand', 'disk is odd');
  change(world, '2Gi', '1Gi', waiting);
  await world.advanceUntil(() => world.told('web').some((line) => line.startsWith('VolumeResizeFailed')), 120_000, 'told');
  const why = 'Expander.NodeExpand failed to expand the volume : rpc error: code = Internal desc = disk is odd';
  assert.ok(world.told('web').includes(`VolumeResizeFailed NodeExpandVolume.NodeExpandVolume failed for volume "pv-data" : ${why}`));
  const condition = claim(world).status.conditions?.find(({ type }) => type === 'NodeResizeError');
  assert.equal(condition?.message, `failed to expand pvc with ${why}`);
  assert.equal(claim(world).status.allocatedResourceStatuses?.['storage'], 'NodeResizeInProgress');
  driver.fail('expand', '');
  await world.advanceUntil(() => claim(world).status.capacity?.['storage'] === '2Gi', 120_000, 'grown');
  assert.deepEqual(claim(world).status.conditions, []);
});

const INVALID_ARGUMENT = 3;
const FAILED_PRECONDITION = 9;

test('what a driver says can never be is not tried again', async (t) => {
  const { world, driver } = await grown(t);
  world.bind(mounting('web', [claimed('data')]));
  await runs(world, 'web');
  driver.fail('expand', 'never', INVALID_ARGUMENT);
  change(world, '2Gi', '1Gi', waiting);
  const status = (): string | undefined => claim(world).status.allocatedResourceStatuses?.['storage'];
  await world.advanceUntil(() => status() === 'NodeResizeInfeasible', 120_000, 'given up');
  const calls = driver.calls.length;
  await looksAgain(world);
  assert.equal(driver.calls.length, calls);
});

test('a driver that grows no volume in use does not keep the pod from it', async (t) => {
  const { world, driver } = await grown(t);
  driver.fail('expand', 'in use', FAILED_PRECONDITION);
  change(world, '2Gi', '1Gi', waiting);
  world.bind(mounting('web', [claimed('data')]));
  await runs(world, 'web');
  assert.equal(claim(world).status.capacity?.['storage'], '1Gi');
});
