import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ARM64_CODE } from './arm64.ts';
import { assemble, bytes } from './assembler.ts';
import { elfExecutable } from './elf.ts';
import { buildPauseImage, PAUSE_IMAGE } from './pause-image.ts';
import { X86_64_CODE } from './x86-64.ts';

function hex(code: Uint8Array): string {
  return Buffer.from(code).toString('hex');
}

/** As a disassembler reads the program, one instruction a line. */
function listing(text: string): string {
  return [...text.matchAll(/^ *([0-9a-f ]+?) *;/gm)].map(([, code]) => code?.replaceAll(' ', '')).join('');
}

test('the x86-64 program is the code it was read back as', () => {
  const code = listing(`
    b8 0e 00 00 00       ; mov  eax, 14        rt_sigprocmask
    bf 00 00 00 00       ; mov  edi, 0
    48 8d 35 53 00 00 00 ; lea  rsi, [rip+0x53]
    31 d2                ; xor  edx, edx
    41 ba 08 00 00 00    ; mov  r10d, 8
    0f 05                ; syscall
    b8 80 00 00 00       ; mov  eax, 128       rt_sigtimedwait
    48 8d 3d 3d 00 00 00 ; lea  rdi, [rip+0x3d]
    31 f6                ; xor  esi, esi
    31 d2                ; xor  edx, edx
    41 ba 08 00 00 00    ; mov  r10d, 8
    0f 05                ; syscall
    83 f8 11             ; cmp  eax, 17        SIGCHLD
    74 0d                ; je   reap
    85 c0                ; test eax, eax
    78 df                ; js   wait
    b8 e7 00 00 00       ; mov  eax, 231       exit_group
    31 ff                ; xor  edi, edi
    0f 05                ; syscall
    b8 3d 00 00 00       ; mov  eax, 61        wait4
    bf ff ff ff ff       ; mov  edi, -1
    31 f6                ; xor  esi, esi
    ba 01 00 00 00       ; mov  edx, 1         WNOHANG
    41 ba 00 00 00 00    ; mov  r10d, 0
    0f 05                ; syscall
    85 c0                ; test eax, eax
    7f e3                ; jg   reap
    eb b7                ; jmp  wait
    02 40 01 00 00 00 00 00 ; the signals 2, 15 and 17
  `);
  assert.equal(hex(X86_64_CODE), code);
});

test('the arm64 program is the code it was read back as', () => {
  const code = listing(`
    e8 10 80 d2 ; mov  x8, #135   rt_sigprocmask
    00 00 80 d2 ; mov  x0, #0
    41 03 00 10 ; adr  x1, #104
    02 00 80 d2 ; mov  x2, #0
    03 01 80 d2 ; mov  x3, #8
    01 00 00 d4 ; svc  #0
    28 11 80 d2 ; mov  x8, #137   rt_sigtimedwait
    a0 02 00 10 ; adr  x0, #84
    01 00 80 d2 ; mov  x1, #0
    02 00 80 d2 ; mov  x2, #0
    03 01 80 d2 ; mov  x3, #8
    01 00 00 d4 ; svc  #0
    1f 44 00 71 ; cmp  w0, #17    SIGCHLD
    c0 00 00 54 ; b.eq reap
    1f 00 00 71 ; cmp  w0, #0
    eb fe ff 54 ; b.lt wait
    c8 0b 80 d2 ; mov  x8, #94    exit_group
    00 00 80 d2 ; mov  x0, #0
    01 00 00 d4 ; svc  #0
    88 20 80 d2 ; mov  x8, #260   wait4
    00 00 80 92 ; mov  x0, #-1
    01 00 80 d2 ; mov  x1, #0
    22 00 80 d2 ; mov  x2, #1     WNOHANG
    03 00 80 d2 ; mov  x3, #0
    01 00 00 d4 ; svc  #0
    1f 00 00 71 ; cmp  w0, #0
    2c ff ff 54 ; b.gt reap
    eb ff ff 17 ; b    wait
    02 40 01 00 00 00 00 00 ; the signals 2, 15 and 17
  `);
  assert.equal(hex(ARM64_CODE), code);
});

test('assemble refuses a label that is not there', () => {
  assert.throws(() => assemble([{ to: 'nowhere', size: 1, encode: () => bytes(0) }]), RangeError);
});

/** Starts the program of this machine's architecture. */
function start(t: TestContext): ReturnType<typeof spawn> {
  const folder = mkdtempSync(join(tmpdir(), 'proa-pause-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'pause');
  writeFileSync(file, process.arch === 'x64' ? elfExecutable('amd64', X86_64_CODE) : elfExecutable('arm64', ARM64_CODE), { mode: 0o755 });
  const child = spawn(file, [], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

/** It sleeps only where it waits for signals; before that, one would end it as any other program. */
async function untilItWaits(pid: number | undefined): Promise<void> {
  while (!/^Name:\s+pause$[^]*^State:\s+S/m.test(await readFile(`/proc/${pid}/status`, 'utf8')));
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`the pause program waits, and ends with status 0 on ${signal}`, async (t) => {
    const child = start(t);
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    await untilItWaits(child.pid);
    child.kill('SIGCHLD'); // no child ended: it goes on waiting
    child.kill('SIGCONT');
    child.kill(signal);
    assert.deepEqual(await ended, [0, null]);
  });
}

test('buildPauseImage makes the same small image every time, for either architecture', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proa-pause-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [first, again, other] = [
    await buildPauseImage(join(folder, 'a'), 'amd64'),
    await buildPauseImage(join(folder, 'b'), 'amd64'),
    await buildPauseImage(join(folder, 'c'), 'arm64'),
  ];
  assert.deepEqual([first.name, first.digest], [PAUSE_IMAGE, again.digest]);
  assert.notEqual(first.digest, other.digest);
});
