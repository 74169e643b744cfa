// Volumes of a kubelet with a real containerd and real mounts.
import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { configmaps, pods, secrets, serviceaccounts } from '#api/resources.ts';
import type { PodSpec, VolumeMount } from '#api/types.ts';
import { defer } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { containerd, FOREVER, shell, startNode, until } from '../testing/containerd-node.ts';
import { container } from '../testing/pods.ts';
import { IMAGE, stateOf } from '../testing/world.ts';
import { systemMounter } from './mounter.ts';
import { bindSubpath, cleanSubpaths, makeSubpathDirectory, SubpathError } from './subpath.ts';

test('volumes carry ConfigMaps, Secrets, tokens and the pod itself, with modes and groups', async (t) => {
  const world = await startNode(t);
  await world.client.create(configmaps, { metadata: { name: 'settings', namespace: 'default' }, data: { colour: 'blue' } });
  await world.client.create(secrets, {
    metadata: { name: 'keys', namespace: 'default' },
    data: { key: Buffer.from('s3cret').toString('base64') },
  });
  world.server.react({ resource: serviceaccounts.resource, subresource: 'token' }, () => ({
    status: { token: 'tok', expirationTimestamp: new Date(systemClock.now() + 3_600_000).toISOString() },
  }));
  const volumes: PodSpec['volumes'] = [
    { name: 'c', configMap: { name: 'settings', defaultMode: 0o644 } },
    { name: 's', secret: { secretName: 'keys', defaultMode: 0o400 } },
    { name: 'scratch', emptyDir: {} },
    { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
    {
      name: 'all',
      projected: {
        defaultMode: 0o644,
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
          { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        ],
      },
    },
  ];
  const volumeMounts = (volumes ?? []).map(({ name }) => ({ name, mountPath: `/v/${name}` }));
  const script =
    'id -G; cat /v/c/colour; echo; cat /v/s/key; echo; cat /v/all/token /v/all/labels; echo; echo x > /v/scratch/f; ls -ln /v/scratch/f; ls -ldn /v/memory; grep /v/memory /proc/mounts; echo done; ' +
    FOREVER;
  world.run(
    'web',
    { volumes, securityContext: { runAsUser: 1000, fsGroup: 2000 }, containers: [container('app', { ...shell(script), volumeMounts })] },
    { labels: { app: 'x' } },
  );
  await until(() => world.log('web').includes('done'));
  const lines = world.log('web').split('\n');
  assert.deepEqual(lines.slice(0, 4), ['0 2000', 'blue', 's3cret', 'tokapp="x"']);
  assert.match(lines[4] ?? '', /^-rw-r--r--\S* 1 1000 2000 2 /);
  assert.match(lines[5] ?? '', /^drwxrwsrwt\S* 2 0 2000 /);
  assert.match(lines[6] ?? '', /^tmpfs \/v\/memory tmpfs .*size=8192k/);
  const { uid } = world.pod('web').metadata;
  const mounted = (await systemMounter.list()).filter(({ path }) => path.includes(uid));
  assert.deepEqual(new Set(mounted.map(({ path }) => path.split('/').at(-1))), new Set(['all', 'memory', 's']));

  world.server.change(configmaps, 'settings', 'default', (current) => ({ ...current, data: { colour: 'green' } }));
  const file = join(world.folder, 'root', 'pods', uid, 'volumes', 'kubernetes.io~configmap', 'c', 'colour');
  await until(() => readFileSync(file, 'utf8') === 'green');

  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await until(() => world.server.stored(pods).length === 0 && !existsSync(join(world.folder, 'root', 'pods', uid)));
  assert.deepEqual(
    (await systemMounter.list()).filter(({ path }) => path.includes(uid)),
    [],
  );
});

test('subPath mounts a part of a volume, and links out of it are refused', async (t) => {
  const world = await startNode(t);
  const mount = (mountPath: string, subPath = ''): VolumeMount => ({ name: 'v', mountPath, subPath });
  world.run('web', {
    volumes: [{ name: 'v', emptyDir: {} }],
    initContainers: [container('plant', { ...shell('ln -s / /v/escape'), volumeMounts: [mount('/v')] })],
    containers: [
      container('app', { ...shell(`echo inside > /part/f; cat /part/f; ${FOREVER}`), volumeMounts: [mount('/part', 'deep/er')] }),
      container('out', { ...shell(FOREVER), volumeMounts: [mount('/part', 'escape/etc')] }),
    ],
  });
  await until(() => world.log('web').includes('inside') && stateOf(world.pod('web'), 'out') === 'waiting CreateContainerConfigError');
  const volume = join(world.folder, 'root', 'pods', world.pod('web').metadata.uid, 'volumes', 'kubernetes.io~empty-dir', 'v');
  assert.equal(readFileSync(join(volume, 'deep/er/f'), 'utf8'), 'inside\n');
  const told = 'Failed Error: failed to prepare subPath for volumeMount "v" of container "out"';
  await until(() => world.told('web').includes(told), told);
});

test('bindSubpath refuses what lies outside of the volume', async (t) => {
  const folder = temporaryFolder(t);
  const volume = join(folder, 'volume');
  mkdirSync(join(volume, 'in'), { recursive: true });
  mkdirSync(join(folder, 'outside'));
  symlinkSync('/', join(volume, 'root'));
  symlinkSync('../outside', join(volume, 'up'));
  symlinkSync('in', join(volume, 'ok'));
  const request = { volumePath: volume, subpaths: join(folder, 'subpaths'), volumeName: 'v', containerName: 'c', index: 0 };
  defer(t, () => cleanSubpaths(request.subpaths, systemMounter));
  for (const subPath of ['root', 'root/etc', 'up']) await assert.rejects(bindSubpath({ ...request, subPath }, systemMounter), SubpathError);
  for (const subPath of ['root/made', 'up/made']) await assert.rejects(makeSubpathDirectory(volume, subPath, 0o755), SubpathError);
  assert.equal(existsSync(join(folder, 'outside', 'made')), false);
  const bound = await bindSubpath({ ...request, subPath: 'ok' }, systemMounter);
  writeFileSync(join(bound, 'f'), 'x');
  assert.equal(readFileSync(join(volume, 'in', 'f'), 'utf8'), 'x');
  await makeSubpathDirectory(volume, 'new/deep', 0o2770);
  assert.equal(statSync(join(volume, 'new', 'deep')).mode & 0o7777, 0o2770);
  await cleanSubpaths(request.subpaths, systemMounter);
  assert.equal(existsSync(join(volume, 'in', 'f')), true);
  assert.equal(existsSync(request.subpaths), false);
});

test('an image volume shows the files of an image, read-only, and leaves nothing behind', async (t) => {
  const world = await startNode(t);
  world.run('web', {
    volumes: [{ name: 'files', image: { reference: IMAGE, pullPolicy: 'IfNotPresent' } }],
    containers: [
      container('app', {
        ...shell(`ls /files/bin/ls /part/ls; touch /files/x 2>/dev/null || echo refused; ${FOREVER}`),
        volumeMounts: [
          { name: 'files', mountPath: '/files' },
          { name: 'files', mountPath: '/part', subPath: 'bin' },
        ],
      }),
    ],
  });
  await until(() => world.log('web').includes('refused'));
  assert.match(world.log('web'), /^\/files\/bin\/ls\n\/part\/ls\nrefused/);
  const snapshots = async (): Promise<boolean> => (await containerd.ctr(['snapshots', 'ls'])).includes(world.folder);
  assert.equal(await snapshots(), true);
  const { uid } = world.pod('web').metadata;
  await world.restart();
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.restartCount, 0);
  world.server.erase(pods, 'web', 'default');
  await until(() => !existsSync(join(world.folder, 'root', 'pods', uid)));
  assert.equal(await snapshots(), false);
});

