import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isStatusError } from '#apimachinery/errors.ts';
import { nodes, persistentvolumeclaims, persistentvolumes } from '#api/resources.ts';
import type { New, PersistentVolumeClaim } from '#api/types.ts';
import { ensureLocalPath } from '#cluster/node/local-path.ts';
import { localPathDeleter } from '#controllers/local-path/deleter.ts';
import { fateOf, ownFolder } from '#controllers/local-path/plan.ts';
import { localPathProvisioner } from '#controllers/local-path/provisioner.ts';
import { claimBinder } from '#controllers/persistent-volume/claim-controller.ts';
import { volumeBinder } from '#controllers/persistent-volume/volume-controller.ts';
import { claimProtection, volumeProtection } from '#controllers/storage-protection/controllers.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

const root = mkdtempSync(join(tmpdir(), 'proa-local-path-'));
const place = { nodeName: 'n1', root };
let t: ControllerTest;
before(async () => {
  t = await startControllerTest({
    controllers: [claimBinder, volumeBinder, claimProtection, volumeProtection, localPathProvisioner(place), localPathDeleter(place)],
    prepare: ensureLocalPath,
  });
  await t.client.create(nodes, { metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'host-1' } } });
});
after(async () => {
  await t.stop();
  rmSync(root, { recursive: true });
  assert.deepEqual(t.warnings, []);
});

const claim = (name: string, spec: New<PersistentVolumeClaim['spec']> = {}) =>
  t.client.create(persistentvolumeclaims, {
    metadata: { name, namespace: 'ns' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  } as New<PersistentVolumeClaim>);

/** As the scheduler does once it has chosen. */
const choose = (name: string, node: string) =>
  t.client.patch(
    persistentvolumeclaims,
    { name, namespace: 'ns' },
    { type: 'merge', body: { metadata: { annotations: { 'volume.kubernetes.io/selected-node': node } } } },
  );

const bound = (name: string) =>
  t.until(async () => {
    const found = await t.client.get(persistentvolumeclaims, { name, namespace: 'ns' });
    return found.status.phase === 'Bound' ? found : undefined;
  });

test('a claim of the default class gets a folder on the chosen node, writable by all, and both go with it', async () => {
  const made = await claim('data');
  assert.equal(made.spec.storageClassName, 'local-path');
  await choose('data', 'n1');
  const { spec } = await bound('data');
  const volume = await t.client.get(persistentvolumes, { name: spec.volumeName as string });
  const folder = volume.spec.local?.path as string;
  assert.equal(folder, join(root, `pvc-${made.metadata.uid}_ns_data`));
  assert.equal(statSync(folder).mode & 0o777, 0o777);
  assert.deepEqual(volume.spec.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values, ['host-1']);
  writeFileSync(join(folder, 'file'), 'kept until the claim goes');
  await t.client.delete(persistentvolumeclaims, { name: 'data', namespace: 'ns' });
  await t.until(async () => {
    try {
      await t.client.get(persistentvolumes, volume.metadata);
      return undefined;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return true;
      throw error;
    }
  });
  assert.equal(existsSync(folder), false);
  assert.ok(t.events.includes('Normal ProvisioningSucceeded Successfully provisioned volume ' + volume.metadata.name));
});

test('claims of other nodes are not looked at, and one that cannot be a folder is told so', async () => {
  await claim('elsewhere');
  await choose('elsewhere', 'n2');
  await claim('shared', { accessModes: ['ReadWriteMany'] });
  await choose('shared', 'n1');
  const text =
    'Warning ProvisioningFailed failed to provision volume with StorageClass "local-path": only ReadWriteOnce and ReadWriteOncePod are possible, not ReadWriteMany';
  await t.until(() => Promise.resolve(t.events.includes(text) ? true : undefined));
  assert.deepEqual(readdirSync(root), []);
});

test('ownFolder knows only folders right below the root that are named for their volume', () => {
  const volume = (path: string, provisioner = 'proa.dev/local-path') =>
    ({
      metadata: { name: 'pvc-1', annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
      spec: { local: { path }, persistentVolumeReclaimPolicy: 'Delete' },
      status: { phase: 'Released' },
    }) as never;
  assert.equal(ownFolder(volume(`${root}/pvc-1_ns_a`), place), `${root}/pvc-1_ns_a`);
  for (const path of ['/etc', root, `${root}/pvc-1_ns_a/../../etc`, `${root}/other`, `${root}x/pvc-1_ns_a`])
    assert.equal(ownFolder(volume(path), place), undefined, path);
  assert.equal(ownFolder(volume(`${root}/pvc-1_ns_a`, 'example.com/disk'), place), undefined);
  assert.equal(fateOf(volume('')), 'delete');
});
