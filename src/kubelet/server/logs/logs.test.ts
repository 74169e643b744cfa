import assert from 'node:assert/strict';
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { runWatchless } from '#test/harness/watchless.ts';
import { parseLine, parseNanos } from './line.ts';
import { logOptions, type LogOptions } from './options.ts';
import { readLog } from './read-log.ts';
import { tailOffset } from './tail.ts';

const AT = '2026-01-02T03:04:05.123456789Z';
const LATER = '2026-01-02T03:04:06Z';

for (const c of [
  { name: 'a whole line', entry: `${AT} stdout F hello\n`, is: ['stdout', 'hello\n'] },
  { name: 'a part of a line', entry: `${AT} stderr P hel\n`, is: ['stderr', 'hel'] },
  { name: 'a part with a tag', entry: `${AT} stdout P:x hel\n`, is: ['stdout', 'hel'] },
  { name: 'an empty line', entry: `${AT} stdout F \n`, is: ['stdout', '\n'] },
  { name: 'a last line that is being written', entry: `${AT} stdout F hel`, is: ['stdout', 'hel'] },
  { name: 'spaces in the line', entry: `${AT} stdout F  a b \n`, is: ['stdout', ' a b \n'] },
  { name: 'another stream', entry: `${AT} stdlog F x\n`, is: undefined },
  { name: 'noise', entry: 'noise\n', is: undefined },
  { name: 'nothing', entry: '', is: undefined },
]) {
  test(`parseLine reads ${c.name}`, () => {
    const line = parseLine(Buffer.from(c.entry));
    assert.deepEqual(line === undefined ? undefined : [line.stream, line.content.toString()], c.is);
  });
}

test('parseNanos keeps nanoseconds and knows zones', () => {
  assert.equal(parseNanos('1970-01-01T00:00:01.000000002Z'), 1_000_000_002n);
  assert.equal(parseNanos('1970-01-01T02:00:00.5+02:00'), 500_000_000n);
  assert.equal(parseNanos('yesterday'), undefined);
});

test('tailOffset finds the same place as splitting does', async (t) => {
  const ids = seededIds(5);
  const path = join(temporaryFolder(t), 'log');
  for (const longest of [3, 200, 5000]) {
    const lines = Array.from({ length: 120 }, () => 'x'.repeat(Math.floor(ids.fraction() * longest)));
    for (const content of [`${lines.join('\n')}\n`, lines.join('\n')]) {
      writeFileSync(path, content);
      const file = await open(path);
      for (const count of [0, 1, 2, 50, 119, 120, 500]) {
        const expected = count === 0 ? '' : lines.slice(-count).join('\n');
        const offset = await tailOffset(file, count);
        assert.equal(content.slice(offset).replace(/\n$/, ''), expected.replace(/\n$/, ''));
      }
      await file.close();
    }
  }
});

const options = (query = ''): LogOptions => logOptions(new URLSearchParams(query), Date.parse(LATER));

for (const c of [
  { query: 'tailLines=x', code: 400 },
  { query: 'sinceTime=yesterday', code: 400 },
  { query: 'tailLines=-1', code: 422 },
  { query: 'limitBytes=0', code: 422 },
  { query: 'sinceSeconds=0', code: 422 },
  { query: `sinceSeconds=1&sinceTime=${AT}`, code: 422 },
  { query: 'stream=Both', code: 422 },
  { query: 'stream=Stdout&tailLines=1', code: 422 },
]) {
  test(`logOptions refuses ${c.query}`, () => assert.throws(() => options(c.query), { name: 'Refusal', code: c.code }));
}

test('logOptions takes tail for tailLines', () => {
  assert.deepEqual([options('tail=3').tailLines, options('tail=all&tailLines=3').tailLines], [3, undefined]);
});

const LOG = [`${AT} stdout F one`, `${AT} stderr P tw`, `${AT} stderr F o`, `${LATER} stdout F three`, ''].join('\n');

