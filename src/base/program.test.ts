import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { runProgram } from './program.ts';

test('runProgram gives the standard output of a program that succeeds', async () => {
  assert.equal(await runProgram('sh', ['-c', 'echo "$1"; pwd; echo noise >&2', 'sh', 'a b'], { cwd: '/' }), 'a b\n/\n');
});

test('runProgram feeds its input', async () => {
  assert.equal(await runProgram('cat', [], { input: Readable.from(['one ', 'two']) }), 'one two');
});

test('runProgram says how a program failed, in its own last words', async () => {
  await assert.rejects(runProgram('sh', ['-c', 'echo first; for i in 1 2 3 4 5 6; do echo "line $i" >&2; done; exit 3']), {
    name: 'ProgramError',
    message: 'sh ended with 3: line 2\nline 3\nline 4\nline 5\nline 6',
  });
  await assert.rejects(runProgram('sh', ['-c', 'kill -KILL $$']), { name: 'ProgramError', message: 'sh ended with SIGKILL' });
});

test('runProgram says which program cannot be started', async () => {
  await assert.rejects(runProgram('no-such-program', []), {
    name: 'ProgramError',
    message: /^no-such-program cannot be started: .*ENOENT/,
  });
});

test('runProgram that finds no file descriptor says that the program cannot be started; with descriptors again it starts', async () => {
  const [, soft = ''] = /Max open files +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  const limit = (to: string): string => `prlimit --pid ${process.pid} --nofile=${to}:`;
  const limiter = spawn('sh', ['-c', `${limit('0')} && echo && read _ && ${limit(soft)}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(limiter.stdout, 'data');
  const runs = [runProgram('true', []), runProgram('cat', [], { input: Readable.from(['unread']) })];
  const refusals = await Promise.allSettled(runs);
  limiter.stdin.end('\n');
  await once(limiter, 'close');
  for (const [i, file] of ['true', 'cat'].entries()) {
    const { status, reason } = refusals[i] as PromiseRejectedResult;
    assert.equal(status, 'rejected');
    assert.deepEqual([reason.name, reason.message], ['ProgramError', `${file} cannot be started: spawn ${file} EMFILE`]);
  }
  assert.equal(await runProgram('echo', ['again']), 'again\n');
});

test('runProgram does not mind a program that leaves its input unread, but an input that cannot be read', async () => {
  assert.equal(await runProgram('true', [], { input: Readable.from([Buffer.alloc(1 << 20)]) }), '');
  await assert.rejects(runProgram('cat', [], { input: createReadStream(`${tmpdir()}/no/such/file`) }), { code: 'ENOENT' });
});

test('runProgram ends a program that writes without end', async () => {
  await assert.rejects(runProgram('yes', []), { name: 'ProgramError', message: /more than 16777216 bytes/ });
});

test('runProgram gives a program up that takes too long, whatever still holds its output', async () => {
  const began = runProgram('sh', ['-c', 'echo $$ >&2; sleep 1000 & wait'], { input: Readable.from(['unread']), timeoutMs: 50 });
  await assert.rejects(began, { name: 'ProgramError', message: 'sh did not end within 0.05 s' });
  assert.equal(await runProgram('echo', ['soon'], { timeoutMs: 60_000 }), 'soon\n');
});

test('runProgram ends a program with the reason of its signal', async () => {
  const stop = new AbortController();
  const reason = new Error('enough');
  const run = runProgram('sleep', ['1000'], { signal: stop.signal });
  stop.abort(reason);
  await assert.rejects(run, reason);
  await assert.rejects(runProgram('true', [], { signal: stop.signal }), reason);
});
