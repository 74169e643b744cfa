import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pods } from '#api/resources.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { IMAGE, startWorld, type World } from '../testing/world.ts';
import { ManifestError, podFromManifest } from './static-pods.ts';

const manifest = (command: string): string => `
apiVersion: v1
kind: Pod
metadata:
  name: keeper
  labels: {app: keeper}
spec:
  containers:
    - name: app
      image: ${IMAGE}
      command: [${command}]
`;

test('podFromManifest names the pod after its node and tolerates every NoExecute taint', () => {
  const pod = podFromManifest(manifest('sleep'), '/etc/pods/keeper.yaml', 'Node-1', 0);
  assert.equal(pod.metadata.name, 'keeper-node-1');
  assert.equal(pod.metadata.namespace, 'default');
  assert.match(pod.metadata.uid, /^[0-9a-f]{32}$/);
  assert.equal(pod.metadata.annotations?.['kubernetes.io/config.source'], 'file');
  assert.equal(pod.metadata.annotations?.['kubernetes.io/config.hash'], pod.metadata.uid);
  assert.equal(pod.spec.nodeName, 'Node-1');
  assert.equal(pod.spec.containers[0]?.terminationMessagePath, '/dev/termination-log');
  assert.deepEqual(pod.spec.tolerations, [{ operator: 'Exists', effect: 'NoExecute' }]);
});

test('podFromManifest gives another uid for another content, file or node', () => {
  const uid = (text: string, file: string, node: string): string => podFromManifest(text, file, node, 0).metadata.uid;
  const uids = [uid(manifest('a'), 'f', 'n'), uid(manifest('b'), 'f', 'n'), uid(manifest('a'), 'g', 'n'), uid(manifest('a'), 'f', 'm')];
  assert.equal(new Set(uids).size, 4);
  assert.equal(uid(manifest('a'), 'f', 'n'), uids[0]);
});

