// The processes of a cluster, as the kernel lists them: who may be killed, and what must not be left.
import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
  readonly pid: number;
  /** Arguments, by blanks; empty for one that ended and that nobody has asked about. */
  readonly command: string;
  /** `S`, `R`, `Z`, …. Source: proc(5). */
  readonly state: string;
}

/** All that there are; ones that end meanwhile are left out. */
export function processes(): readonly Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [{ pid: Number(name), command, state: stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '' }];
      } catch {
        return []; // it has ended
      }
    });
}

export const pidsOf = (matches: RegExp): readonly number[] =>
  processes().flatMap(({ pid, command }) => (matches.test(command) ? [pid] : []));

/** Open descriptors of a process. */
export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

export function kill(pids: readonly number[], signal: NodeJS.Signals = 'SIGKILL'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has ended
    }
  }
}
