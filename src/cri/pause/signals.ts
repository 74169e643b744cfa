// pure
// What both pause programs know of Linux.

/** Source: linux asm-generic/signal.h. */
const SIGINT = 2;
const SIGTERM = 15;
export const SIGCHLD = 17;

/** The signals the program waits for, as a kernel sigset: bit n - 1 stands for signal n. */
export const WAITED_FOR: number = [SIGINT, SIGTERM, SIGCHLD].reduce((set, signal) => set | (1 << (signal - 1)), 0);

/** Bytes of a kernel sigset. */
export const SIGSET_SIZE = 8;

/** Source: linux signal.h SIG_BLOCK. */
export const SIG_BLOCK = 0;

/** Source: linux wait.h WNOHANG. */
export const WNOHANG = 1;
