import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { succeed } from '#test/harness/command.ts';
import { startContainerd } from '#test/harness/containerd.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { connectCri } from './client.ts';
import type { ConnectionState, Input } from './contract.ts';
import type { PodSandboxConfig } from './gen/objects.ts';
import { importArchive, importImage, type ImportTarget } from './image/import.ts';
import { imageArchive } from './image/oci-image.ts';
import { ensurePauseImage, PAUSE_IMAGE } from './pause/pause-image.ts';
import { contractSuite } from './testing/contract-suite.ts';
import { writeBridgeNetwork } from './testing/bridge-network.ts';
import { buildHostImage } from './testing/host-image.ts';

const IMAGE = 'example.test/programs:1';

const owner = { after };
const containerd = await startContainerd(owner, { sandboxImage: PAUSE_IMAGE });
const cri = connectCri({ endpoint: `unix://${containerd.socket}`, clock: systemClock, logger: silentLogger });
const target: ImportTarget = { address: containerd.socket, images: cri.image, clock: systemClock };
await cri.ready();
await ensurePauseImage(target);
await importImage(await buildHostImage({ name: IMAGE, folder: join(temporaryFolder(owner), 'image') }), target);

after(() => cri.close());

contractSuite('containerd', (t) => Promise.resolve({ cri, image: IMAGE, logFolder: temporaryFolder(t) }));

async function sandbox(
  t: TestContext,
  name: string,
  namespaces: Input<PodSandboxConfig['linux']> = {},
): Promise<{ id: string; config: Input<PodSandboxConfig> }> {
  const config = {
    metadata: { name, namespace: 'default', uid: name },
    logDirectory: temporaryFolder(t),
    dnsConfig: { servers: ['127.0.0.1'] },
    linux: { securityContext: { namespaceOptions: { network: 'NODE', pid: 'CONTAINER' } }, ...namespaces },
  } as const;
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  t.after(async () => {
    await cri.runtime.stopPodSandbox({ podSandboxId }); // one that is not ready is not stopped by its removal
    await cri.runtime.removePodSandbox({ podSandboxId });
  });
  return { id: podSandboxId, config };
}

test('connectCri speaks CRI v1 with containerd', async () => {
  const { runtimeName, runtimeApiVersion } = await cri.runtime.version({ version: 'v1' });
  assert.deepEqual([runtimeName, runtimeApiVersion], ['containerd', 'v1']);
  const { status } = await cri.runtime.status({ verbose: true });
  assert.deepEqual(
    status?.conditions.map(({ type }) => type),
    ['RuntimeReady', 'NetworkReady'],
  );
});

test('a client heals by itself when containerd was killed and comes back', async (t) => {
  const { id, config } = await sandbox(t, 'survivor');
  const container = { metadata: { name: 'app' }, image: { image: IMAGE }, command: ['sleep', '1000'] };
  const { containerId } = await cri.runtime.createContainer({ podSandboxId: id, config: container, sandboxConfig: config });
  await cri.runtime.startContainer({ containerId });

  const states: ConnectionState[] = [];
  const gone = new Promise<void>((resolve) => {
    t.after(
      cri.onStateChange((state) => {
        states.push(state);
        if (state === 'unavailable') resolve();
      }),
    );
  });
  await containerd.kill();
  await gone;
  await assert.rejects(cri.runtime.version({}), { name: 'CriError', code: 'Unavailable' });
  await containerd.restart();
  await cri.ready();
  assert.equal(states.at(-1), 'ready');
  const { containers } = await cri.runtime.listContainers({ filter: { id: containerId } });
  assert.deepEqual(
    containers.map(({ state }) => state),
    ['CONTAINER_RUNNING'],
  );
});

test('two clients are independent of each other', async () => {
  const other = connectCri({ endpoint: containerd.socket, clock: systemClock, logger: silentLogger });
  await other.ready();
  other.close();
  await assert.rejects(other.runtime.version({}), { code: 'Unavailable', details: 'the client is closed' });
  await assert.rejects(other.ready(), { code: 'Unavailable' });
  await cri.runtime.version({});
});

test('the pause program reaps the orphans of its pod, and ends on SIGTERM', async (t) => {
  const { id, config } = await sandbox(t, 'orphans', { securityContext: { namespaceOptions: { network: 'NODE', pid: 'POD' } } });
  // The inner shell leaves a child behind, which ends later as a child of the first process: the pause program.
  const orphan = ['sh', '-c', 'sh -c "sleep 0.05 & echo \\$!"; sleep 1000'];
  const container = { metadata: { name: 'app' }, image: { image: IMAGE }, command: orphan, logPath: 'app.log' };
  const { containerId } = await cri.runtime.createContainer({ podSandboxId: id, config: container, sandboxConfig: config });
  await cri.runtime.startContainer({ containerId });
  const exec = async (...cmd: string[]): Promise<string> => {
    const { stdout } = await cri.runtime.execSync({ containerId, cmd, timeout: 10 });
    return Buffer.from(stdout).toString();
  };
  assert.equal(await exec('cat', '/proc/1/comm'), 'pause\n');
  const pid = await logged(join(config.logDirectory ?? '', 'app.log'), /stdout F (\d+)/);
  // A process that nobody reaped would stay, as a zombie.
  let left = '/';
  while (left !== '') left = await exec('sh', '-c', `ls -d /proc/${pid} 2>/dev/null || true`);

  assert.equal(await exec('sh', '-c', 'kill -TERM 1'), '');
  let state: unknown = 'SANDBOX_READY';
  while (state === 'SANDBOX_READY') state = (await cri.runtime.podSandboxStatus({ podSandboxId: id })).status?.state;
  assert.equal(state, 'SANDBOX_NOTREADY');
  // It was the first process of the pod's namespace: all others ended with it.
  while (state !== 'CONTAINER_EXITED') state = (await cri.runtime.containerStatus({ containerId })).status?.state;
});

