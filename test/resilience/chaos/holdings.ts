// What a node holds for its pods, outside of the API: all of it goes with them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathsOf, type Place } from '#cluster/instance/paths.ts';
import { run, succeed } from '../../harness/command.ts';
import { processes } from './processes.ts';

export interface NodePlace extends Place {
  /** Its network namespace; absent for the machine itself. */
  readonly namespace?: string;
}

export type Holdings = Readonly<Record<string, readonly string[]>>;

/**
 * By kind; all are empty where no pod is. Snapshots are not told: one that containerd was killed over is held by a lease of its own, and goes
 * within a day.
 */
export async function holdingsOf(node: NodePlace): Promise<Holdings> {
  const paths = pathsOf(node);
  const inside = node.namespace === undefined ? [] : ['-netns', node.namespace];
  const ports = JSON.parse((await succeed('ip', [...inside, '-json', 'link', 'show', 'master', 'cni0'])) || '[]') as readonly {
    readonly ifname: string;
  }[];
  const ctr = async (...args: readonly string[]): Promise<readonly string[]> =>
    lines(await succeed('ctr', ['--address', paths.containerdSocket, '--namespace', 'k8s.io', ...args]));
  const mounts = lines(readFileSync('/proc/self/mountinfo', 'utf8')).map((line) => line.split(' ')[4] ?? '');
  return {
    containers: await ctr('containers', 'list', '--quiet'),
    tasks: await ctr('tasks', 'list', '--quiet'),
    shims: processes().flatMap(({ command }) =>
      command.includes('containerd-shim') && command.endsWith(paths.containerdSocket) ? [command] : [],
    ),
    ports: ports.map(({ ifname }) => ifname),
    addresses: listed(join(paths.cniConf, '..', 'leases')).filter((name) => /^[\d.]+$/.test(name)),
    mounts: mounts.filter((point) =>
      [join(paths.kubelet, 'pods'), join(paths.containerdState, 'io.')].some((folder) => point.startsWith(folder)),
    ),
    folders: listed(join(paths.kubelet, 'pods')),
  };
}

/**
 * Of all nodes of the machine: they share its mounts. One with nothing in it is not told, nor is a name without a namespace: a containerd that
 * is killed between making it and noting it leaves it to nobody.
 */
export async function namespacesOfPods(): Promise<readonly string[]> {
  const all = listed('/run/netns').filter((name) => name.startsWith('cni-'));
  const links = await Promise.all(all.map(linksIn));
  return all.filter((_, index) => (links[index] ?? 0) > 1); // lo is in every one
}

/** How many; none where the file is no namespace, or gone. */
async function linksIn(name: string): Promise<number> {
  const { code, stdout, stderr } = await run('ip', ['-netns', name, '-json', 'link']);
  if (code === 0) return (JSON.parse(stdout) as readonly unknown[]).length;
  if (/network namespace "[^"]*" failed: Invalid argument|Cannot open network namespace "[^"]*": No such file/.test(stderr)) return 0;
  throw new Error(`ip -netns ${name} link ended with status ${code}: ${stderr}`);
}

const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');

/** Files below `folder`, by name. */
function listed(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() && folder.endsWith('leases') ? listed(join(folder, entry.name)) : [entry.name],
  );
}
