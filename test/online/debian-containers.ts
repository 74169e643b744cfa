// Needs the Debian archive, so `npm run test:online` runs it and not `npm test`.
// The images come first: they are made before the file loses its network.
import { DEBIAN_IMAGES, type Software } from '#cri/testing/debian-images.ts';
import '../harness/isolated.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { startContainerd } from '../harness/containerd.ts';
import { temporaryFolder } from '../harness/temp.ts';
import { connectCri } from '#cri/client.ts';
import { importImage } from '#cri/image/import.ts';
import { ensurePauseImage, PAUSE_IMAGE } from '#cri/pause/pause-image.ts';

const owner = { after };
const containerd = await startContainerd(owner, { sandboxImage: PAUSE_IMAGE });
const cri = connectCri({ endpoint: `unix://${containerd.socket}`, clock: systemClock, logger: silentLogger });
const target = { address: containerd.socket, images: cri.image, clock: systemClock };
await cri.ready();
await ensurePauseImage(target);
after(() => cri.close());

interface RunningSoftware {
  /** Runs a command in the container: its standard output. */
  exec(...cmd: readonly string[]): Promise<string>;
  log(): string;
  /** Stops it as a kubelet does: the exit code. */
  stop(): Promise<number | undefined>;
}

/** Imports the image and runs it in a pod on the test's own network. */
async function run(t: TestContext, software: Software): Promise<RunningSoftware> {
  const { name: image } = DEBIAN_IMAGES[software];
  const imported = await importImage(DEBIAN_IMAGES[software], target);
  assert.equal(imported.id, DEBIAN_IMAGES[software].id);
  const logDirectory = temporaryFolder(t);
  const config = {
    metadata: { name: software, namespace: 'default', uid: software },
    logDirectory,
    dnsConfig: { servers: ['127.0.0.1'] },
    linux: { securityContext: { namespaceOptions: { network: 'NODE', pid: 'CONTAINER' } } },
  } as const;
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  t.after(() => cri.runtime.removePodSandbox({ podSandboxId }));
  const container = { metadata: { name: software }, image: { image }, logPath: 'log' };
  const { containerId } = await cri.runtime.createContainer({ podSandboxId, config: container, sandboxConfig: config });
  await cri.runtime.startContainer({ containerId });
  const log = (): string => readFileSync(join(logDirectory, 'log'), 'utf8');
  return {
    log,
    async exec(...cmd) {
      const { stdout, stderr, exitCode } = await cri.runtime.execSync({ containerId, cmd, timeout: 30 });
      assert.equal(exitCode, 0, `${cmd.join(' ')}: ${Buffer.from(stderr).toString()}`);
      return Buffer.from(stdout).toString();
    },
    async stop() {
      await cri.runtime.stopContainer({ containerId, timeout: 30 });
      return (await cri.runtime.containerStatus({ containerId })).status?.exitCode;
    },
  };
}

/** The body of the first answer: until then the server is starting. */
async function get(url: string, software: RunningSoftware): Promise<string> {
  for (;;) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await software.exec('true'); // throws once the container has ended
    }
  }
}

test('nginx from Debian serves from a container, and ends as it should', async (t) => {
  const nginx = await run(t, 'nginx');
  assert.equal(await get('http://127.0.0.1:8081/', nginx), 'nginx says hello\n');
  assert.match(nginx.log(), /stdout F 127\.0\.0\.1 - - .* "GET \/ HTTP\/1\.1" 200/);
  assert.equal(await nginx.stop(), 0);
});

test('redis from Debian keeps values in a container, as its own user', async (t) => {
  const redis = await run(t, 'redis');
  while (!redis.log().includes('Ready to accept connections')) await redis.exec('true');
  assert.equal(await redis.exec('id', '-un'), 'redis\n');
  assert.equal(await redis.exec('redis-cli', '-p', '6380', 'incrby', 'visits', '3'), '3\n');
  assert.equal(await redis.exec('redis-cli', '-p', '6380', 'get', 'visits'), '3\n');
  assert.equal(await redis.stop(), 0);
});

test('python from Debian serves and computes in a container', async (t) => {
  const python = await run(t, 'python');
  assert.match(await get('http://127.0.0.1:8082/', python), /Directory listing for \//);
  const program = 'import json, ssl, sqlite3, hashlib; print(json.dumps({"six": 6}), hashlib.sha256(b"").hexdigest()[:8])';
  assert.equal(await python.exec('python3', '-c', program), '{"six": 6} e3b0c442\n');
});
