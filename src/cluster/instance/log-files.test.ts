import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, openSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { boundLogFiles, moveAside, textSince } from './log-files.ts';

test('moveAside keeps every line in order, four older files, and nothing of what was before', async (t) => {
  const file = join(temporaryFolder(t), 'proa.log');
  let line = 0;
  for (let round = 0; round < 7; round++) {
    for (let i = 0; i < 1_000; i++) appendFileSync(file, `${line++}\n`);
    const moving = moveAside(file);
    for (let i = 0; i < 10; i++) appendFileSync(file, `${line++}\n`); // while it is being copied
    await moving;
    assert.equal(statSync(file).size, 0);
  }
  appendFileSync(file, `${line++}\n`);
  const kept = [4, 3, 2, 1].map((number) => `${file}.${number}`).concat(file);
  const lines = kept.flatMap((each) => readFileSync(each, 'utf8').split('\n').slice(0, -1).map(Number));
  assert.deepEqual(
    lines,
    Array.from({ length: lines.length }, (_, i) => line - lines.length + i),
  );
  assert.equal(lines.length, 4 * 1_010 + 1);
  assert.ok(!existsSync(`${file}.5`) && !existsSync(`${file}.new`));
});

test('moveAside keeps who may read a log', async (t) => {
  const file = join(temporaryFolder(t), 'proa.log');
  writeFileSync(file, 'a token', { mode: 0o600 });
  await moveAside(file);
  assert.equal(statSync(`${file}.1`).mode & 0o777, 0o600);
});

test('boundLogFiles bounds what another program writes without end, and the program goes on', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'containerd.log');
  const log = openSync(file, 'a', 0o600);
  const writer = spawn('sh', ['-c', 'while :; do echo "a line of a program that knows nothing of this"; done'], {
    stdio: ['ignore', log, log],
  });
  t.after(() => writer.kill('SIGKILL'));
  await once(writer, 'spawn');
  const stop = new AbortController();
  const changes = watch(folder, { signal: stop.signal });
  const clock = new ManualClock();
  const bounding = boundLogFiles({ files: [file], maxBytes: 100_000, clock, logger: silentLogger, signal: stop.signal });
  const grown = async (): Promise<void> => {
    while (statSync(file).size < 100_000) await once(changes, 'change');
  };
  for (let round = 1; round <= 6; round++) {
    await grown();
    const before = statSync(`${file}.1`, { throwIfNoEntry: false })?.ino;
    clock.advance(15_000);
    while ((statSync(`${file}.1`, { throwIfNoEntry: false })?.ino ?? before) === before) await once(changes, 'change');
  }
  await grown();
  assert.ok(existsSync(`${file}.4`) && !existsSync(`${file}.5`));
  stop.abort();
  await bounding;
});

test('boundLogFiles bounds a file that there is no room to keep, and says so', async (t) => {
  const folder = temporaryFolder(t);
  const [file, missing] = [join(folder, 'proa.log'), join(folder, 'none.log')];
  writeFileSync(file, 'x'.repeat(2_000));
  mkdirSync(`${file}.new`); // in the way of the copy
  const said: string[] = [];
  const stop = new AbortController();
  const told = Promise.withResolvers<void>();
  const logger = createLogger((level, message, fields) => {
    said.push(`${level} ${message} ${String(fields['file'])}`);
    told.resolve();
  });
  const bounding = boundLogFiles({ files: [missing, file], maxBytes: 1_000, clock: systemClock, logger, signal: stop.signal });
  await told.promise;
  assert.deepEqual(said, [`error a log file was cut without a copy ${file}`]);
  assert.equal(statSync(file).size, 0);
  stop.abort();
  await bounding;
});

test('textSince is what was written since, and all of a file that was moved aside meanwhile', async (t) => {
  const file = join(temporaryFolder(t), 'proa.log');
  writeFileSync(file, 'long before\n');
  const { size } = statSync(file);
  appendFileSync(file, 'now\n');
  assert.equal(textSince(file, size), 'now\n');
  await moveAside(file);
  appendFileSync(file, 'later\n');
  assert.equal(textSince(file, size), 'later\n');
});
