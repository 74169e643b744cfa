import assert from 'node:assert/strict';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { succeed } from '#test/harness/command.ts';
import { ManualClock, systemClock } from '#base/clock.ts';
import { defer } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { LogSink } from './log-sink.ts';

test('LogSink writes lines in their order, those at the end as well', async (t) => {
  const file = join(temporaryFolder(t), 'log');
  const fd = openSync(file, 'a');
  defer(t, () => closeSync(fd));
  const sink = new LogSink(fd, systemClock);
  const lines = Array.from({ length: 1_000 }, (_, i) => `line ${i} ë\n`);
  for (const line of lines.slice(0, 900)) sink.write(line);
  await sink.idle();
  assert.equal(readFileSync(file, 'utf8'), lines.slice(0, 900).join(''));
  sink.write('last\n');
  await sink.idle();
  assert.ok(readFileSync(file, 'utf8').endsWith('line 899 ë\nlast\n'));
});

test('LogSink loses lines that a full disk does not take, counts them, and ends all the same', async (t) => {
  const fd = openSync('/dev/full', 'a');
  defer(t, () => closeSync(fd));
  const sink = new LogSink(fd, systemClock);
  for (let i = 0; i < 10; i++) sink.write(`line ${i}\n`);
  await sink.idle();
  assert.equal(sink.lost, 10);
  sink.write('one more\n');
  sink.flush();
});

test('LogSink lets only so much wait', (t) => {
  const fd = openSync('/dev/null', 'a');
  defer(t, () => closeSync(fd));
  const sink = new LogSink(fd, systemClock); // the first line is on its way at once, and done in a later turn
  const line = `${'x'.repeat((1 << 20) - 1)}\n`;
  for (let i = 0; i < 10; i++) sink.write(line);
  assert.equal(sink.lost, 5);
});

test('LogSink is blocked while a write takes more than two minutes', async (t) => {
  const fd = openSync('/dev/null', 'a');
  defer(t, () => closeSync(fd));
  const clock = new ManualClock();
  const sink = new LogSink(fd, clock);
  clock.advance(120_001);
  assert.equal(sink.blocked, false, 'nothing is on its way');
  sink.write('on its way until a later turn\n');
  assert.equal(sink.blocked, false);
  clock.advance(120_001);
  assert.equal(sink.blocked, true);
  await sink.idle();
  assert.equal(sink.blocked, false);
});

/** A pipe that takes no more than it holds, and does not wait. */
async function pipe(t: TestContext): Promise<{ readonly read: number; readonly write: number }> {
  const path = join(temporaryFolder(t), 'pipe');
  await succeed('mkfifo', [path]);
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { read, write: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) };
}

/** One turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('LogSink rests while nobody reads its pipe, and goes on when somebody does', async (t) => {
  const { read, write } = await pipe(t);
  const sink = new LogSink(write, systemClock);
  const lines = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(10_000)}\n`);
  for (const line of lines) sink.write(line);
  for (let i = 0; i < 100; i++) await turn();
  for (let i = 0; i < 100; i++) {
    await turn();
    assert.deepEqual(
      process.getActiveResourcesInfo().filter((kind) => kind === 'FSReqCallback' || kind === 'Immediate'),
      [],
      'nothing is tried again and again',
    );
  }
  const reader = new Socket({ fd: read, writable: false }).setEncoding('utf8');
  defer(t, () => void reader.destroy());
  const all = lines.join('');
  let seen = '';
  for await (const piece of reader as AsyncIterable<string>) if ((seen += piece).length >= all.length) break;
  assert.equal(seen, all);
  await sink.idle();
  assert.equal(sink.lost, 0);
});

test('LogSink counts what the reader of its pipe did not stay for, and goes on', async (t) => {
  const { read, write } = await pipe(t);
  const sink = new LogSink(write, systemClock);
  closeSync(read);
  sink.write('one\n');
  await sink.idle();
  sink.write('two\n');
  await sink.idle();
  assert.equal(sink.lost, 2);
});
