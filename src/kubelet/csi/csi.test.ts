// CSI volumes from the pod to the driver: a kubelet over a fake API and a fake runtime, and drivers over real sockets.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  csidrivers,
  csinodes,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  pods,
  secrets,
  volumeattachments,
} from '#api/resources.ts';
import type { Pod, Volume } from '#api/types.ts';
import { container, pod } from '../testing/pods.ts';
import { startWorld, type World } from '../testing/world.ts';
import { type FakeCsiDriver, type FakeCsiOptions, startCsiDriver } from './testing.ts';

const DRIVER = 'disk.vendor.test';

interface Site extends World {
  driver(options?: Partial<FakeCsiOptions>): Promise<FakeCsiDriver>;
  object(spec: object): void;
  /** A volume of the driver, and the claim that has it. */
  disk(name: string, csi?: object, spec?: object): void;
}

async function site(t: TestContext): Promise<Site> {
  const world = await startWorld(t);
  await world.until(() => world.server.stored(nodes).length > 0); // a driver is told of in its node's objects
  return Object.assign(world, {
    driver: (options: Partial<FakeCsiOptions> = {}) =>
      startCsiDriver(t, { registry: join(world.folder, 'root', 'plugins_registry'), folder: world.folder, ...options }),
    object: (spec: object) =>
      void world.server.seed(csidrivers, {
        metadata: { name: DRIVER },
        spec: { attachRequired: false, volumeLifecycleModes: ['Persistent'], fsGroupPolicy: 'ReadWriteOnceWithFSType', ...spec },
      } as never),
    disk(name: string, csi: object = {}, spec: object = {}) {
      world.server.seed(persistentvolumes, {
        metadata: { name: `pv-${name}` },
        spec: {
          csi: { driver: DRIVER, volumeHandle: `handle-${name}`, fsType: 'ext4', volumeAttributes: { size: 'big' }, ...csi },
          accessModes: ['ReadWriteOnce'],
          mountOptions: ['noatime'],
          claimRef: { uid: `uid-${name}` },
          ...spec,
        },
      } as never);
      world.server.seed(persistentvolumeclaims, {
        metadata: { name, namespace: 'default', uid: `uid-${name}` },
        spec: { volumeName: `pv-${name}` },
        status: { phase: 'Bound' },
      } as never);
    },
  });
}

const mounting = (name: string, volumes: readonly object[]): Pod =>
  pod({
    name,
    spec: {
      restartPolicy: 'Never',
      volumes: volumes as readonly Volume[],
      containers: [
        container('app', { volumeMounts: (volumes as readonly Volume[]).map((each) => ({ name: each.name, mountPath: `/${each.name}` })) }),
      ],
    },
  });
const claimed = (claimName: string): object => ({ name: claimName, persistentVolumeClaim: { claimName } });

const runs = (world: World, name: string): Promise<void> =>
  world.advanceUntil(() => world.pod(name).status.phase === 'Running', 60_000, `${name} runs`);
async function remove(world: World, name: string): Promise<void> {
  await world.client.delete(pods, { namespace: 'default', name }, { gracePeriodSeconds: 1 });
  await world.advanceUntil(() => !world.server.stored(pods).some(({ metadata }) => metadata.name === name), 200_000, `${name} is gone`);
}

test('a driver that registers is told of by the node, and no more once it is gone', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  assert.deepEqual(await driver.registered(), { pluginRegistered: true, error: '' });
  const drivers = (): unknown => world.server.stored(csinodes)[0]?.spec.drivers;
  assert.deepEqual(drivers(), [{ name: DRIVER, nodeID: 'host-7', topologyKeys: ['vendor.test/rack'], allocatable: { count: 3 } }]);
  assert.equal(world.server.stored(csinodes)[0]?.metadata.ownerReferences?.[0]?.name, 'node');
  assert.equal(world.node().metadata.labels?.['vendor.test/rack'], 'r1');
  assert.equal(world.node().metadata.annotations?.['csi.volume.kubernetes.io/nodeid'], `{"${DRIVER}":"host-7"}`);
  await driver.stop();
  await world.until(() => JSON.stringify(drivers()) === '[]');
});

test('a driver that gives the node no id is told why it is not registered', async (t) => {
  const world = await site(t);
  const driver = await world.driver({ nodeId: '' });
  const { pluginRegistered, error } = await driver.registered();
  assert.equal(pluginRegistered, false);
  assert.match(error, /error updating CSINode object with CSI driver node info: .*the driver gives this node no id$/);
});

test('a volume is staged once for two pods, published into each, and unstaged with the last', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.object({ podInfoOnMount: true });
  world.disk('data');
  world.bind(mounting('web', [claimed('data')]));
  await runs(world, 'web');
  const target = join(world.folder, 'root/pods/uid-web/volumes/kubernetes.io~csi/pv-data/mount');
  const { volumeCapability, targetPath, volumeContext, stagingTargetPath } = driver.last.get('publish') ?? {};
  assert.deepEqual(volumeCapability, { mount: { fsType: 'ext4', mountFlags: ['noatime'] }, accessMode: { mode: 'SINGLE_NODE_WRITER' } });
  assert.ok(targetPath?.endsWith('/pods/uid-web/volumes/kubernetes.io~csi/pv-data/mount'));
  assert.match(stagingTargetPath ?? '', /\/plugins\/kubernetes\.io\/csi\/disk\.vendor\.test\/[0-9a-f]{64}\/globalmount$/);
  assert.deepEqual(volumeContext, {
    size: 'big',
    'csi.storage.k8s.io/pod.name': 'web',
    'csi.storage.k8s.io/pod.namespace': 'default',
    'csi.storage.k8s.io/pod.uid': 'uid-web',
    'csi.storage.k8s.io/serviceAccount.name': '',
    'csi.storage.k8s.io/ephemeral': 'false',
  });
  assert.ok(existsSync(target));

  world.bind(mounting('other', [claimed('data')]));
  await runs(world, 'other');
  await remove(world, 'web');
  assert.deepEqual(
    driver.calls,
    ['stage', 'publish', 'stage', 'publish', 'unpublish'].map((verb) => `${verb} handle-data`),
  );
  assert.ok(!existsSync(target));
  await remove(world, 'other');
  assert.deepEqual(driver.calls.slice(5), ['unpublish handle-data', 'unstage handle-data']);
  assert.ok(!existsSync(join(stagingTargetPath ?? '', '..')));
});

