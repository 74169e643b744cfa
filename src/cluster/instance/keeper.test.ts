import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { isRunning, stopProcess } from '../machine/processes.ts';
import { runningKeeper, startKeeper, stopKeeper } from './keeper.ts';
import { pathsOf } from './paths.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'proa-keeper-'));
});
after(() => rmSync(dir, { recursive: true }));

/** Resolves with the file's lines once it has `count` of them. */
function lines(path: string, count: number): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const look = (): void => {
      const found = readFileSync(path, 'utf8').split('\n').slice(0, -1);
      if (found.length < count) return;
      watcher.close();
      resolve(found);
    };
    const watcher = watch(path, look);
    look();
  });
}

function fixture(name: string, script: string) {
  const paths = pathsOf({ dataDir: join(dir, name, 'data'), runDir: join(dir, name, 'run') });
  const starts = join(dir, `${name}.starts`);
  writeFileSync(starts, '');
  return {
    paths,
    starts,
    command: [process.execPath, '-e', `require('fs').appendFileSync(${JSON.stringify(starts)}, process.pid + '\\n'); ${script}`],
  };
}

test('the keeper starts a killed command again, and stopKeeper ends both', async () => {
  const { paths, starts, command } = fixture('killed', 'setInterval(() => {}, 1e6)');
  const keeper = startKeeper(paths, command, process.env);
  assert.deepEqual(runningKeeper(paths), keeper);
  const [first] = await lines(starts, 1);
  process.kill(Number(first), 'SIGKILL');
  const [, second] = await lines(starts, 2);
  assert.notEqual(second, first);

  assert.equal(await stopKeeper(paths, systemClock), true);
  assert.equal(isRunning(keeper.pid, keeper.identity), false);
  assert.throws(() => process.kill(Number(second), 0), { code: 'ESRCH' });
  assert.equal(runningKeeper(paths), undefined);
  assert.equal(await stopKeeper(paths, systemClock), false);
});

test('the keeper waits for a command that ends in good order on SIGTERM', async () => {
  const { paths, starts, command } = fixture(
    'graceful',
    `process.on('SIGTERM', () => { setTimeout(() => process.exit(0), 50) }); setInterval(() => {}, 1e6)`,
  );
  startKeeper(paths, command, process.env);
  await lines(starts, 1);
  await stopKeeper(paths, systemClock);
  assert.equal((await lines(starts, 1)).length, 1);
});

test('runningKeeper takes no other process with the same pid for the keeper', async () => {
  const { paths, command } = fixture('reused', 'setInterval(() => {}, 1e6)');
  const keeper = startKeeper(paths, command, process.env);
  writeFileSync(paths.keeper, JSON.stringify({ pid: process.pid, identity: keeper.identity.concat('0') }));
  assert.equal(runningKeeper(paths), undefined);
  await stopProcess(keeper.pid, systemClock, 10_000);
});
