// CSI volumes from the pod to the driver: a kubelet over a fake API and a fake runtime, and drivers over real sockets.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attachmentName } from '#api/csi.ts';
import { csinodes, pods, secrets, volumeattachments } from '#api/resources.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { ContainerConfig } from '#cri/gen/objects.ts';
import { ownMetrics } from '../server/metrics/own.ts';
import { attach, claimed, DRIVER, mounting, remove, runs, site } from './testing/site.ts';

const inline = { name: 'scratch', csi: { driver: DRIVER, volumeAttributes: { kind: 'ram' } } };

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
  assert.deepEqual(volumeCapability, {
    mount: { fsType: 'ext4', mountFlags: ['noatime'], volumeMountGroup: '' },
    accessMode: { mode: 'SINGLE_NODE_WRITER' },
  });
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

test('a volume that has to be attached is said to be in use, waited for, and published with what the attacher said', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.disk('data');
  world.bind(mounting('web', [claimed('data')]));
  const unique = `kubernetes.io/csi/${DRIVER}^handle-data`;
  const inUse = (): string => (world.node().status?.volumesInUse ?? []).join();
  await world.until(() => inUse() === unique, 'the node says that it uses the volume');
  world.server.seed(volumeattachments, {
    metadata: { name: attachmentName({ driver: DRIVER, volumeHandle: 'handle-data' }, 'node') },
    spec: { attacher: DRIVER, nodeName: 'node', source: { persistentVolumeName: 'pv-data' } },
    status: { attached: true, attachmentMetadata: { device: 'sdb' } },
  } as never);
  await world.advanceUntil(
    () => world.told('web').some((line) => line.startsWith('FailedMount')),
    130_000,
    'after two minutes the pod is told',
  );
  assert.deepEqual(
    world.told('web').filter((line) => line.startsWith('FailedMount')),
    [
      'FailedMount Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data], failed to process volumes=[]: context deadline exceeded',
    ],
  );
  assert.deepEqual(driver.calls, [], 'not before the node was told');
  await attach(world, [unique]);
  await runs(world, 'web');
  assert.deepEqual(driver.last.get('stage')?.publishContext, { device: 'sdb' });
  assert.deepEqual(driver.last.get('publish')?.publishContext, { device: 'sdb' });

  const again = driver.registered();
  await world.restart();
  await again;
  await world.advanceUntil(() => driver.calls.filter((call) => call.startsWith('publish')).length === 2, 60_000, 'set up again');
  assert.equal(inUse(), unique, 'a kubelet that starts anew does not let go');
  driver.fail('unstage', 'busy');
  const removing = remove(world, 'web');
  await world.advanceUntil(() => driver.calls.filter((call) => call.startsWith('unstage')).length === 2, 60_000, 'tried again');
  assert.equal(inUse(), unique, 'until it is unstaged');
  driver.fail('unstage', '');
  await removing;
  await world.until(() => inUse() === '', 'nothing is in use');
});

test('a pod that goes while its volume is on the way lets go of it, and the driver is asked nothing', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.disk('data');
  world.bind(mounting('web', [claimed('data')]));
  await world.until(() => world.node().status?.volumesInUse?.length === 1);
  await remove(world, 'web');
  await world.until(() => world.node().status?.volumesInUse?.length === 0);
  assert.deepEqual(driver.calls, []);
});

test('a raw volume is published as a device, which the container gets, and taken back', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.object({});
  world.disk('raw', {}, { volumeMode: 'Block' });
  world.bind(mounting('web', [claimed('raw')], 'devices'));
  await runs(world, 'web');
  const { stagingTargetPath, targetPath, volumeCapability } = driver.last.get('publish') ?? {};
  const devices = join(world.folder, 'root/plugins/kubernetes.io/csi/volumeDevices');
  assert.deepEqual(volumeCapability, { block: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' } });
  assert.ok(stagingTargetPath?.endsWith('/plugins/kubernetes.io/csi/volumeDevices/staging/pv-raw'));
  assert.ok(targetPath?.endsWith('/plugins/kubernetes.io/csi/volumeDevices/publish/pv-raw/uid-web'));
  const config = world.runtime.calls.findLast(({ method }) => method === 'createContainer')?.request['config'] as ContainerConfig;
  assert.deepEqual(config.devices, [{ hostPath: targetPath, containerPath: '/raw', permissions: 'mrw' }]);
  await remove(world, 'web');
  assert.deepEqual(
    driver.calls,
    ['stage', 'publish', 'unpublish', 'unstage'].map((verb) => `${verb} handle-raw`),
  );
  for (const left of ['publish/pv-raw', 'staging/pv-raw', 'pv-raw']) assert.ok(!existsSync(join(devices, left)), left);
});

test('a volume is used as what it is: a file system is no device, a device no file system', async (t) => {
  const world = await site(t);
  await (await world.driver()).registered();
  world.object({});
  world.disk('files');
  world.disk('raw', {}, { volumeMode: 'Block' });
  world.bind(mounting('web', [claimed('files')], 'devices'));
  world.bind(mounting('other', [claimed('raw')]));
  const says = (name: string, words: string) => world.until(() => world.told(name).some((line) => line.endsWith(words)), words);
  await says('web', 'volume files has volumeMode Filesystem, but is specified in volumeDevices');
  await says('other', 'volume raw has volumeMode Block, but is specified in volumeMounts');
});

test('a driver that asks for it publishes again while the pod runs, with new tokens in place of the old', async (t) => {
  const world = await site(t);
  const driver = await world.driver({ capabilities: [] });
  await driver.registered();
  world.object({ volumeLifecycleModes: ['Ephemeral'], requiresRepublish: true });
  world.bind(mounting('web', [inline]));
  await runs(world, 'web');
  const published = (): number => driver.calls.filter((call) => call.startsWith('publish')).length;
  await world.advanceUntil(() => published() >= 3, 200_000, 'published again and again');
  driver.fail('publish', 'no answer');
  await world.advanceUntil(() => world.told('web').some((line) => line.includes('no answer')), 100_000, 'told');
  assert.equal(world.pod('web').status.phase, 'Running');
});

test('a pod whose driver hangs ends when it is told to, and its volumes are given back once the driver answers', async (t) => {
  const world = await site(t);
  const driver = await world.driver({ capabilities: [] });
  await driver.registered();
  world.object({ volumeLifecycleModes: ['Ephemeral'], requiresRepublish: true });
  world.bind(mounting('web', [inline]));
  await runs(world, 'web');
  const hung = driver.hang('publish');
  const published = driver.calls.length;
  await world.advanceUntil(() => driver.calls.length > published, 200_000, 'published again');
  await world.client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 5 });
  await world.advanceUntil(() => world.runtime.container('app').state === 'CONTAINER_EXITED', 10_000, 'it has ended');
  assert.ok(!driver.calls.some((call) => call.startsWith('unpublish')), 'nothing is taken back while it may still be given');
  hung.answer();
  await world.advanceUntil(() => world.server.stored(pods).length === 0, 30_000, 'web is gone');
  assert.ok(driver.calls.at(-1)?.startsWith('unpublish'));
});

