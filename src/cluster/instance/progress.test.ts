import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { start } from '#test/harness/command.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { runWatchless } from '#test/harness/watchless.ts';
import { pathsOf } from './paths.ts';
import { isAlive, isReady, type Progress, ProgressReport, readProgress, STEPS } from './progress.ts';

test('progress is ready once every step is reached, and no longer when its process is gone', async (t) => {
  const folder = temporaryFolder(t);
  const paths = pathsOf({ dataDir: join(folder, 'data'), runDir: join(folder, 'run') });
  const child = start(t, 'sleep', ['1000000']);
  const report = new ProgressReport(paths, new ManualClock(), child.pid);
  const now = (): Progress => readProgress(paths) as Progress;
  for (const step of STEPS) {
    assert.equal(isReady(now()), false, `before ${step}`);
    report.reached(step);
  }
  assert.equal(isReady(now()), true);
  await child.stop('SIGKILL');
  assert.deepEqual([isAlive(now()), isReady(now()), now().pid], [false, false, child.pid]);
});

test('progress that was cut short tells nothing', (t) => {
  const folder = temporaryFolder(t);
  const paths = pathsOf({ dataDir: join(folder, 'data'), runDir: join(folder, 'run') });
  new ProgressReport(paths, new ManualClock(), process.pid).reached('certificates');
  truncateSync(paths.progress, 20);
  assert.equal(readProgress(paths), undefined);
});

test('progress of a process that is gone is not that of a later one with its pid', () => {
  const progress: Progress = { pid: process.pid, identity: '1', done: STEPS.map((step) => ({ step, afterMs: 1 })) };
  assert.equal(isReady(progress), false);
  assert.equal(isReady(undefined), false);
});

const FOLLOWS = `
  import { systemClock } from '#base/clock.ts';
  import { pathsOf } from '#cluster/instance/paths.ts';
  import { followStart, isReady, ProgressReport, STEPS } from '#cluster/instance/progress.ts';
  const paths = pathsOf({ dataDir: process.argv[1] + '/data', runDir: process.argv[1] + '/run' });
  const report = new ProgressReport(paths, systemClock, process.pid);
  const stop = new AbortController();
  followStart(paths, ({ progress }) => {
    if (!isReady(progress)) return;
    console.log('ready');
    stop.abort();
  }, stop.signal);
  for (const step of STEPS) report.reached(step);
`;

test('a start is followed where the kernel watches no file any more', async (t) => {
  assert.equal(await runWatchless(FOLLOWS, temporaryFolder(t)), 'ready\n');
});
