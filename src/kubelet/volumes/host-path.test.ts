// hostPath on a file system that is mounted read-only.
import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defer } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { checkHostPath } from './host-path.ts';
import { systemMounter } from './mounter.ts';

test('hostPath says that a file system takes no folder, however deep it would lie', async (t) => {
  const root = temporaryFolder(t);
  await systemMounter.mount({ source: 'tmpfs', target: root, type: 'tmpfs' });
  defer(t, () => systemMounter.unmount(root));
  mkdirSync(join(root, 'there'));
  await systemMounter.mount({ source: 'tmpfs', target: root, type: 'tmpfs', options: ['remount', 'ro'] });
  await checkHostPath(join(root, 'there'), 'DirectoryOrCreate');
  await assert.rejects(checkHostPath(join(root, 'new'), 'DirectoryOrCreate'), { code: 'EROFS' });
  await assert.rejects(checkHostPath(join(root, 'new', 'deep', 'down'), 'DirectoryOrCreate'), { code: 'EROFS' });
});
