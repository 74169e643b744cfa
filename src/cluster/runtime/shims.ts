// Processes that watch over a pod each for containerd, and outlive it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { statFields } from '../machine/processes.ts';

export interface Shim {
  readonly pid: number;
  /** Of the container it was started for: a pod's sandbox. */
  readonly id: string;
  readonly namespace: string;
}

/**
 * Those of the containerd that listens on `socket`. Containers have processes that are listed here too, and files of their own: in there the
 * same path is the socket of another.
 */
export function shimsOf(socket: string): readonly Shim[] {
  const own = namespacesOf('self');
  return pids().flatMap((pid) => {
    const [program = '', ...args] = commandLine(pid);
    const valueOf = (flag: string): string => args[args.indexOf(flag) + 1] ?? '';
    if (!/\/containerd-shim[^/]*$/.test(program) || !args.includes('-address') || !valueOf('-address').startsWith(socket)) return [];
    return namespacesOf(pid) === own ? [{ pid, id: valueOf('-id'), namespace: valueOf('-namespace') }] : [];
  });
}

/** What a process started and has not ended, and what those did: parents come before their children. */
export function descendantsOf(ancestor: number): readonly number[] {
  const all = pids().map((pid) => ({ pid, parent: parentOf(pid) }));
  const found: number[] = [];
  for (let parents = [ancestor]; parents.length > 0;) {
    parents = all.flatMap(({ pid, parent }) => (parent !== undefined && parents.includes(parent) ? [pid] : []));
    found.push(...parents);
  }
  return found;
}

const pids = (): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function commandLine(pid: number): readonly string[] {
  return (read(pid, 'cmdline') ?? '').split('\0');
}

function parentOf(pid: number): number | undefined {
  const stat = read(pid, 'stat');
  return stat === undefined ? undefined : Number(statFields(stat)[1]);
}

/** Of its mounts and of its processes. */
function namespacesOf(pid: number | 'self'): string | undefined {
  try {
    return ['mnt', 'pid'].map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`)).join(' ');
  } catch {
    return undefined; // gone since it was listed
  }
}

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined; // gone since it was listed
  }
}
