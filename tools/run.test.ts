import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ROOT } from './node.mjs';

const RUN = join(ROOT, 'tools/run.mjs');

function script(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'proa-run-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'script.ts');
  writeFileSync(file, text);
  return file;
}

test('run.mjs runs TypeScript with its arguments and ends with its status', (t) => {
  const file = script(t, 'const [, , a]: string[] = process.argv; console.log(a); process.exitCode = 7;');
  const { status, stdout } = spawnSync(process.execPath, [RUN, file, 'x y'], { encoding: 'utf8' });
  assert.deepEqual({ status, stdout }, { status: 7, stdout: 'x y\n' });
});

test('run.mjs hands a signal on and ends by it', async (t) => {
  const file = script(t, 'process.stdout.write("up"); setInterval(() => {}, 1000);');
  const child = spawn(process.execPath, [RUN, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGTERM');
});

test('run.mjs without a file says how it is used', () => {
  const { status, stderr } = spawnSync(process.execPath, [RUN], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /^usage: /);
});
