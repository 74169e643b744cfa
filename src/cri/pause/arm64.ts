// pure
// The pause program for arm64; see ./x86-64.ts, which does the same.
import { assemble, type Line, word } from './assembler.ts';
import { SIG_BLOCK, SIGCHLD, SIGSET_SIZE, WAITED_FOR, WNOHANG } from './signals.ts';

/** Source: linux include/uapi/asm-generic/unistd.h. */
const SYSCALL = { exit_group: 94, rt_sigprocmask: 135, rt_sigtimedwait: 137, wait4: 260 } as const;

/** Condition codes. Source: Arm ARM, C1.2.4. */
const CONDITION = { equal: 0b0000, less: 0b1011, greater: 0b1100 } as const;

/** The few instructions in use, four bytes each. Source: Arm Architecture Reference Manual, C6.2. */
const arm = {
  /** `mov xd, #value` (MOVZ), up to 16 bits */
  mov: (register: number, value: number): Line => word(0xd2800000 | (value << 5) | register),
  /** `mov xd, #-1` (MOVN #0) */
  movMinusOne: (register: number): Line => word(0x92800000 | register),
  /** `adr xd, label`: the distance's low two bits stand apart. */
  adr: (register: number, to: string): Line => ({
    to,
    size: 4,
    encode: (distance) => word(0x10000000 | ((distance & 3) << 29) | (((distance >> 2) & 0x7ffff) << 5) | register),
  }),
  /** `cmp wn, #value` (SUBS wzr, wn, #value) */
  cmp: (register: number, value: number): Line => word(0x7100001f | (value << 10) | (register << 5)),
  /** `svc #0` */
  syscall: word(0xd4000001) as Line,
  /** `b.cond label` */
  branchIf: (condition: keyof typeof CONDITION, to: string): Line => ({
    to,
    size: 4,
    encode: (distance) => word(0x54000000 | (((distance >> 2) & 0x7ffff) << 5) | CONDITION[condition]),
  }),
  /** `b label` */
  branch: (to: string): Line => ({ to, size: 4, encode: (distance) => word(0x14000000 | ((distance >> 2) & 0x3ffffff)) }),
} as const;

/** Register of the system call's number. */
const X8 = 8;

const PROGRAM: readonly Line[] = [
  // rt_sigprocmask(SIG_BLOCK, &set, NULL, 8)
  arm.mov(X8, SYSCALL.rt_sigprocmask),
  arm.mov(0, SIG_BLOCK),
  arm.adr(1, 'set'),
  arm.mov(2, 0),
  arm.mov(3, SIGSET_SIZE),
  arm.syscall,

  { label: 'wait' },
  // w0 = rt_sigtimedwait(&set, NULL, NULL, 8)
  arm.mov(X8, SYSCALL.rt_sigtimedwait),
  arm.adr(0, 'set'),
  arm.mov(1, 0),
  arm.mov(2, 0),
  arm.mov(3, SIGSET_SIZE),
  arm.syscall,
  arm.cmp(0, SIGCHLD),
  arm.branchIf('equal', 'reap'),
  arm.cmp(0, 0),
  arm.branchIf('less', 'wait'), // interrupted
  // exit_group(0)
  arm.mov(X8, SYSCALL.exit_group),
  arm.mov(0, 0),
  arm.syscall,

  { label: 'reap' },
  // w0 = wait4(-1, NULL, WNOHANG, NULL); several children may share one SIGCHLD
  arm.mov(X8, SYSCALL.wait4),
  arm.movMinusOne(0),
  arm.mov(1, 0),
  arm.mov(2, WNOHANG),
  arm.mov(3, 0),
  arm.syscall,
  arm.cmp(0, 0),
  arm.branchIf('greater', 'reap'),
  arm.branch('wait'),

  { label: 'set' },
  word(WAITED_FOR),
  word(0),
];

export const ARM64_CODE: Uint8Array = assemble(PROGRAM);
