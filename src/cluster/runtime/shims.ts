// Processes that watch over a pod each for containerd, and outlive it.
import { readdirSync, readFileSync } from 'node:fs';

export interface Shim {
  readonly pid: number;
  /** Of the container it was started for: a pod's sandbox. */
  readonly id: string;
  readonly namespace: string;
}

/** Those of the containerd that listens on `socket`. */
export function shimsOf(socket: string): readonly Shim[] {
  return pids().flatMap((pid) => {
    const [program = '', ...args] = commandLine(pid);
    const valueOf = (flag: string): string => args[args.indexOf(flag) + 1] ?? '';
    if (!/\/containerd-shim[^/]*$/.test(program) || !args.includes('-address') || !valueOf('-address').startsWith(socket)) return [];
    return [{ pid, id: valueOf('-id'), namespace: valueOf('-namespace') }];
  });
}

/** What a process started and has not ended. */
export const childrenOf = (parent: number): readonly number[] => pids().filter((pid) => parentOf(pid) === parent);

const pids = (): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function commandLine(pid: number): readonly string[] {
  return (read(pid, 'cmdline') ?? '').split('\0');
}

function parentOf(pid: number): number | undefined {
  const stat = read(pid, 'stat');
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined; // gone since it was listed
  }
}

export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