test('a disk without room holds up what needs some, leaves what runs alone, and is told; room heals it', async (t) => {
  const world = await startNode(t, { disk: '4m' });
  const data = { much: 'x'.repeat(500_000) };
  const volumes: PodSpec['volumes'] = [{ name: 'c', configMap: { name: 'large', defaultMode: 0o644 } }];
  const volumeMounts = [{ name: 'c', mountPath: '/c' }];
  await world.client.create(configmaps, { metadata: { name: 'large', namespace: 'default' }, data: { much: 'first' } });
  world.run('before', { volumes, containers: [container('app', { ...shell(FOREVER), volumeMounts })] });
  await until(() => world.pod('before').status.phase === 'Running');
  const filler = join(world.folder, 'root', 'filler');
  const space = Buffer.alloc(64 << 10);
  const out = openSync(filler, 'w');
  assert.throws(() => {
    for (;;) writeSync(out, space);
  }, /ENOSPC/);
  closeSync(out);
  world.server.change(configmaps, 'large', 'default', (current) => ({ ...current, data }));
  world.run('after', { volumes, containers: [container('app', { ...shell(`cat /c/much | cut -c 1-3; ${FOREVER}`), volumeMounts })] });
  await until(() => world.told('after').some((event) => /^FailedMount .*ENOSPC/.test(event)), 'FailedMount for want of space');
  await until(() => world.told('before').some((event) => /^FailedMount .*ENOSPC/.test(event)), 'the same for the pod that runs');
  const file = (name: string): string =>
    join(world.folder, 'root', 'pods', world.pod(name).metadata.uid, 'volumes', 'kubernetes.io~configmap', 'c', 'much');
  assert.equal(readFileSync(file('before'), 'utf8'), 'first');
  const leftOver = (): number => readdirSync(dirname(file('before'))).filter((name) => /^\.\.\d/.test(name)).length;
  await until(() => leftOver() === 1, 'no part of what could not be written stays');
  assert.equal(stateOf(world.pod('before')), 'running');
  rmSync(filler);
  await until(() => world.log('after').startsWith('xxx'));
  await until(() => readFileSync(file('before'), 'utf8') === data.much);
  assert.equal(world.pod('before').status.containerStatuses?.[0]?.restartCount, 0);
});

test('a volume that cannot be unmounted keeps its pod until it can', async (t) => {
  const world = await startNode(t);
  const volumeMounts = [{ name: 'memory', mountPath: '/v' }];
  world.run('web', {
    volumes: [{ name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }],
    containers: [container('app', { ...shell(`echo kept > /v/file; ${FOREVER}`), volumeMounts })],
  });
  const { uid } = world.pod('web').metadata;
  const file = join(world.folder, 'root', 'pods', uid, 'volumes', 'kubernetes.io~empty-dir', 'memory', 'file');
  await until(() => existsSync(file));
  const held = openSync(file, 'r');
  let closed = false;
  const release = (): void => {
    if (!closed) closeSync(held);
    closed = true;
  };
  defer(t, release);
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await until(() => stateOf(world.pod('web')).startsWith('terminated'));
  await until(() => world.warned(/target is busy/), 'the unmount is refused');
  assert.equal(readFileSync(file, 'utf8'), 'kept\n');
  release();
  await until(() => world.server.stored(pods).length === 0 && !existsSync(join(world.folder, 'root', 'pods', uid)));
});
