import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeFolder } from './make-folder.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'make-folder-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('makeFolder makes what is missing and says what that was', (t) => {
  const folder = folderOf(t);
  const [a, b, c] = [join(folder, 'a'), join(folder, 'a', 'b'), join(folder, 'a', 'b', 'c')];
  assert.deepEqual(makeFolder(a, 0o700), [a]);
  assert.deepEqual(makeFolder(c, 0o711), [b, c]);
  assert.deepEqual(makeFolder(c), []);
  assert.equal(statSync(c).mode & 0o777, 0o711);
});

for (const { name, path, code } of [
  { name: 'a file in its place', path: (folder: string) => join(folder, 'file'), code: 'ENOTDIR' },
  { name: 'a file on the way', path: (folder: string) => join(folder, 'file', 'a'), code: 'ENOTDIR' },
  { name: 'a link to nowhere', path: (folder: string) => join(folder, 'link'), code: 'EEXIST' },
  { name: 'a file system that takes none', path: () => '/proc/no-such-folder', code: 'ENOENT' },
  { name: 'a file system that takes none, further down', path: () => '/proc/no-such-folder/a/b', code: 'ENOENT' },
]) {
  test(`makeFolder ends with ${name}`, (t) => {
    const folder = folderOf(t);
    writeFileSync(join(folder, 'file'), '');
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    assert.throws(() => makeFolder(path(folder)), { code });
    assert.ok(!existsSync(join(folder, 'nowhere')));
  });
}
