import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { configmaps, pods, serviceaccounts } from '#api/resources.ts';
import type { HostPathVolumeSource, Volume } from '#api/types.ts';
import { fakeClient } from '#client/testing.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { container, pod } from '../testing/pods.ts';
import { FakeMounter, startWorld } from '../testing/world.ts';
import { writeAtomically, type Payload } from './atomic-writer.ts';
import { emptyDirPlugin } from './empty-dir.ts';
import { hostPathPlugin } from './host-path.ts';
import { parseMountInfo } from './mounter.ts';
import { commonUser, setOwnership } from './ownership.ts';
import { configMapPayload, downwardPayload, secretPayload } from './payload.ts';
import { KubeletPaths } from './paths.ts';
import { VolumeError } from './plugin.ts';
import { TokenManager } from './tokens.ts';

const text = (payload: Payload): Record<string, string> =>
  Object.fromEntries([...payload].map(([path, { data }]) => [path, Buffer.from(data).toString()]));
const files = (entries: Readonly<Record<string, string>>, mode = 0o644): Payload =>
  new Map(Object.entries(entries).map(([path, data]) => [path, { data: Buffer.from(data), mode }]));

function seen(directory: string, path: string): string {
  return readFileSync(join(directory, path), 'utf8');
}

test('writeAtomically shows files through links, and switches all at once', async (t) => {
  const directory = temporaryFolder(t);
  assert.equal(await writeAtomically({ directory, payload: files({ a: '1', 'd/b': '2' }), now: 0 }), true);
  assert.deepEqual([seen(directory, 'a'), seen(directory, 'd/b'), readlinkSync(join(directory, 'a'))], ['1', '2', '..data/a']);
  const first = readlinkSync(join(directory, '..data'));
  assert.match(first, /^\.\.1970_01_01_00_00_00\./);

  assert.equal(await writeAtomically({ directory, payload: files({ a: '1', 'd/b': '2' }), now: 1000 }), false);
  assert.equal(readlinkSync(join(directory, '..data')), first);

  assert.equal(await writeAtomically({ directory, payload: files({ a: '9', c: '3' }), now: 2000 }), true);
  assert.deepEqual(
    readdirSync(directory)
      .filter((name) => !name.startsWith('..'))
      .toSorted(),
    ['a', 'c'],
  );
  assert.equal(seen(directory, 'a'), '9');
  assert.equal(existsSync(join(directory, first)), false);
});

test('writeAtomically sets modes whatever the umask is, before anyone sees the files', async (t) => {
  const directory = temporaryFolder(t);
  let visible = true;
  const prepare = async (): Promise<void> => {
    visible = existsSync(join(directory, 'a'));
  };
  await writeAtomically({ directory, payload: files({ a: '1' }, 0o666), now: 0, prepare });
  assert.equal(statSync(join(directory, 'a')).mode & 0o777, 0o666);
  assert.equal(visible, false);
});

test('writeAtomically recovers from a writer that died', async (t) => {
  const directory = temporaryFolder(t);
  mkdtempSync(join(directory, '..1970_01_01_00_00_00.'));
  symlinkSync('nowhere', join(directory, '..data_tmp'));
  await writeAtomically({ directory, payload: files({ a: '1' }), now: 0 });
  assert.deepEqual(readdirSync(directory).length, 3);
  assert.equal(seen(directory, 'a'), '1');
});

for (const path of ['', '/abs', '../up', 'a/../b', '..hidden']) {
  test(`writeAtomically refuses the path ${JSON.stringify(path)}`, async (t) => {
    await assert.rejects(writeAtomically({ directory: temporaryFolder(t), payload: files({ [path]: '1' }), now: 0 }), VolumeError);
  });
}

test('configMapPayload takes all keys, or the items with their paths and modes', () => {
  const source = { data: { a: '1', b: '2' }, binaryData: { c: Buffer.from('3').toString('base64') } };
  assert.deepEqual(text(configMapPayload(source, { mode: 0o644, optional: false })), { a: '1', b: '2', c: '3' });
  const chosen = configMapPayload(source, { items: [{ key: 'c', path: 'x/y', mode: 0o400 }], mode: 0o644, optional: false });
  assert.deepEqual(text(chosen), { 'x/y': '3' });
  assert.equal(chosen.get('x/y')?.mode, 0o400);
  const missing = { items: [{ key: 'z', path: 'z' }], mode: 0o644 };
  assert.throws(
    () => configMapPayload(source, { ...missing, optional: false }),
    new VolumeError('configmap references non-existent config key: z'),
  );
  assert.deepEqual(text(configMapPayload(source, { ...missing, optional: true })), {});
  assert.throws(
    () => secretPayload({ data: {} }, { ...missing, optional: false }),
    new VolumeError('references non-existent secret key: z'),
  );
});

