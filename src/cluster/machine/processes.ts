// Processes known by pid and start time, so that a reused pid is never mistaken for ours.
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, wait } from '#base/clock.ts';

const POLL_MS = 20;

/** Boot-relative start time in clock ticks: with the pid, names one process for good. Empty when there is none. */
export function processIdentity(pid: number): string {
  try {
    return identityOf(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return ''; // no such process
  }
}

/** From the state on, as the kernel tells them: the name before them, in brackets, may hold anything. */
export const statFields = (stat: string): readonly string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ');

/**
 * The identity, from what the kernel says of a process. One whose first thread has ended holds its ports and files until the others have,
 * too. Source: proc_pid_stat(5).
 */
export function identityOf(stat: string): string {
  const fields = statFields(stat);
  const [state, threads, started = ''] = [fields[0], Number(fields[17]), fields[19]];
  return state === 'Z' && threads <= 1 ? '' : started;
}

export function isRunning(pid: number, identity: string): boolean {
  return identity !== '' && processIdentity(pid) === identity;
}

/** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone (at once if it was). */
export async function stopProcess(pid: number, clock: Clock, graceMs: number): Promise<void> {
  const identity = processIdentity(pid);
  if (identity === '') return;
  process.kill(pid, 'SIGTERM');
  const deadline = clock.monotonic() + graceMs;
  let killed = false;
  // No event tells of a process that is not our child.
  while (isRunning(pid, identity)) {
    if (!killed && clock.monotonic() > deadline) {
      killed = true;
      process.kill(pid, 'SIGKILL');
    }
    await wait(clock, POLL_MS);
  }
}

/** Whether a program of this name could be started. */
export function onSearchPath(name: string, searchPath = process.env.PATH ?? ''): boolean {
  return searchPath.split(':').some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
