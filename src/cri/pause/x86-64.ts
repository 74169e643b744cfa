// pure
// The pause program for x86-64. It blocks its signals and waits for them one by one, so it needs no handlers, no stack
// and no memory but its code: a child that ended is reaped, any other signal it waits for ends it with status 0.
import { assemble, bytes, joined, type Line, word } from './assembler.ts';
import { SIG_BLOCK, SIGCHLD, SIGSET_SIZE, WAITED_FOR, WNOHANG } from './signals.ts';

/** Source: linux arch/x86/entry/syscalls/syscall_64.tbl. */
const SYSCALL = { rt_sigprocmask: 14, wait4: 61, rt_sigtimedwait: 128, exit_group: 231 } as const;

/** Register numbers. Source: Intel SDM volume 2, table 3-1. */
const REGISTER = { eax: 0, edx: 2, esi: 6, edi: 7 } as const;
type Register = keyof typeof REGISTER;

/** The few instructions in use. Source: Intel SDM volume 2. */
const x86 = {
  /** `mov r32, imm32`: B8+r */
  mov: (register: Register, value: number): Line => joined(bytes(0xb8 + REGISTER[register]), word(value)),
  /** `mov r10d, imm32`: 41 B8+r */
  movR10: (value: number): Line => joined(bytes(0x41, 0xba), word(value)),
  /** `xor r32, r32`: 31 /r */
  zero: (register: Register): Line => bytes(0x31, 0xc0 | (REGISTER[register] << 3) | REGISTER[register]),
  /** `lea r64, [rip + label]`: REX.W 8D /r; counted from the next instruction. */
  lea: (register: Register, to: string): Line => ({
    to,
    size: 7,
    encode: (distance) => joined(bytes(0x48, 0x8d, 0x05 | (REGISTER[register] << 3)), word(distance - 7)),
  }),
  /** `cmp eax, imm8`: 83 /7 */
  cmpEax: (value: number): Line => bytes(0x83, 0xf8, value),
  /** `test eax, eax`: 85 /r */
  testEax: bytes(0x85, 0xc0) as Line,
  syscall: bytes(0x0f, 0x05) as Line,
  /** `jcc rel8` and `jmp rel8`, counted from the next instruction. */
  jump: (condition: 'always' | 'equal' | 'greater' | 'negative', to: string): Line => ({
    to,
    size: 2,
    encode: (distance) => bytes({ always: 0xeb, equal: 0x74, greater: 0x7f, negative: 0x78 }[condition], (distance - 2) & 0xff),
  }),
} as const;

const PROGRAM: readonly Line[] = [
  // rt_sigprocmask(SIG_BLOCK, &set, NULL, 8)
  x86.mov('eax', SYSCALL.rt_sigprocmask),
  x86.mov('edi', SIG_BLOCK),
  x86.lea('esi', 'set'),
  x86.zero('edx'),
  x86.movR10(SIGSET_SIZE),
  x86.syscall,

  { label: 'wait' },
  // eax = rt_sigtimedwait(&set, NULL, NULL, 8)
  x86.mov('eax', SYSCALL.rt_sigtimedwait),
  x86.lea('edi', 'set'),
  x86.zero('esi'),
  x86.zero('edx'),
  x86.movR10(SIGSET_SIZE),
  x86.syscall,
  x86.cmpEax(SIGCHLD),
  x86.jump('equal', 'reap'),
  x86.testEax,
  x86.jump('negative', 'wait'), // interrupted
  // exit_group(0)
  x86.mov('eax', SYSCALL.exit_group),
  x86.zero('edi'),
  x86.syscall,

  { label: 'reap' },
  // eax = wait4(-1, NULL, WNOHANG, NULL); several children may share one SIGCHLD
  x86.mov('eax', SYSCALL.wait4),
  x86.mov('edi', -1),
  x86.zero('esi'),
  x86.mov('edx', WNOHANG),
  x86.movR10(0),
  x86.syscall,
  x86.testEax,
  x86.jump('greater', 'reap'),
  x86.jump('always', 'wait'),

  { label: 'set' },
  word(WAITED_FOR),
  word(0),
];

export const X86_64_CODE: Uint8Array = assemble(PROGRAM);
