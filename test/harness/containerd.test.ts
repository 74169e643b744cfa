import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { connectCri } from '#cri/client.ts';
import { succeed } from './command.ts';
import { type Containerd, startContainerd } from './containerd.ts';
import { temporaryFolder } from './temp.ts';

const PROGRAMS = ['/usr/bin/echo', '/usr/bin/sleep', '/usr/bin/true'];

/** A folder with three programs and the libraries they load, copied: no image is needed, and nothing of the machine is mounted. */
async function rootFilesystem(t: TestContext): Promise<string> {
  const root = temporaryFolder(t);
  const libraries = (await succeed('ldd', PROGRAMS)).match(/\/\S+(?= \(0x)/g) ?? [];
  for (const file of new Set([...PROGRAMS, ...libraries])) {
    const copy = join(root, file);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
  }
  return root;
}

async function runContainer(
  t: TestContext,
  containerd: Containerd,
  command: readonly string[],
  ...flags: readonly string[]
): Promise<string> {
  return containerd.ctr(['run', ...flags, '--rootfs', await rootFilesystem(t), 'one', ...command]);
}

test('containerd serves CRI and runs a container', async (t) => {
  const containerd = await startContainerd(t);
  assert.match(await containerd.ctr(['plugins', 'ls']), /io\.containerd\.grpc\.v1\s+cri\s+linux\/\S+\s+ok/);
  assert.equal(await runContainer(t, containerd, ['/usr/bin/echo', 'from inside'], '--rm'), 'from inside\n');
});

test('a container outlives its containerd, and the next one finds it', async (t) => {
  const containerd = await startContainerd(t);
  await runContainer(t, containerd, ['/usr/bin/sleep', '1000'], '--detach');
  await containerd.kill();
  await containerd.restart();
  assert.match(await containerd.ctr(['tasks', 'ls']), /one\s+\d+\s+RUNNING/);
  await containerd.ctr(['tasks', 'delete', '--force', 'one']);
});

test('a containerd that came back answers over CRI at once', async (t) => {
  const containerd = await startContainerd(t);
  for (let round = 0; round < 5; round++) {
    await containerd.kill();
    await containerd.restart();
    const cri = connectCri({ endpoint: containerd.socket, clock: systemClock, logger: silentLogger });
    t.after(() => cri.close());
    assert.deepEqual((await cri.runtime.listContainers({})).containers, []);
  }
});

test('two containerds know nothing of each other', async (t) => {
  const [one, two] = await Promise.all([startContainerd(t), startContainerd(t, { snapshotter: 'native' })]);
  await runContainer(t, one, ['/usr/bin/true']);
  assert.equal(await two.ctr(['containers', 'ls', '--quiet']), '');
});
