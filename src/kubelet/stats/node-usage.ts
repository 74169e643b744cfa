// What the machine uses right now.
import { readFile } from 'node:fs/promises';
import { readFilesystem, type FilesystemFacts } from '../node/machine.ts';

export interface NodeUsage {
  readonly memory: {
    readonly capacity: number;
    readonly usage: number;
    /** Without what the kernel can give back at once. */
    readonly workingSet: number;
    /** Capacity less working set. */
    readonly available: number;
    readonly rss: number;
    readonly swapTotal: number;
    readonly swapFree: number;
  };
  readonly processes: { readonly running: number; readonly max: number };
  /** Nanoseconds of all cores since the start of the machine. */
  readonly cpuNanoseconds: number;
}

/** Source: cadvisor root container, kubelet memory-available script. */
export async function readNodeUsage(): Promise<NodeUsage> {
  const [meminfo, loadavg, pidMax, threadsMax, stat] = await Promise.all(
    ['/proc/meminfo', '/proc/loadavg', '/proc/sys/kernel/pid_max', '/proc/sys/kernel/threads-max', '/proc/stat'].map((path) =>
      readFile(path, 'utf8'),
    ),
  );
  return parseNodeUsage({
    meminfo: meminfo ?? '',
    loadavg: loadavg ?? '',
    pidMax: pidMax ?? '',
    threadsMax: threadsMax ?? '',
    stat: stat ?? '',
  });
}

export interface ProcFiles {
  readonly meminfo: string;
  readonly loadavg: string;
  readonly pidMax: string;
  readonly threadsMax: string;
  readonly stat: string;
}

/** Source: proc(5): clock ticks a second are 100 on every Linux that containers run on. */
const NANOSECONDS_PER_TICK = 10_000_000;

export function parseNodeUsage({ meminfo, loadavg, pidMax, threadsMax, stat }: ProcFiles): NodeUsage {
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  const capacity = field('MemTotal');
  const usage = capacity - field('MemFree');
  const workingSet = Math.max(0, usage - field('Inactive\\(file\\)'));
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (/^cpu\s+(.*)$/m.exec(stat)?.[1] ?? '')
    .split(' ')
    .map(Number);
  return {
    memory: {
      capacity,
      usage,
      workingSet,
      available: capacity - workingSet,
      rss: field('AnonPages'),
      swapTotal: field('SwapTotal'),
      swapFree: field('SwapFree'),
    },
    processes: { running: Number(loadavg.split(' ')[3]?.split('/')[1] ?? 0), max: Math.min(Number(pidMax), Number(threadsMax)) },
    cpuNanoseconds: (user + nice + system + irq + softirq + steal) * NANOSECONDS_PER_TICK,
  };
}

export interface Filesystems {
  /** The kubelet's own: volumes and logs. */
  readonly node: FilesystemFacts;
  /** The runtime's: images and writable layers. */
  readonly image: FilesystemFacts;
  /** Both are one. */
  readonly shared: boolean;
}

/** The runtime did not say where its files lie, or they are out of sight: they are taken to lie with the kubelet's. */
export async function readFilesystems(rootDir: string, imagePath: string | undefined): Promise<Filesystems> {
  const node = await readFilesystem(rootDir);
  const image = imagePath === undefined ? undefined : await filesystemIfThere(imagePath);
  if (image === undefined) return { node, image: node, shared: true };
  return { node, image, shared: node.capacityBytes === image.capacityBytes && node.inodes === image.inodes };
}

async function filesystemIfThere(path: string): Promise<FilesystemFacts | undefined> {
  try {
    return await readFilesystem(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
