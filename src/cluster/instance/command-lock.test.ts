import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { start } from '#test/harness/command.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { lockForCommand } from './command-lock.ts';
import { pathsOf } from './paths.ts';

const placeOf = (t: TestContext) => {
  const folder = temporaryFolder(t);
  return { dataDir: join(folder, 'data'), runDir: join(folder, 'run') };
};
type Place = ReturnType<typeof placeOf>;

/** Another process that says what became of its attempt, and then keeps what it has. */
const other = (t: TestContext, place: Place, command = 'up') =>
  start(t, process.execPath, [
    '--disable-warning=ExperimentalWarning',
    '--input-type=module-typescript',
    '--eval',
    `import { lockForCommand } from ${JSON.stringify(import.meta.resolve('./command-lock.ts'))};
     try {
       const unlock = lockForCommand(${JSON.stringify(place)}, ${JSON.stringify(command)});
       console.log('has it');
       process.stdin.once('data', () => { unlock(); console.log('gave it back'); });
     } catch (error) {
       console.log(error.name + ': ' + error.message);
     }`,
  ]);

test('lockForCommand lets one command in, tells the next who that is, and leaves nothing behind', async (t) => {
  const place = placeOf(t);
  const first = other(t, place, 'reset');
  await first.line(/^has it$/);
  assert.throws(() => lockForCommand(place, 'up'), {
    name: 'CommandError',
    message: `proa reset (process ${first.pid}) is at work on the cluster in ${place.dataDir}: wait for it to end, or end it`,
  });
  first.child.stdin?.write('enough');
  await first.line(/^gave it back$/);
  assert.ok(!existsSync(place.runDir));
  lockForCommand(place, 'up')();
  assert.ok(!existsSync(place.runDir));
});

test('lockForCommand takes no notice of a holder that was killed', async (t) => {
  const place = placeOf(t);
  const first = other(t, place);
  await first.line(/^has it$/);
  await first.stop('SIGKILL');
  assert.ok(existsSync(pathsOf(place).lock));
  lockForCommand(place, 'up')();
});

test('lockForCommand lets exactly one of many in, also while the file is taken away', async (t) => {
  const place = placeOf(t);
  for (let round = 0; round < 2; round++) {
    const all = Array.from({ length: 5 }, () => other(t, place));
    const said = await Promise.all(all.map((each) => each.line(/has it|CommandError/)));
    assert.equal(said.filter((line) => line === 'has it').length, 1, said.join('\n'));
    const winner = all[said.indexOf('has it')];
    const refused = new RegExp(
      String.raw`^CommandError: proa up \(process ${winner?.pid}\) is at work|^CommandError: another command of Proa is at work`,
    );
    for (const line of said.filter((each) => each !== 'has it')) assert.match(line, refused);
    winner?.child.stdin?.write('enough');
    await winner?.line(/^gave it back$/);
  }
});

test('lockForCommand is not held by what its holder starts', async (t) => {
  const place = placeOf(t);
  const unlock = lockForCommand(place, 'up');
  const child = start(t, 'sh', ['-c', 'echo lives; exec sleep 1000000']);
  await child.line(/lives/);
  rmSync(pathsOf(place).lock);
  unlock();
  lockForCommand(place, 'down')();
});

test('lockForCommand says why there can be no lock', (t) => {
  const place = placeOf(t);
  mkdirSync(join(place.runDir, '..'), { recursive: true });
  writeFileSync(place.runDir, 'a file');
  assert.throws(() => lockForCommand(place, 'up'), {
    message: `${pathsOf(place).lock} cannot be written (ENOTDIR): choose another folder with --run-dir`,
  });
  for (const runDir of ['/proc/no-such-folder', '/proc'])
    assert.throws(() => lockForCommand({ ...place, runDir }, 'up'), {
      message: `${runDir}/lock cannot be written (ENOENT): choose another folder with --run-dir`,
    });
});
