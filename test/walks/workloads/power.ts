// Power cuts: all processes of a further node of this machine end at once, and the node starts again later.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { DetachedKeeper } from '#cluster/instance/detached-keeper.ts';
import { pathsOf } from '#cluster/instance/paths.ts';
import type { Cluster } from '../../harness/cluster.ts';

export interface LostNode {
  /** The same command under a keeper again, with what is on the disk. */
  start(): void;
}

/** `index` is that of the node's name: 4 for `boat-4`. Resolves when nothing of it runs. */
export function cutPower({ kubeconfig }: Cluster, index: number): LostNode {
  const paths = pathsOf({ dataDir: join(dirname(kubeconfig), 'nodes', String(index)), runDir: `/run/proa/nodes/${index}` });
  const { pid } = JSON.parse(readFileSync(paths.keeper, 'utf8')) as { readonly pid: number };
  // A shell, keeper.sh and where it tells that it has ended; then what it keeps.
  const [, , , ...command] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  process.kill(pid, 'SIGKILL');
  // Again until none is left: one of them may have started another meanwhile.
  for (let found = processesOf(index); found.length > 0; found = processesOf(index)) {
    for (const each of found) unlessGone(() => process.kill(each, 'SIGKILL'));
  }
  return { start: () => new DetachedKeeper(paths, systemClock).start(command) };
}

/** Those in the node's network namespace (its agent, its container runtime), and those in cgroups of its pods. */
function processesOf(index: number): readonly number[] {
  const network = statSync(`/run/netns/proa-${index}`).ino;
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && unlessGone(() => isAlive(pid) && (networkOf(pid) === network || inCgroup(pid, index))) === true);
}

const networkOf = (pid: number): number => statSync(`/proc/${pid}/ns/net`).ino;

const inCgroup = (pid: number, index: number): boolean => readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/proa/${index}/`);

/** A process that has ended stays, as a zombie, until its parent looks. */
const isAlive = (pid: number): boolean => !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

/** Processes end while they are looked at. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
