import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { persistentvolumeclaims, persistentvolumes } from '#api/resources.ts';
import type { Pod, Volume } from '#api/types.ts';
import { fakeClient } from '#client/testing.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { container, pod } from '../testing/pods.ts';
import { PERSISTENT_KINDS, persistentPlugin } from './persistent.ts';
import { VolumeError } from './plugin.ts';

const data = { name: 'data', persistentVolumeClaim: { claimName: 'data', readOnly: false } } as Volume;

interface World {
  readonly phase?: string;
  readonly spec?: object;
  readonly claimRef?: object;
  readonly claim?: object;
}

function setUp(
  volume: Volume,
  { phase = 'Bound', spec = {}, claimRef = { uid: 'c1' }, claim = {} }: World,
  of: Pod = pod({ spec: { containers: [container('c')] } }),
) {
  const { client, server } = fakeClient();
  server.seed(persistentvolumeclaims, {
    metadata: { name: 'data', namespace: of.metadata.namespace, uid: 'c1', ...claim },
    spec: { volumeName: 'v1' },
    status: { phase },
  } as never);
  server.seed(persistentvolumes, { metadata: { name: 'v1' }, spec: { ...spec, claimRef } } as never);
  return persistentPlugin(client, PERSISTENT_KINDS).setUp({ pod: of, volume, path: '/unused' });
}

test('a claim is mounted from the folder its volume names, and given to the pod’s group', async (t) => {
  const path = join(temporaryFolder(t), 'v');
  mkdirSync(path);
  const group = process.getgid?.() ?? 0;
  const plain = pod({ spec: { containers: [container('c')] } });
  const owned = { ...plain, spec: { ...plain.spec, securityContext: { fsGroup: group } } };
  const mounted = await setUp(data, { spec: { local: { path } } }, owned);
  assert.deepEqual([mounted.path, mounted.readOnly], [path, false]);
  const { capacityBytes = 0, usedBytes = 0 } = (await mounted.measure?.()) ?? {};
  assert.ok(capacityBytes > usedBytes && usedBytes > 0, 'of the file system it lies on');
  assert.equal(statSync(path).mode & 0o2060, 0o2060);
  const readOnly = { ...data, persistentVolumeClaim: { claimName: 'data', readOnly: true } };
  assert.equal((await setUp(readOnly, { spec: { local: { path } } })).readOnly, true);
  const made = join(path, 'made');
  await setUp(data, { spec: { hostPath: { path: made, type: 'DirectoryOrCreate' } } });
  assert.ok(existsSync(made));
});

test('a local volume is a device when it says so; a folder of the host cannot be', async () => {
  const uses = container('c', { volumeDevices: [{ name: 'data', devicePath: '/dev/data' }] });
  const of = pod({ spec: { containers: [uses] } });
  const local = await setUp(data, { spec: { volumeMode: 'Block', local: { path: '/dev/null' } } }, of);
  assert.deepEqual([local.path, local.block], ['/dev/null', true]);
  await assert.rejects(setUp(data, { spec: { volumeMode: 'Block', hostPath: { path: '/dev/null', type: '' } } }, of), VolumeError);
});

const ephemeral = { name: 'x', ephemeral: { volumeClaimTemplate: {} } } as unknown as Volume;
for (const [name, volume, world, message] of [
  ['one that is not bound', data, { phase: 'Pending' }, /^error processing PVC .*\/data: PVC is not bound$/],
  [
    'one that is being deleted',
    data,
    { claim: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
    /can't start pod because PVC is being deleted$/,
  ],
  [
    'one that is missing',
    { ...data, persistentVolumeClaim: { claimName: 'x', readOnly: false } },
    {},
    /failed to fetch PVC from API server: .*"x" not found$/,
  ],
  ['a volume of another claim', data, { claimRef: { uid: 'c2' } }, /pv\.Spec\.ClaimRef\.UID c2 does not point to claim\.UID c1$/],
  ['a folder that is not there', data, { spec: { local: { path: '/nowhere/at/all' } } }, /^path "\/nowhere\/at\/all" does not exist$/],
  ['a kind nobody knows', data, { spec: { nfs: {} } }, /^no volume plugin matched$/],
  [
    'another’s claim for an ephemeral volume',
    ephemeral,
    { claim: { name: 'web-x' } },
    /was not created for pod .*\/web \(pod is not owner\)$/,
  ],
] as readonly (readonly [string, Volume, World, RegExp])[]) {
  test(`a pod waits for ${name}`, () =>
    assert.rejects(setUp(volume, world), (error) => error instanceof VolumeError && message.test(error.message)));
}
