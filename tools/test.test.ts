import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ROOT } from './node.mjs';

/** Test files that pass from their `passesFrom`-th run on (1: always; Infinity: never), and a test run over them. */
function runOver(t: TestContext, passesFrom: readonly number[], ...flags: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'proa-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [index, from] of passesFrom.entries()) {
    const runs = JSON.stringify(join(folder, `runs-${index}`));
    writeFileSync(
      join(folder, `file-${index}.test.ts`),
      `import assert from 'node:assert/strict';
       import { appendFileSync, readFileSync } from 'node:fs';
       import { test } from 'node:test';
       appendFileSync(${runs}, 'x');
       test('steady', () => {});
       test('from run ${from}', () => assert.ok(readFileSync(${runs}).length >= ${from}));`,
    );
  }
  const env = { ...process.env };
  delete env['NODE_TEST_CONTEXT']; // else the inner run takes itself for a file of the outer one
  const arguments_ = [join(ROOT, 'tools/run.mjs'), join(ROOT, 'tools/test.ts'), folder, ...flags];
  const { status, stdout } = spawnSync(process.execPath, arguments_, { encoding: 'utf8', env });
  return { status, last: stdout.trimEnd().split('\n').at(-1), stdout };
}

test('a failed test fails the run and is named', (t) => {
  const { status, last, stdout } = runOver(t, [1, 2]);
  assert.deepEqual({ status, last }, { status: 1, last: '3 passed, 1 failed' });
  assert.match(stdout, /\nNot passed:\n {2}\S+file-1\.test\.ts:\d+ from run 2\n/);
});

test('--again: a test that passes the second time is named as unsteady', (t) => {
  const { status, last, stdout } = runOver(t, [1, 2], '--again');
  assert.deepEqual({ status, last }, { status: 0, last: '4 passed, 0 failed' });
  assert.match(stdout, /\nUnsteady \(failed, then passed\):\n {2}\S+file-1\.test\.ts:\d+ from run 2\n/);
});

test('--again: a test that fails twice fails the run', (t) => {
  const { status, last, stdout } = runOver(t, [1, 2, Infinity], '--again');
  assert.deepEqual({ status, last }, { status: 1, last: '5 passed, 1 failed' });
  assert.match(stdout, /\nNot passed:\n {2}\S+file-2\.test\.ts:\d+ from run Infinity\n/);
});

test('--again: many failed files do not run again', (t) => {
  const { status, last, stdout } = runOver(t, [2, 2, 2, 2], '--again');
  assert.deepEqual({ status, last }, { status: 1, last: '4 passed, 4 failed' });
  assert.doesNotMatch(stdout, /Once more/);
});
