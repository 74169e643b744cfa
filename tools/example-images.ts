// Makes the images of examples/ from Debian packages and imports them into the running cluster: `npm run examples:images`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exampleArchives } from '#test/examples/images.ts';
import { ROOT } from './node.mjs';

const folder = mkdtempSync(join(tmpdir(), 'proa-examples-'));
try {
  const archives = await exampleArchives(folder);
  process.exitCode = spawnSync(join(ROOT, 'bin', 'proa'), ['image', 'import', ...archives], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