/** Waits for a line of a log that matches. */
async function logged(path: string, pattern: RegExp): Promise<string> {
  for (;;) {
    const found = pattern.exec(readFileSync(path, 'utf8'));
    if (found !== null) return found[1] as string;
    await cri.runtime.version({});
  }
}

test('a pod on the pod network has an address that its programs are reached at', async (t) => {
  writeBridgeNetwork(containerd.cniConfigFolder, { subnet: '10.244.9.0/24', leases: temporaryFolder(t) });
  const networkReady = async (): Promise<boolean | undefined> =>
    (await cri.runtime.status({})).status?.conditions.find(({ type }) => type === 'NetworkReady')?.status;
  while ((await networkReady()) !== true);

  const { id, config } = await sandbox(t, 'networked', { securityContext: { namespaceOptions: { network: 'POD', pid: 'CONTAINER' } } });
  const { status } = await cri.runtime.podSandboxStatus({ podSandboxId: id });
  const ip = status?.network?.ip ?? '';
  assert.match(ip, /^10\.244\.9\.\d+$/);
  const program = ['node', '-e', "require('net').createServer((s) => s.end('hello\\n')).listen(8080, () => console.log('listening'))"];
  const name = 'example.test/node:1';
  await importImage(await buildHostImage({ name, folder: join(temporaryFolder(t), 'image'), programs: ['sh', 'node'] }), target);
  const container = { metadata: { name: 'app' }, image: { image: name }, command: program, logPath: 'app.log' };
  const { containerId } = await cri.runtime.createContainer({ podSandboxId: id, config: container, sandboxConfig: config });
  await cri.runtime.startContainer({ containerId });
  await logged(join(config.logDirectory ?? '', 'app.log'), /stdout F (listening)/);
  const answer = await text(connect(8080, ip));
  assert.equal(answer, 'hello\n');
});

test('ensurePauseImage does nothing where the image is', async () => {
  const first = await ensurePauseImage(target);
  assert.equal((await ensurePauseImage(target)).id, first.id);
  assert.equal((await cri.image.listImages({})).images.filter(({ repoTags }) => repoTags.includes(PAUSE_IMAGE)).length, 1);
});

test('a container of a built image has its configuration', async (t) => {
  const name = 'example.test/configured:2';
  const image = await buildHostImage({
    name,
    folder: join(temporaryFolder(t), 'image'),
    files: [
      { path: '/data/greeting', content: { text: 'hello\n' }, mode: 0o600, uid: 1234, gid: 55 },
      { path: '/data/link', content: { link: 'greeting' } },
      { path: '/data/empty', content: 'folder', mode: 0o700 },
    ],
    config: {
      entrypoint: ['sh', '-c'],
      cmd: ['id -u; pwd; cat "$FILE"; ls -ln /data; sleep 1000'],
      env: { PATH: '/bin', FILE: '/data/link' },
      workingDir: '/data',
      user: '1234:55',
      exposedPorts: ['80/tcp'],
    },
  });
  const imported = await importImage(image, target);
  assert.equal(imported.id, image.id);
  assert.equal(imported.uid?.value, 1234);
  const { id, config } = await sandbox(t, 'configured');
  const container = { metadata: { name: 'app' }, image: { image: name }, logPath: 'app.log' };
  const { containerId } = await cri.runtime.createContainer({ podSandboxId: id, config: container, sandboxConfig: config });
  await cri.runtime.startContainer({ containerId });
  const log = join(config.logDirectory ?? '', 'app.log');
  await logged(log, /(link -> greeting)/);
  const lines = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.replace(/^\S+ stdout F /, '').replace(/ +/g, ' '));
  assert.deepEqual(lines.slice(0, 3), ['1234', '/data', 'hello']);
  assert.match(lines.join('\n'), /^drwx------ 2 0 0 .* empty$/m);
  assert.match(lines.join('\n'), /^-rw------- 1 1234 55 6 .* greeting$/m);
});

test('importArchive imports a file and names what is in it', async (t) => {
  const folder = temporaryFolder(t);
  const name = 'example.test/archived:3';
  const image = await buildHostImage({ name, folder: join(folder, 'image'), programs: ['sh'] });
  const archive = join(folder, 'image.tar');
  await writeFile(archive, imageArchive(image));
  assert.deepEqual(
    (await importArchive(archive, target)).flatMap(({ repoTags }) => repoTags),
    [name],
  );
});

test('importArchive says what is wrong with a file that is no image', async (t) => {
  const path = join(temporaryFolder(t), 'notes.tar');
  await succeed('tar', ['-cf', path, '-C', '/proc/self', 'comm']);
  await assert.rejects(importArchive(path, target), {
    name: 'ImageImportError',
    message: `${path} cannot be imported: it is no archive of OCI or Docker images, or damaged (ctr: unrecognized image format)`,
  });
  await assert.rejects(importArchive('/no/such/file', target), { code: 'ENOENT' });
  const away = importArchive(path, { ...target, address: join(temporaryFolder(t), 'away.sock') });
  await assert.rejects(away, ({ name, message }: Error) => {
    assert.equal(name, 'ImageImportError');
    assert.ok(message.startsWith(`${path} cannot be imported: ctr: failed to dial`), message);
    return true;
  });
});
