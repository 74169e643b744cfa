// Locks that the kernel holds for as long as a file is open: one that was killed holds nothing.
import { spawnSync } from 'node:child_process';

/** Of a program of util-linux that is told not to wait. Source: flock(1), --conflict-exit-code. */
const CONFLICT = 1;

/** There can be no lock on this machine. */
export class KernelLockError extends Error {
  override readonly name = 'KernelLockError';
}

/**
 * Locks the open file until it is closed; false while another opening of the same file has the lock, in this process or
 * any other. Node hands no descriptor down to the programs it starts, so none of them holds the lock on.
 * @throws KernelLockError with the way out
 */
export function lockOpenFile(fd: number): boolean {
  // A lock is of the opening, which the program shares with us, and stays when the program ends.
  const { status, error } = spawnSync('flock', ['--exclusive', '--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  if (error !== undefined) throw new KernelLockError(`flock cannot be run (${(error as NodeJS.ErrnoException).code}): install util-linux`);
  if (status !== 0 && status !== CONFLICT) throw new KernelLockError(`flock ended with status ${status}: the disk may know no locks`);
  return status === 0;
}
