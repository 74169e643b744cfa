import './isolated.ts';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { start, succeed } from './command.ts';
import { mountsBelow, removeFolder } from './remove-folder.ts';

test('mountsBelow finds mounts at and below a folder, and none beside it', () => {
  const line = (point: string): string => `1 2 0:3 / ${point} rw - ext4 /dev/x rw`;
  const info = ['/', '/a', '/ab', '/a/b\\040c'].map(line).join('\n');
  assert.deepEqual(mountsBelow('/a', info), ['/a', '/a/b c']);
});

test('removeFolder removes a folder without mounts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'remove-'));
  writeFileSync(join(folder, 'file'), '');
  removeFolder(folder);
  assert.ok(!existsSync(folder));
});

test('removeFolder outlasts a program that still writes there', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'remove-'));
  mkdirSync(join(folder, 'busy'));
  const script = 'echo begun; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); : > "$0/busy/$i" || exit 0; done';
  const writer = start(t, 'sh', ['-c', script, folder]);
  await writer.line(/begun/);
  removeFolder(folder);
  assert.ok(!existsSync(folder));
});

test('removeFolder removes nothing while something is mounted below', async () => {
  // Only folders of this test's own are mounted: were the check to fail, nothing else could be lost.
  const [folder, other] = [mkdtempSync(join(tmpdir(), 'remove-')), mkdtempSync(join(tmpdir(), 'other-'))];
  writeFileSync(join(other, 'precious'), '');
  mkdirSync(join(folder, 'point'));
  await succeed('mount', ['--bind', other, join(folder, 'point')]);
  assert.throws(() => removeFolder(folder), /is not removed while something is mounted/);
  assert.ok(existsSync(join(other, 'precious')));
  await succeed('umount', [join(folder, 'point')]);
  removeFolder(folder);
  assert.ok(!existsSync(folder) && existsSync(join(other, 'precious')));
});