test('downwardPayload gathers all that cannot be resolved', () => {
  const facts = { podIPs: [], hostIPs: [], allocatable: {} };
  const items = [
    { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
    { path: 'x', fieldRef: { fieldPath: 'no.such' } },
    { path: 'y', resourceFieldRef: { containerName: 'none', resource: 'limits.cpu', divisor: '1' } },
  ];
  assert.deepEqual(text(downwardPayload(items.slice(0, 1), pod(), facts, 0o644)), { name: 'web' });
  assert.throws(
    () => downwardPayload(items, pod(), facts, 0o644),
    new VolumeError('[field label not supported: no.such, container none not found]'),
  );
});

const grouped = (policy?: 'OnRootMismatch' | 'Always'): ReturnType<typeof pod> =>
  pod({ spec: { securityContext: { fsGroup: 1234, ...(policy === undefined ? {} : { fsGroupChangePolicy: policy }) } } });

test('setOwnership gives everything to the group, folders with setgid, and links are not followed', async (t) => {
  const root = temporaryFolder(t);
  mkdirSync(join(root, 'd'), { mode: 0o700 });
  writeFileSync(join(root, 'd', 'f'), '', { mode: 0o600 });
  const outside = join(temporaryFolder(t), 'outside');
  writeFileSync(outside, '', { mode: 0o600 });
  symlinkSync(outside, join(root, 'link'));
  await setOwnership(root, grouped(), 'rw');
  const about = (path: string): readonly number[] => [lstatSync(path).gid, lstatSync(path).mode & 0o7777];
  assert.deepEqual(about(join(root, 'd')), [1234, 0o2770]);
  assert.deepEqual(about(join(root, 'd', 'f')), [1234, 0o660]);
  assert.equal(lstatSync(join(root, 'link')).gid, 1234);
  assert.deepEqual(about(outside), [process.getgid?.(), 0o600]);
});

test('setOwnership leaves a volume alone whose top fits, when asked to', async (t) => {
  const root = temporaryFolder(t);
  await setOwnership(root, grouped(), 'rw');
  writeFileSync(join(root, 'late'), '');
  chownSync(join(root, 'late'), 0, 0);
  await setOwnership(root, grouped('OnRootMismatch'), 'rw');
  assert.equal(lstatSync(join(root, 'late')).gid, 0);
  await setOwnership(root, grouped('Always'), 'rw');
  assert.equal(lstatSync(join(root, 'late')).gid, 1234);
});

test('commonUser is the user all containers run as', () => {
  const as = (...users: (number | undefined)[]): number | undefined =>
    commonUser(
      pod({
        spec: {
          containers: users.map((runAsUser, index) =>
            container(`c${index}`, { securityContext: runAsUser === undefined ? {} : { runAsUser } }),
          ),
        },
      }),
    );
  assert.deepEqual([as(5, 5), as(5, 6), as(5, undefined), as(undefined)], [5, undefined, undefined, undefined]);
});

test('emptyDir in memory is as large as the least of node, pod and volume', async (t) => {
  const mounter = new FakeMounter();
  const sizes: string[] = [];
  mounter.mount = async ({ options = [] }) => void sizes.push(options.join());
  const plugin = emptyDirPlugin({ mounter, paths: pathsIn(temporaryFolder(t)), allocatableMemory: () => 1000 });
  const limits = (memory: string): ReturnType<typeof pod> =>
    pod({ spec: { containers: [container('app', { resources: { limits: { memory } } })] } });
  for (const [subject, sizeLimit] of [
    [pod(), undefined],
    [pod(), '600'],
    [limits('500'), '600'],
    [limits('500'), '400'],
  ] as const) {
    const volume: Volume = { name: 'v', emptyDir: { medium: 'Memory', ...(sizeLimit === undefined ? {} : { sizeLimit }) } };
    await plugin.setUp({ pod: subject, volume, path: join(temporaryFolder(t), 'v') });
  }
  assert.deepEqual(sizes, ['size=1000', 'size=600', 'size=500', 'size=400']);
});

const pathsIn = (root: string): KubeletPaths => new KubeletPaths(root, join(root, 'logs'), join(root, 'containers'));

test('emptyDir is open to all users of the pod, until the pod makes something else of it', async (t) => {
  const subject = pod({ spec: { securityContext: { fsGroup: 1234 } } });
  const paths = pathsIn(temporaryFolder(t));
  const path = paths.volume(subject.metadata.uid, 'kubernetes.io/empty-dir', 'v');
  const plugin = emptyDirPlugin({ mounter: new FakeMounter(), paths, allocatableMemory: () => 1 });
  const setUp = () => plugin.setUp({ pod: subject, volume: { name: 'v', emptyDir: {} }, path });
  await setUp();
  assert.deepEqual([statSync(path).mode & 0o7777, statSync(path).gid], [0o2777, 1234]);

  chmodSync(path, 0o700);
  writeFileSync(join(path, 'key'), '', { mode: 0o600 });
  chownSync(join(path, 'key'), 26, 26);
  await setUp(); // as a kubelet does that was started again
  assert.equal(statSync(path).mode & 0o7777, 0o700);
  assert.deepEqual([statSync(join(path, 'key')).mode & 0o7777, statSync(join(path, 'key')).gid], [0o600, 26]);

  rmSync(path, { recursive: true });
  await setUp();
  assert.equal(statSync(path).mode & 0o7777, 0o2777);
});

function hostPath(path: string, type: NonNullable<HostPathVolumeSource['type']>): Promise<unknown> {
  return hostPathPlugin.setUp({ pod: pod(), volume: { name: 'v', hostPath: { path, type } }, path: '' });
}

test('hostPath checks what is there, or makes it', async (t) => {
  const root = temporaryFolder(t);
  const [file, directory, none] = [join(root, 'file'), join(root, 'dir'), join(root, 'none')];
  writeFileSync(file, '');
  mkdirSync(directory);
  const server = createServer().listen(join(root, 'socket'));
  t.after(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  await Promise.all([
    hostPath(none, ''),
    hostPath(file, 'File'),
    hostPath(directory, 'Directory'),
    hostPath(join(root, 'socket'), 'Socket'),
    hostPath('/dev/null', 'CharDevice'),
  ]);
  for (const [path, type, what] of [
    [none, 'Directory', 'directory'],
    [file, 'Directory', 'directory'],
    [file, 'DirectoryOrCreate', 'directory'],
    [directory, 'File', 'file'],
    [directory, 'FileOrCreate', 'file'],
    [file, 'Socket', 'socket file'],
    [file, 'CharDevice', 'character device'],
    [file, 'BlockDevice', 'block device'],
  ] as const) {
    await assert.rejects(hostPath(path, type), new VolumeError(`hostPath type check failed: ${path} is not a ${what}`));
  }
  await hostPath(join(root, 'new', 'deep'), 'DirectoryOrCreate');
  assert.ok(statSync(join(root, 'new', 'deep')).isDirectory());
  await hostPath(join(root, 'fresh'), 'FileOrCreate');
  assert.ok(statSync(join(root, 'fresh')).isFile());
  await assert.rejects(hostPath('/a/../b', ''), VolumeError);
});

test('parseMountInfo reads paths with escaped characters', () => {
  const line = '36 35 98:0 / /mnt/a\\040b rw,noatime shared:1 - tmpfs tmpfs rw';
  assert.deepEqual(parseMountInfo(`${line}\n`), [{ path: '/mnt/a b', type: 'tmpfs', source: 'tmpfs' }]);
});

test('a token is asked for once, and again when a fifth of its life is left', async () => {
  const clock = new ManualClock();
  const { client, server } = fakeClient({ clock });
  let asked = 0;
  server.react({ resource: serviceaccounts.resource, subresource: 'token' }, (request) => {
    asked++;
    const { expirationSeconds } = (request.body as { spec: { expirationSeconds: number } }).spec;
    return {
      spec: { expirationSeconds },
      status: { token: `t${asked}`, expirationTimestamp: new Date(clock.now() + expirationSeconds * 1000).toISOString() },
    };
  });
  const tokens = new TokenManager(client, clock, seededIds(1));
  const source = { path: 'token', expirationSeconds: 3600 };
  const subject = pod();
  assert.equal(await tokens.token(subject, source), 't1');
  clock.advance(3600 * 790);
  assert.equal(await tokens.token(subject, source), 't1');
  clock.advance(3600 * 10);
  assert.equal(await tokens.token(subject, source), 't2');
  assert.equal(await tokens.token(subject, { ...source, audience: 'vault' }), 't3');
  server.setOffline(true);
  clock.advance(3600 * 900);
  assert.equal(await tokens.token(subject, source), 't2');
  clock.advance(3600 * 200);
  await assert.rejects(tokens.token(subject, source));
});

test('a token that is good only later, since the clock was set back, is replaced at once', async () => {
  const clock = new ManualClock();
  const { client, server } = fakeClient({ clock });
  let asked = 0;
  server.react({ resource: serviceaccounts.resource, subresource: 'token' }, () => ({
    spec: { expirationSeconds: 3600 },
    status: { token: `t${++asked}`, expirationTimestamp: new Date(clock.now() + 3_600_000).toISOString() },
  }));
  const tokens = new TokenManager(client, clock, seededIds(1));
  const source = { path: 'token', expirationSeconds: 3600 };
  const subject = pod();
  assert.equal(await tokens.token(subject, source), 't1');
  clock.jump(-30_000); // within what the server lets pass
  assert.equal(await tokens.token(subject, source), 't1');
  clock.jump(-3_600_000);
  assert.equal(tokens.dueIn(subject, source), 0);
  assert.equal(await tokens.token(subject, source), 't2');
  assert.ok((tokens.dueIn(subject, source) ?? 0) > 2_800_000);
  clock.jump(3_600_000);
  assert.equal(await tokens.token(subject, source), 't3');
});

test('files of a ConfigMap follow it while the pod runs', async (t) => {
  const world = await startWorld(t);
  const volumes = [{ name: 'v', configMap: { name: 'settings', defaultMode: 0o640 } }];
  world.bind(
    pod({ name: 'web', spec: { volumes, containers: [container('app', { volumeMounts: [{ name: 'v', mountPath: '/etc/v' }] })] } }),
  );
  const failed = 'FailedMount MountVolume.SetUp failed for volume "v" : configmap "settings" not found';
  await world.until(() => world.told('web').includes(failed), failed);
  await world.client.create(configmaps, { metadata: { name: 'settings', namespace: 'default' }, data: { colour: 'blue' } });
  await world.advanceUntil(() => world.pod('web').status.phase === 'Running', 10_000);
  const mount = world.runtime.container('app').config.mounts.find(({ containerPath }) => containerPath === '/etc/v');
  const file = join(mount?.hostPath ?? '', 'colour');
  assert.deepEqual([readFileSync(file, 'utf8'), statSync(file).mode & 0o777, mount?.readonly], ['blue', 0o640, true]);
  world.server.change(configmaps, 'settings', 'default', (current) => ({ ...current, data: { colour: 'green' } }));
  await world.until(() => readFileSync(file, 'utf8') === 'green');
});

test('volumes of a pod that has ended are unmounted and removed', async (t) => {
  const world = await startWorld(t);
  const volumes = [
    { name: 'disk', emptyDir: {} },
    { name: 'memory', emptyDir: { medium: 'Memory' } },
  ];
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
  world.bind(pod({ name: 'web', spec: { volumes, containers: [container('app', { volumeMounts })] } }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  assert.equal(world.mounter.mounts.length, 1);
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await world.until(() => world.server.stored(pods).length === 0);
  assert.equal(world.mounter.mounts.length, 0);
  await world.until(() => readdirSync(join(world.folder, 'root', 'pods')).length === 0);
});

test('what a kubelet left of a pod that is gone is cleaned up by the next', async (t) => {
  const world = await startWorld(t);
  await world.kubelet.stop();
  const left = join(world.folder, 'root', 'pods', 'gone', 'volumes', 'kubernetes.io~empty-dir', 'v');
  mkdirSync(left, { recursive: true });
  world.mounter.mounts.push({ source: 'tmpfs', path: left, type: 'tmpfs' });
  await world.restart();
  await world.until(() => !existsSync(join(world.folder, 'root', 'pods', 'gone')));
  assert.equal(world.mounter.mounts.length, 0);
});