test('a driver sees to the group itself when it can, and gets tokens among secrets when it wants that', async (t) => {
  const world = await site(t);
  const driver = await world.driver({ capabilities: ['VOLUME_MOUNT_GROUP'] });
  await driver.registered();
  world.object({ fsGroupPolicy: 'File', tokenRequests: [{ audience: 'vault' }], serviceAccountTokenInSecrets: true });
  world.server.react({ resource: 'serviceaccounts', subresource: 'token' }, () => ({
    status: { token: 'tok', expirationTimestamp: '2099-01-01T00:00:00Z' },
  }));
  world.disk('data');
  const web = mounting('web', [claimed('data')]);
  world.bind({ ...web, spec: { ...web.spec, serviceAccountName: 'default', securityContext: { fsGroup: 4321 } } } as typeof web);
  await runs(world, 'web');
  const { volumeCapability, volumeContext, secrets: words } = driver.last.get('publish') ?? {};
  assert.equal(volumeCapability?.mount?.volumeMountGroup, '4321');
  assert.deepEqual(volumeContext, { size: 'big' });
  assert.deepEqual(Object.keys(JSON.parse(words?.['csi.storage.k8s.io/serviceAccount.tokens'] ?? '{}') as object), ['vault']);
});

test('what a driver measures is told of the claim, and nothing by one that does not measure', async (t) => {
  const world = await site(t);
  const driver = await world.driver({ capabilities: ['GET_VOLUME_STATS'] });
  await driver.registered();
  driver.usage = [
    { unit: 'BYTES', total: 1000, used: 300, available: 700 },
    { unit: 'INODES', total: 50, used: 20, available: 30 },
  ];
  world.object({});
  world.disk('data');
  world.bind(mounting('web', [claimed('data')]));
  await runs(world, 'web');
  const [summary] = (await world.kubelet.view.summary()).pods;
  const { time: _, ...figures } = summary?.volume?.[0] ?? { time: '' };
  assert.deepEqual(figures, {
    name: 'data',
    pvcRef: { name: 'data', namespace: 'default' },
    capacityBytes: 1000,
    usedBytes: 300,
    availableBytes: 700,
    inodes: 50,
    inodesUsed: 20,
    inodesFree: 30,
  });
  const metrics = await ownMetrics(world.clock).text(world.kubelet.view);
  assert.match(metrics, /^kubelet_volume_stats_used_bytes\{namespace="default",persistentvolumeclaim="data"\} 300$/m);
  const published = `driver_name="${DRIVER}",grpc_status_code="OK",method_name="/csi.v1.Node/NodePublishVolume",migrated="false"`;
  assert.ok(metrics.includes(`csi_operations_seconds_count{${published}} 1`));
  assert.match(metrics, /^kubelet_volume_stats_inodes_free\{namespace="default",persistentvolumeclaim="data"\} 30$/m);
});

test('how many volumes a node may have is asked again as often as the driver wants', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.object({ nodeAllocatableUpdatePeriodSeconds: 10 });
  const count = (): number | undefined => world.server.stored(csinodes)[0]?.spec.drivers?.[0]?.allocatable?.count;
  assert.equal(count(), 3);
  driver.most = 2;
  await world.advanceUntil(() => count() === 2, 20_000, 'two');
});

test('a driver that goes while somebody else writes the CSINode is told of no more', async (t) => {
  const world = await site(t);
  const driver = await world.driver();
  await driver.registered();
  world.server.failNext({ verb: 'update', resource: 'csinodes' }, new StatusError('Conflict', 'the object has been modified'), 2);
  await driver.stop();
  await world.advanceUntil(() => (world.server.stored(csinodes)[0]?.spec.drivers ?? []).length === 0, 10_000, 'gone');
});

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