for (const text of ['kind: Pod', 'apiVersion: v1\nkind: Service', '{', 'apiVersion: v1\nkind: Pod\nspec: {colour: red}']) {
  test(`podFromManifest refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => podFromManifest(text, 'f', 'n', 0), ManifestError);
  });
}

test('a static pod runs, shows in the API, and its mirror comes back when it is deleted', async (t) => {
  const folder = join(temporaryFolder(t), 'manifests');
  mkdirSync(folder);
  writeFileSync(join(folder, 'keeper.yaml'), manifest('sleep'));
  const world = await startWorld(t, { config: { staticPodPath: folder } });
  await world.until(() => world.server.stored(pods).some(({ status }) => status.phase === 'Running'));
  const mirror = world.pod('keeper-node');
  assert.equal(mirror.metadata.annotations?.['kubernetes.io/config.mirror'], mirror.metadata.annotations?.['kubernetes.io/config.hash']);

  await world.client.delete(pods, { name: 'keeper-node', namespace: 'default' }, { gracePeriodSeconds: 0 });
  await world.until(() =>
    world.server.stored(pods).some(({ metadata, status }) => metadata.uid !== mirror.metadata.uid && status.phase === 'Running'),
  );
  assert.equal(world.runtime.calls.filter(({ method }) => method === 'stopContainer').length, 0);
});

test('a static pod follows its manifest: changed it is replaced, removed it ends', async (t) => {
  const folder = join(temporaryFolder(t), 'manifests');
  mkdirSync(folder);
  const file = join(folder, 'keeper.yaml');
  writeFileSync(file, manifest('first'));
  const world = await startWorld(t, { config: { staticPodPath: folder } });
  const running = (): readonly string[] =>
    world.runtime.containers.filter(({ state }) => state === 'CONTAINER_RUNNING').map(({ config }) => config.command.join(' '));
  await world.until(() => running().join() === 'first');
  writeFileSync(file, manifest('second'));
  await world.advanceUntil(() => running().join() === 'second', 60_000);
  writeFileSync(file, 'kind: [');
  await world.settle();
  assert.deepEqual(running(), ['second']);
  renameSync(folder, `${folder}-away`);
  symlinkSync(folder, folder); // it cannot be read
  const until = world.clock.now() + 60_000;
  await world.advanceUntil(() => world.clock.now() >= until, 120_000);
  assert.deepEqual(running(), ['second']);
  rmSync(folder);
  renameSync(`${folder}-away`, folder);
  rmSync(file);
  await world.advanceUntil(() => running().length === 0 && world.server.stored(pods).length === 0, 60_000);
});

test('static pods whose folder cannot be read when the kubelet starts run on', async (t) => {
  const folder = join(temporaryFolder(t), 'manifests');
  mkdirSync(folder);
  writeFileSync(join(folder, 'keeper.yaml'), manifest('sleep'));
  const world = await startWorld(t, { config: { staticPodPath: folder, fileCheckFrequency: 500 } });
  await world.until(() => world.server.stored(pods).some(({ status }) => status.phase === 'Running'));
  await world.kubelet.stop();
  renameSync(folder, `${folder}-away`);
  symlinkSync(folder, folder); // it cannot be read
  await world.restart();
  const until = world.clock.now() + 60_000;
  await world.advanceUntil(() => world.clock.now() >= until, 120_000);
  assert.equal(world.runtime.container('app').state, 'CONTAINER_RUNNING');
  rmSync(folder);
  renameSync(`${folder}-away`, folder);
  world.runtime.exit(world.runtime.container('app'), 1);
  const running = (): number => world.runtime.containers.filter(({ state }) => state === 'CONTAINER_RUNNING').length;
  await world.advanceUntil(() => running() === 1, 60_000, 'it is looked after again');
  assert.equal(world.runtime.calls.filter(({ method }) => method === 'stopContainer').length, 0);
});

test('a static pod that is back while what an earlier one left is cleared away keeps its folder', async (t) => {
  const folder = join(temporaryFolder(t), 'manifests');
  mkdirSync(folder);
  const world = await startWorld(t, { config: { staticPodPath: folder, fileCheckFrequency: 500 } });
  const own = join(world.folder, 'root', 'pods', 'uid-keeper');
  const mounted = join(own, 'volumes', 'kubernetes.io~empty-dir', 'left');
  mkdirSync(mounted, { recursive: true });
  world.mounter.mounts.push({ source: 'tmpfs', path: mounted, type: 'tmpfs' });
  const unmount = world.mounter.unmount.bind(world.mounter);
  let back = false;
  world.mounter.unmount = async (target) => {
    await unmount(target);
    writeFileSync(join(folder, 'keeper.yaml'), manifest('sleep').replace('name: keeper', 'name: keeper\n  uid: uid-keeper'));
    await world.until(() => world.runtime.containers.some(({ state }) => state === 'CONTAINER_RUNNING'));
    back = true;
  };
  await world.advanceUntil(() => back, 60_000, 'it is cleared away');
  await world.settle();
  assert.ok(existsSync(join(own, 'etc-hosts')));
});

for (const [name, end] of [
  ['at once', async () => {}],
  [
    'once it has ended',
    (world: World) => world.advanceUntil(() => world.runtime.containers.every(({ state }) => state === 'CONTAINER_EXITED'), 60_000),
  ],
] as const) {
  test(`a static pod whose manifest goes and comes back ${name} ends and runs again`, async (t) => {
    const folder = join(temporaryFolder(t), 'manifests');
    mkdirSync(folder);
    const file = join(folder, 'keeper.yaml');
    writeFileSync(file, manifest('sleep'));
    const world = await startWorld(t, { config: { staticPodPath: folder, fileCheckFrequency: 500 } });
    const mirrored = (): readonly string[] => world.server.stored(pods).map(({ metadata, status }) => `${metadata.uid} ${status.phase}`);
    await world.until(() => mirrored().join().endsWith('Running'));
    const [first, before] = [world.runtime.container('app'), mirrored().join()];
    world.runtime.behave('app', { onTerm: 'ignore' });
    rmSync(file);
    await world.advanceUntil(() => world.runtime.calls.some(({ method }) => method === 'stopContainer'), 60_000);
    await end(world);
    writeFileSync(file, manifest('sleep'));
    const ready = (): boolean => {
      const running = world.runtime.containers.filter(({ state }) => state === 'CONTAINER_RUNNING');
      return running.length === 1 && running[0] !== first && mirrored().length === 1 && mirrored().join().endsWith('Running');
    };
    await world.advanceUntil(() => ready() && mirrored().join() !== before, 120_000, 'it runs again');
    assert.equal(first.state, 'CONTAINER_EXITED');
    assert.equal(world.runtime.sandboxes.length, 1);
  });
}
