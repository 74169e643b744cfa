// hostPath on a file system that is mounted read-only.
import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defer } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { checkHostPath } from './host-path.ts';

test('hostPath says that a file system takes no folder, however deep it would lie', async (t) => {
  const root = temporaryFolder(t);
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', root]);
  defer(t, () => void execFileSync('umount', [root]));
  mkdirSync(join(root, 'there'));
  execFileSync('mount', ['-o', 'remount,ro', root]);
  await checkHostPath(join(root, 'there'), 'DirectoryOrCreate');
  await assert.rejects(checkHostPath(join(root, 'new'), 'DirectoryOrCreate'), { code: 'EROFS' });
  await assert.rejects(checkHostPath(join(root, 'new', 'deep', 'down'), 'DirectoryOrCreate'), { code: 'EROFS' });
});
