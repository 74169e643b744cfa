// NUMA nodes, sockets, cores and caches of the machine, as the kernel tells of them. Source: cadvisor machine topology.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CpuSet } from '../cpu-manager/cpu-set.ts';
import type { CpuInfo } from '../cpu-manager/cpu-topology.ts';

export interface MachineNode {
  readonly id: number;
  /** Bytes. */
  readonly memory: number;
  /** Page size (`2Mi`) to bytes set aside. */
  readonly hugePages: Readonly<Record<string, number>>;
  /** To each node, in order of their ids; empty where the kernel does not tell. */
  readonly distances: readonly number[];
}

export interface MachineTopology {
  readonly cpus: readonly CpuInfo[];
  /** By rising ids; one where the machine has no others. */
  readonly nodes: readonly MachineNode[];
}

/** `memory`, `hugePages`: of the whole machine, for one without NUMA nodes. */
export async function readTopology(
  whole: Pick<MachineNode, 'memory' | 'hugePages'>,
  root = '/sys/devices/system',
): Promise<MachineTopology> {
  const ids = await numbered(join(root, 'node'), /^node(\d+)$/);
  const nodes = await Promise.all(ids.map((id) => readNode(join(root, 'node', `node${id}`), id)));
  const cpusOfNodes = await Promise.all(ids.map(async (id) => [id, await cpus(join(root, 'node', `node${id}`, 'cpulist'))] as const));
  const nodeOf = (cpu: number): number => cpusOfNodes.find(([, set]) => set.has(cpu))?.[0] ?? 0;
  const online = await cpus(join(root, 'cpu', 'online'));
  return {
    cpus: await Promise.all(online.list.map((cpu) => readCpu(join(root, 'cpu', `cpu${cpu}`), cpu, nodeOf(cpu)))),
    nodes: nodes.length === 0 ? [{ id: 0, distances: [], ...whole }] : nodes,
  };
}

async function readCpu(folder: string, cpu: number, numaNode: number): Promise<CpuInfo> {
  const [socket, siblings, cache] = await Promise.all([
    textOf(join(folder, 'topology', 'physical_package_id')),
    cpus(join(folder, 'topology', 'thread_siblings_list')),
    lastCache(join(folder, 'cache')),
  ]);
  return {
    cpu,
    core: siblings.list[0] ?? cpu,
    socket: Math.max(0, Number(socket)),
    numaNode,
    uncoreCache: cache ?? Math.max(0, Number(socket)),
  };
}

/** Named by its first CPU; undefined where there is none of the third level. */
async function lastCache(folder: string): Promise<number | undefined> {
  for (const index of await numbered(folder, /^index(\d+)$/)) {
    const at = join(folder, `index${index}`);
    if ((await textOf(join(at, 'level'))) === '3') return (await cpus(join(at, 'shared_cpu_list'))).list[0];
  }
  return undefined;
}

async function readNode(folder: string, id: number): Promise<MachineNode> {
  const [meminfo, distance] = await Promise.all([textOf(join(folder, 'meminfo')), textOf(join(folder, 'distance'))]);
  const pages = await Promise.all(
    (await numbered(join(folder, 'hugepages'), /^hugepages-(\d+)kB$/)).map(async (kilobytes) => {
      const count = Number(await textOf(join(folder, 'hugepages', `hugepages-${kilobytes}kB`, 'nr_hugepages')));
      return [pageSize(kilobytes), count * kilobytes * 1024] as const;
    }),
  );
  return {
    id,
    memory: Number(/MemTotal:\s+(\d+)/.exec(meminfo)?.[1] ?? 0) * 1024,
    hugePages: Object.fromEntries(pages),
    distances: distance === '' ? [] : distance.split(/\s+/).map(Number),
  };
}

/** `2048` kilobytes as `2Mi`. */
export const pageSize = (kilobytes: number): string =>
  kilobytes >= 1024 * 1024 ? `${kilobytes / 1024 / 1024}Gi` : kilobytes >= 1024 ? `${kilobytes / 1024}Mi` : `${kilobytes}Ki`;

const cpus = async (path: string): Promise<CpuSet> => CpuSet.parse(await textOf(path));

/** Numbers in the names of a folder's entries, rising; none where there is no folder. */
async function numbered(folder: string, form: RegExp): Promise<readonly number[]> {
  try {
    return (await readdir(folder))
      .flatMap((name) => form.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Empty where there is none. */
async function textOf(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EINVAL' || code === 'EACCES') return '';
    throw error;
  }
}