for (const c of [
  { query: '', is: 'one\ntwo\nthree\n' },
  { query: 'stream=Stdout', is: 'one\nthree\n' },
  { query: 'stream=Stderr', is: 'two\n' },
  { query: 'tailLines=1', is: 'three\n' },
  { query: 'tailLines=0', is: '' },
  { query: 'limitBytes=5', is: 'one\nt' },
  { query: `sinceTime=${LATER}`, is: 'three\n' },
  { query: 'sinceSeconds=1', is: 'one\ntwo\nthree\n' },
  { query: 'timestamps=true', is: `${AT} one\n${AT} two\n${LATER} three\n` },
]) {
  test(`readLog gives what is asked for: ${c.query === '' ? 'everything' : c.query}`, async (t) => {
    const path = join(temporaryFolder(t), 'log');
    writeFileSync(path, LOG);
    const asked = options(c.query);
    const source = { path, tailLines: asked.tailLines, clock: new ManualClock(), signal: new AbortController().signal };
    let seen = '';
    for await (const piece of readLog(source, asked)) seen += piece.toString();
    assert.equal(seen, c.is);
  });
}

test('readLog of a file that is not there fails', async (t) => {
  const source = {
    path: join(temporaryFolder(t), 'log'),
    tailLines: undefined,
    clock: new ManualClock(),
    signal: new AbortController().signal,
  };
  await assert.rejects(readLog(source, options()).next(), { code: 'ENOENT' });
});

/** A log that is followed, with the container's life and time in the test's hands. */
function following(t: TestContext) {
  const path = join(temporaryFolder(t), 'log');
  writeFileSync(path, `${AT} stdout F first\n`);
  const clock = new ManualClock();
  const leaving = new AbortController();
  const container = { running: true };
  const source = { path, tailLines: undefined, clock, signal: leaving.signal, running: () => Promise.resolve(container.running) };
  const lines = readLog(source, options());
  t.after(async () => {
    leaving.abort();
    await lines.return();
  });
  const next = async (): Promise<string | undefined> => (await lines.next()).value?.toString();
  return { path, clock, leaving, container, next };
}

test('a followed log gives lines as they are written, without waiting for time', async (t) => {
  const { path, next, leaving } = following(t);
  assert.equal(await next(), 'first\n');
  for (const word of ['second', 'third']) {
    const waiting = next();
    appendFileSync(path, `${AT} stdout F ${word}\n`);
    assert.equal(await waiting, `${word}\n`);
  }
  leaving.abort();
  assert.equal(await next(), undefined);
});

const FOLLOWS = `
  import { appendFileSync } from 'node:fs';
  import { systemClock } from '#base/clock.ts';
  import { logEntries } from '#kubelet/server/logs/entries.ts';
  const [, path] = process.argv;
  const alive = setInterval(() => {}, 1_000);
  const { signal } = new AbortController();
  for await (const entry of logEntries({ path, tailLines: undefined, clock: systemClock, signal, running: async () => true })) {
    process.stdout.write(entry);
    if (entry.toString() !== 'first\\n') break;
    appendFileSync(path, 'second\\n');
  }
  clearInterval(alive);
`;

test('a log is followed where the kernel watches no file any more', async (t) => {
  const path = join(temporaryFolder(t), 'log');
  writeFileSync(path, 'first\n');
  assert.equal(await runWatchless(FOLLOWS, path), 'first\nsecond\n');
});

test('a followed log goes on in the new file after a rotation, and loses nothing of the old one', async (t) => {
  const { path, next, leaving } = following(t);
  assert.equal(await next(), 'first\n');
  for (let round = 0; round < 5; round++) {
    const waiting = next();
    appendFileSync(path, `${AT} stdout F before ${round}\n`);
    renameSync(path, `${path}.${round}`);
    appendFileSync(`${path}.${round}`, `${AT} stdout F late ${round}\n`);
    writeFileSync(path, `${AT} stdout F after ${round}\n`);
    assert.deepEqual([await waiting, await next(), await next()], [`before ${round}\n`, `late ${round}\n`, `after ${round}\n`]);
  }
  leaving.abort();
});

test('a followed log ends when its container has ended, with its last words', async (t) => {
  const { path, clock, container, next } = following(t);
  assert.equal(await next(), 'first\n');
  const waiting = next();
  while (clock.pending === 0) await new Promise(setImmediate);
  container.running = false;
  appendFileSync(path, `${AT} stdout F last\n`);
  assert.equal(await waiting, 'last\n');
  const end = next();
  for (let ended = false; !ended;) {
    while (clock.pending === 0 && !ended) {
      ended = await Promise.race([end.then(() => true), new Promise<false>((resolve) => setImmediate(resolve, false))]);
    }
    clock.advance(1000);
  }
  assert.equal(await end, undefined);
});