test('a driver without staging is not asked to stage, and gets the secret that the volume names', async (t) => {
  const world = await site(t);
  const driver = await world.driver({ capabilities: ['SINGLE_NODE_MULTI_WRITER'] });
  await driver.registered();
  world.object({});
  world.server.seed(secrets, {
    metadata: { name: 'key', namespace: 'vault' },
    data: { word: Buffer.from('open').toString('base64') },
  } as never);
  world.disk('data', { nodePublishSecretRef: { name: 'key', namespace: 'vault' }, readOnly: true }, { accessModes: ['ReadWriteOncePod'] });
  world.bind(mounting('web', [claimed('data')]));
  await runs(world, 'web');
  assert.deepEqual(driver.calls, ['publish handle-data']);
  const { secrets: words, readonly, stagingTargetPath, volumeCapability } = driver.last.get('publish') ?? {};
  assert.deepEqual([words, readonly, stagingTargetPath], [{ word: 'open' }, true, '']);
  assert.equal(volumeCapability?.accessMode.mode, 'SINGLE_NODE_SINGLE_WRITER');
  await remove(world, 'web');
  assert.deepEqual(driver.calls, ['publish handle-data', 'unpublish handle-data']);
});

test('a volume that has to be attached waits for it, and is published with what the attacher said', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.disk('data');
  world.bind(mounting('web', [claimed('data')]));
  const waits =
    /^FailedMount .*volume handle-data has to be attached by driver disk\.vendor\.test, and has no VolumeAttachment (csi-[0-9a-f]{64})$/;
  await world.until(() => world.told('web').some((line) => waits.test(line)));
  const name = world
    .told('web')
    .map((line) => waits.exec(line)?.[1])
    .find((found) => found !== undefined);
  world.server.seed(volumeattachments, {
    metadata: { name },
    spec: { attacher: DRIVER, nodeName: 'node', source: { persistentVolumeName: 'pv-data' } },
    status: { attached: true, attachmentMetadata: { device: 'sdb' } },
  } as never);
  await runs(world, 'web');
  assert.deepEqual(driver.last.get('stage')?.publishContext, { device: 'sdb' });
});

const inline = { name: 'scratch', csi: { driver: DRIVER, volumeAttributes: { kind: 'ram' } } };

test('a pod has a volume of its own from a driver that makes such, and gives it back', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.object({ volumeLifecycleModes: ['Ephemeral'], podInfoOnMount: true });
  world.bind(mounting('web', [inline]));
  await runs(world, 'web');
  const { volumeId, volumeContext, stagingTargetPath } = driver.last.get('publish') ?? {};
  assert.match(volumeId ?? '', /^csi-[0-9a-f]{64}$/);
  assert.equal(volumeContext?.['csi.storage.k8s.io/ephemeral'], 'true');
  assert.equal(stagingTargetPath, '');
  await remove(world, 'web');
  assert.deepEqual(driver.calls, [`publish ${volumeId}`, `unpublish ${volumeId}`]);
});

test('a pod says why its volume is not there, and a pod whose driver cannot undo it is not forgotten', async (t) => {
  const world = await site(t);
  world.bind(mounting('web', [inline]));
  await world.until(() =>
    world.told('web').some((line) => line.endsWith(`volume mode "Ephemeral" not supported by driver ${DRIVER} (no CSIDriver object)`)),
  );
  world.object({ volumeLifecycleModes: ['Ephemeral'] });
  await world.advanceUntil(
    () => world.told('web').some((line) => line.endsWith(`driver name ${DRIVER} not found in the list of registered CSI drivers`)),
    30_000,
  );
  const driver = await world.driver();
  driver.fail('publish', 'no room');
  await driver.registered();
  await world.advanceUntil(() => world.told('web').some((line) => line.includes('no room')), 120_000);
  driver.fail('publish', '');
  await runs(world, 'web');
  driver.fail('unpublish', 'busy');
  const removing = remove(world, 'web');
  await world.until(() => driver.calls.filter((call) => call.startsWith('unpublish')).length >= 2);
  assert.ok(world.pod('web'));
  driver.fail('unpublish', '');
  await removing;
});

test('volumes of an earlier kubelet are undone by the next one', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.object({});
  world.disk('data');
  world.bind(mounting('web', [claimed('data')]));
  await runs(world, 'web');
  const again = driver.registered();
  await world.restart();
  await again;
  await remove(world, 'web');
  assert.deepEqual(driver.calls.slice(-2), ['unpublish handle-data', 'unstage handle-data']);
});
