import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run, start, succeed } from './command.ts';

test('run returns both streams and the status', async () => {
  assert.deepEqual(await run('sh', ['-c', 'cat; echo err >&2; exit 3'], { input: 'in' }), { code: 3, stdout: 'in', stderr: 'err\n' });
});

test('run counts a signal as shells do', async () => {
  assert.equal((await run('sh', ['-c', 'kill -9 $$'])).code, 137);
});

test('run takes a program that does not read its input', async () => {
  assert.equal((await run('true', [], { input: 'x'.repeat(1 << 20) })).code, 0);
});

test('run rejects when there is no such program', async () => {
  await assert.rejects(run('/nonexistent', []), /ENOENT/);
});

test('succeed rejects with all the program said', async () => {
  await assert.rejects(succeed('sh', ['-c', 'echo why >&2; exit 1']), /status 1:\nwhy/);
});

test('Running gives lines that came before and after they were asked for', async (t) => {
  const running = start(t, 'sh', ['-c', 'echo one; read line; echo "two $line"']);
  assert.equal(await running.line(/^one/), 'one');
  const two = running.line(/^two/);
  running.child.stdin?.end('x\n');
  assert.equal(await two, 'two x');
  assert.equal(await running.line(/^one/), 'one');
});

test('Running says so when a program ends before the line that is waited for', async (t) => {
  const running = start(t, 'sh', ['-c', 'echo last words >&2; exit 1']);
  await assert.rejects(running.line(/never/), /ended before it wrote \/never\/:\nlast words/);
});

test('Running says so when a line does not come', async (t) => {
  const running = start(t, 'sh', ['-c', 'echo other; exec sleep 1000']);
  await running.line(/other/);
  await assert.rejects(running.line(/never/, 10), /sh has not written in 10 ms \/never\/:\nother/);
});

test('Running that cannot be started is an error of who waits, and of no one else', async (t) => {
  const running = start(t, '/nonexistent', []);
  await assert.rejects(running.line(/never/), /ENOENT/);
});

test('start kills the program when its test ends', async (t) => {
  let ended = false;
  await t.test('inside', (inner) => {
    const running = start(inner, 'sleep', ['1000']);
    void running.ended().then(() => (ended = true));
  });
  assert.ok(ended);
});
