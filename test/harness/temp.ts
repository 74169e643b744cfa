// Folders that go away with the test.
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from './remove-folder.ts';
import { defer, type Owner } from './scope.ts';

/** An empty folder, as an absolute path short enough for a socket below it. What is mounted there must be unmounted first. */
export function temporaryFolder(owner: Owner): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'proa-'));
  defer(owner, () => removeFolder(folder));
  return folder;
}
