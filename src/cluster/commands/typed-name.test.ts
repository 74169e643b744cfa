import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '#test/harness/temp.ts';
import { typedName } from './typed-name.ts';

test('typedName is what leads to this launcher from where it is typed', (t) => {
  const root = realpathSync(temporaryFolder(t));
  const launcher = join(root, 'proa/bin/proa');
  const [linked, other] = [join(root, 'linked'), join(root, 'other')];
  for (const folder of [join(launcher, '..'), linked, other]) mkdirSync(folder, { recursive: true });
  for (const file of [launcher, join(other, 'proa')]) writeFileSync(file, '');
  symlinkSync(launcher, join(linked, 'proa'));
  const typed = (searchPath: string, folder: string): string => typedName(searchPath, folder, launcher);
  assert.equal(typed('/usr/bin:/bin', join(root, 'proa')), 'bin/proa');
  assert.equal(typed('/usr/bin:/bin', join(root, 'proa/src')), launcher);
  assert.equal(typed(`/usr/bin:${linked}`, root), 'proa');
  assert.equal(typed(`${other}:${linked}`, root), 'proa/bin/proa', 'the first on the search path is another');
});
