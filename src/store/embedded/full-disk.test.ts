// A real file system of a few megabytes runs full under the store. It is mounted in a mount namespace of the child's
// own and goes with it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CHILD = fileURLToPath(new URL('testing/full-disk-process.ts', import.meta.url));
const SIZE = '8m';

const run = promisify(execFile);

test('a file system that runs full refuses writes until there is room, and loses nothing', async () => {
  const root = await mkdtemp(join(tmpdir(), 'proa-store-full-'));
  try {
    const mounted = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && exec "$3" "$4" "$2"';
    const namespace = ['--mount', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];
    const { stdout } = await run('unshare', [...namespace, 'sh', '-c', mounted, 'sh', SIZE, root, process.execPath, CHILD]);
    const said = JSON.parse(stdout) as Record<string, unknown>;
    const written = said['written'] as number;
    assert.ok(written > 50, `${written} were written`);
    assert.match(String(said['message']), /ENOSPC/);
    assert.deepEqual(
      { ...said, message: '' },
      { written, outcome: 'none', message: '', readable: written, revision: written + 2, count: written + 1, whole: true },
    );
  } finally {
    await rm(root, { recursive: true });
  }
});
