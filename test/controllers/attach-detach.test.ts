// Attaching over a real API server; the test plays the driver's own attacher, and the kubelets.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { attachmentName, uniqueVolumeName } from '#api/csi.ts';
import { csidrivers, nodes, persistentvolumeclaims, persistentvolumes, pods, volumeattachments } from '#api/resources.ts';
import type { VolumeAttachment } from '#api/gen/storage-v1.ts';
import type { New, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { attachDetachController } from '#controllers/attach-detach/controller.ts';
import { ControllerMetrics } from '#controllers/metrics/metrics.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

const DRIVER = 'disk.test';
const FINALIZER = 'external-attacher/disk-test';
const metrics = new ControllerMetrics();

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [attachDetachController], metrics });
  for (const name of ['n1', 'n2']) await node(name);
});
after(async () => {
  await t.stop();
  assert.deepEqual(
    t.warnings.filter((line) => !line.startsWith('a volume is detached from a node that did not let go')),
    [],
  );
});

async function node(name: string): Promise<void> {
  await t.client.create(nodes, { metadata: { name, annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' } } });
  await says(name, { conditions: [{ type: 'Ready', status: 'True', reason: 'Kubelet', message: '', lastTransitionTime: null }] });
}

/** As its kubelet. */
const says = (name: string, status: object) =>
  t.client.patch(nodes, { name }, { type: 'strategic', body: { status } }, { subresource: 'status' });
const uses = (name: string, handles: readonly string[]) => says(name, { volumesInUse: handles.map(unique) });
const ready = (name: string, status: 'True' | 'Unknown') => says(name, { conditions: [{ type: 'Ready', status }] });

const unique = (volumeHandle: string): string => uniqueVolumeName({ driver: DRIVER, volumeHandle });
const attachmentOf = (volumeHandle: string, on: string): string => attachmentName({ driver: DRIVER, volumeHandle }, on);

/** A volume, its bound claim of the same name; the volume's handle is the name too. */
async function disk(name: string, accessMode = 'ReadWriteOnce', driver = DRIVER): Promise<void> {
  const accessModes = [accessMode];
  const { metadata } = await t.client.create(persistentvolumeclaims, {
    metadata: { name, namespace: 'ns' },
    spec: { accessModes, resources: { requests: { storage: '1Gi' } }, storageClassName: '', volumeName: name },
  } as New<PersistentVolumeClaim>);
  await t.client.create(persistentvolumes, {
    metadata: { name },
    spec: {
      accessModes,
      capacity: { storage: '1Gi' },
      csi: { driver, volumeHandle: name },
      claimRef: { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: 'ns', name, uid: metadata.uid },
    },
  } as New<PersistentVolume>);
  const body = { status: { phase: 'Bound' } };
  await t.client.patch(persistentvolumeclaims, { name, namespace: 'ns' }, { type: 'merge', body }, { subresource: 'status' });
}

const user = (name: string, claimName: string, nodeName: string) =>
  t.client.create(pods, {
    metadata: { name, namespace: 'ns' },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
    },
  } as New<Pod>);
const gone = (name: string) => t.client.delete(pods, { name, namespace: 'ns' }, { gracePeriodSeconds: 0 });

/** What it attends to may be deleted under its hands. */
function unlessGone(error: unknown): void {
  if (!isStatusError(error, 'NotFound')) throw error;
}

async function attachment(name: string): Promise<VolumeAttachment | undefined> {
  try {
    return await t.client.get(volumeattachments, { name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** What the attacher says of volumes it cannot attach. */
const refusals = new Map<string, string>();

/** One round of the driver's attacher: attaches what it can, detaches what is deleted. */
async function attacher(): Promise<void> {
  for (const found of (await t.client.list(volumeattachments)).items) await attend(found).catch(unlessGone);
}

async function attend(found: VolumeAttachment): Promise<void> {
  const { name, finalizers = [], deletionTimestamp } = found.metadata;
  const status = (body: object) =>
    t.client.patch(volumeattachments, { name }, { type: 'merge', body: { status: body } }, { subresource: 'status' });
  const finalize = (mine: readonly string[]) =>
    t.client.patch(volumeattachments, { name }, { type: 'merge', body: { metadata: { finalizers: mine } } });
  const refusal = refusals.get(found.spec.source.persistentVolumeName ?? '');
  if (deletionTimestamp !== undefined) {
    await status({ attached: false });
    await finalize([]);
  } else if (refusal !== undefined) {
    if (found.status.attachError?.message !== refusal) await status({ attached: false, attachError: { message: refusal, time: null } });
  } else if (!found.status.attached) {
    if (!finalizers.includes(FINALIZER)) await finalize([FINALIZER]);
    await status({ attached: true, attachError: null, attachmentMetadata: { device: 'sdb' } });
  }
}

const attachedTo = async (name: string): Promise<readonly string[]> =>
  ((await t.client.get(nodes, { name })).status?.volumesAttached ?? []).map((each) => each.name);

/** With the attacher at work, until `look` gives something. */
const once = <T>(look: () => Promise<T | undefined>, stepMs?: number) =>
  t.until(async () => {
    await attacher();
    return look();
  }, stepMs);
const attached = (handle: string, to: string) => once(async () => ((await attachedTo(to)).includes(unique(handle)) ? true : undefined));
const detached = (handle: string, from: string, stepMs?: number) =>
  once(async () => ((await attachment(attachmentOf(handle, from))) === undefined ? true : undefined), stepMs);
const told = (line: string) => t.events.filter((each) => each === line).length;
const event = (line: string) => once(() => Promise.resolve(told(line) > 0 ? true : undefined));

test('a volume is attached for a pod, told to node and pod, and detached when the pod and its mounts are gone', async () => {
  await disk('data');
  await user('web', 'data', 'n1');
  const made = await t.until(() => attachment(attachmentOf('data', 'n1')));
  assert.deepEqual(made.spec, { attacher: DRIVER, nodeName: 'n1', source: { persistentVolumeName: 'data' } });
  assert.deepEqual(await attachedTo('n1'), [], 'before the driver has attached it');
  await attached('data', 'n1');
  assert.deepEqual((await t.client.get(nodes, { name: 'n1' })).status?.volumesAttached, [{ name: unique('data'), devicePath: '' }]);
  await event('Normal SuccessfulAttachVolume AttachVolume.Attach succeeded for volume "data" ');

  await uses('n1', ['data']);
  await gone('web');
  await user('other', 'data', 'n2');
  await event(
    `Warning FailedAttachVolume Multi-Attach error for volume "data" Volume is already exclusively attached to one node and can't be attached to another`,
  );
  assert.ok(await attachment(attachmentOf('data', 'n1')), 'still mounted');
  await uses('n1', []);
  await detached('data', 'n1');
  assert.deepEqual(await attachedTo('n1'), []);
  await attached('data', 'n2');
  await gone('other');
  await detached('data', 'n2');
});

test('a second node is told once who has the volume; a volume for many goes to both', async () => {
  await disk('one');
  await disk('many', 'ReadWriteMany');
  for (const [name, claim, on] of [
    ['first', 'one', 'n1'],
    ['reader', 'many', 'n1'],
  ] as const) {
    await user(name, claim, on);
    await attached(claim, on);
  }
  await user('second', 'one', 'n2');
  await user('writer', 'many', 'n2');
  await attached('many', 'n2');
  const line = 'Warning FailedAttachVolume Multi-Attach error for volume "one" Volume is already used by pod(s) first';
  await event(line);
  await gone('reader');
  await detached('many', 'n1');
  assert.equal(told(line), 1);
  assert.equal(await attachment(attachmentOf('one', 'n2')), undefined);
  for (const name of ['first', 'second', 'writer']) await gone(name);
  for (const [handle, from] of [
    ['one', 'n1'],
    ['many', 'n2'],
  ] as const)
    await detached(handle, from);
});

test('what the driver says stands in the way is told, and tried until it works', async () => {
  await disk('full');
  refusals.set('full', 'rpc error: code = ResourceExhausted desc = no slot left');
  await user('web', 'full', 'n1');
  const line =
    'Warning FailedAttachVolume AttachVolume.Attach failed for volume "full" : rpc error: code = ResourceExhausted desc = no slot left';
  await event(line);
  const [before, since] = [told(line), t.clock.monotonic()];
  await once(() => Promise.resolve(told(line) >= before + 3 ? true : undefined));
  assert.ok(t.clock.monotonic() - since >= 500 + 1000 + 2000, 'later and later');
  refusals.delete('full');
  await attached('full', 'n1');
  await gone('web');
  await detached('full', 'n1');
});

test('a driver that does not answer is named after two minutes', async () => {
  await disk('slow');
  await user('web', 'slow', 'n1');
  const line =
    'Warning FailedAttachVolume AttachVolume.Attach failed for volume "slow" : timed out waiting for external-attacher of disk.test CSI driver to attach volume slow';
  await t.until(() => Promise.resolve(told(line) > 0 ? true : undefined), 5_000);
  await gone('web');
  await detached('slow', 'n1');
});

test('nothing is attached for drivers that do not need it, nor for pods that have ended, and what is no longer needed is detached', async () => {
  const driver = (attachRequired: boolean) => ({ metadata: { name: 'plain.test' }, spec: { attachRequired } });
  await t.client.create(csidrivers, driver(false) as never);
  await disk('plain', 'ReadWriteOnce', 'plain.test');
  await disk('ended');
  await user('web', 'plain', 'n1');
  await user('job', 'ended', 'n1');
  await attached('ended', 'n1');
  await t.client.patch(
    pods,
    { name: 'job', namespace: 'ns' },
    { type: 'merge', body: { status: { phase: 'Succeeded' } } },
    { subresource: 'status' },
  );
  await detached('ended', 'n1');
  assert.equal(await attachment(attachmentName({ driver: 'plain.test', volumeHandle: 'plain' }, 'n1')), undefined);
  await gone('job');
  await gone('web');
});

test('a node that is silent, or gone, keeps a volume for six minutes, one out of service loses it at once, a ready one keeps it', async () => {
  for (const name of ['lost', 'taken', 'kept', 'removed']) {
    await disk(name);
    await node(`of-${name}`);
    await user(`on-${name}`, name, `of-${name}`);
    await attached(name, `of-${name}`);
    await uses(`of-${name}`, [name]);
  }
  await ready('of-lost', 'Unknown');
  const since = t.clock.monotonic();
  for (const name of ['lost', 'taken', 'kept', 'removed']) await gone(`on-${name}`);
  await t.client.delete(nodes, { name: 'of-removed' });
  const taints = [{ key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' }];
  await t.client.patch(nodes, { name: 'of-taken' }, { type: 'merge', body: { spec: { taints } } });
  await detached('taken', 'of-taken');
  assert.ok(t.clock.monotonic() - since < 360_000);
  for (const name of ['lost', 'removed']) assert.ok(await attachment(attachmentOf(name, `of-${name}`)), name);
  await detached('lost', 'of-lost', 5_000);
  await detached('removed', 'of-removed', 5_000);
  assert.ok(t.clock.monotonic() - since >= 360_000);
  assert.ok(await attachment(attachmentOf('kept', 'of-kept')));
  const figures = metrics.expose();
  assert.match(figures, /^attachdetach_controller_forced_detaches\{reason="timeout"\} 2$/m);
  assert.match(figures, /^attachdetach_controller_forced_detaches\{reason="out-of-service"\} 1$/m);
  await uses('of-kept', []);
  await detached('kept', 'of-kept');
});

test('controllers that start anew keep what is attached, finish what was begun, and detach what nobody wants', async () => {
  for (const name of ['steady', 'begun', 'left', 'unknown']) await disk(name);
  await user('web', 'steady', 'n1');
  await user('api', 'left', 'n1');
  for (const name of ['steady', 'left']) await attached(name, 'n1');
  await user('db', 'begun', 'n1');
  await t.until(() => attachment(attachmentOf('begun', 'n1')));
  const before = t.events.length;
  await t.restart(async () => {
    await gone('api');
    // Made by an earlier one that did not live to see what came of it.
    await t.client.create(volumeattachments, {
      metadata: { name: attachmentOf('unknown', 'n2') },
      spec: { attacher: DRIVER, nodeName: 'n2', source: { persistentVolumeName: 'unknown' } },
    } as New<VolumeAttachment>);
    await t.client.create(volumeattachments, {
      metadata: { name: 'of-somebody-else' },
      spec: { attacher: DRIVER, nodeName: 'n2', source: { persistentVolumeName: 'unknown' } },
    } as New<VolumeAttachment>);
  });
  await attached('begun', 'n1');
  await detached('left', 'n1');
  await detached('unknown', 'n2');
  assert.deepEqual((await attachedTo('n1')).toSorted(), [unique('begun'), unique('steady')]);
  assert.deepEqual(t.events.slice(before), ['Normal SuccessfulAttachVolume AttachVolume.Attach succeeded for volume "begun" ']);
  assert.ok(await attachment('of-somebody-else'), 'is not this controller’s');
});

test('a node that comes back without its status is told again, and an attachment that somebody deletes is made again', async () => {
  await t.client.delete(nodes, { name: 'n1' });
  await node('n1');
  await attached('steady', 'n1');
  const { uid } = (await attachment(attachmentOf('steady', 'n1')))?.metadata ?? {};
  await t.client.delete(volumeattachments, { name: attachmentOf('steady', 'n1') });
  await once(async () => {
    const found = await attachment(attachmentOf('steady', 'n1'));
    return found !== undefined && found.metadata.uid !== uid && found.status.attached ? true : undefined;
  });
  await attached('steady', 'n1');
});

test('figures tell what is attached and how long it took', () => {
  const figures = metrics.expose();
  const plugin = `volume_plugin="kubernetes.io/csi:${DRIVER}"`;
  for (const name of ['volume_attach', 'volume_detach'])
    assert.match(
      figures,
      new RegExp(
        `^storage_operation_duration_seconds_count\\{migrated="false",operation_name="${name}",status="success",${plugin}\\} \\d`,
        'm',
      ),
    );
  assert.match(
    figures,
    /^attachdetach_controller_total_volumes\{plugin_name="kubernetes.io\/csi:disk.test",state="desired_state_of_world"\} 2$/m,
  );
  assert.match(figures, /^storage_count_attachable_volumes_in_use\{node="n1",volume_plugin="kubernetes.io\/csi:disk.test"\} 2$/m);
});
