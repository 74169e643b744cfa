// What the machine is: read once at the start, or given by whoever starts the kubelet.
import { existsSync } from 'node:fs';
import { readdir, readFile, statfs } from 'node:fs/promises';
import { arch, availableParallelism, hostname, networkInterfaces, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { type MachineTopology, pageSize, readTopology } from './machine-topology.ts';

export interface MachineFacts {
  readonly hostname: string;
  readonly machineID: string;
  readonly systemUUID: string;
  readonly bootID: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** `linux` */
  readonly operatingSystem: string;
  /** Go's names: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** Bytes of swap. */
  readonly swap: number;
  /** Page size (`2Mi`) to bytes set aside. */
  readonly hugePages: Readonly<Record<string, number>>;
  /** Whether the kernel confines programs by AppArmor. */
  readonly appArmor: boolean;
  readonly cgroups: CgroupFacts;
  readonly topology: MachineTopology;
  /** Addresses of the machine that may be the node's, the likeliest first. */
  readonly addresses: readonly string[];
}

export interface CgroupFacts {
  readonly version: 1 | 2;
  /** Whether the kernel accounts for swap in cgroups of version 2. */
  readonly swap: boolean;
}

/** Source: cadvisor machine info, setNodeStatusMachineInfo. */
export async function readMachine(): Promise<MachineFacts> {
  const [machineID, systemUUID, bootID, osRelease, meminfo, appArmor, hugePages] = await Promise.all([
    firstText(['/etc/machine-id', '/var/lib/dbus/machine-id']),
    firstText(['/sys/class/dmi/id/product_uuid', '/proc/device-tree/system-id', '/proc/device-tree/vm,uuid']),
    firstText(['/proc/sys/kernel/random/boot_id']),
    firstText(['/etc/os-release', '/usr/lib/os-release']),
    firstText(['/proc/meminfo']),
    firstText(['/sys/module/apparmor/parameters/enabled']),
    readHugePages(),
  ]);
  const topology = await readTopology({ memory: totalmem(), hugePages });
  return {
    hostname: hostname().trim().toLowerCase(),
    machineID,
    systemUUID: systemUUID === '' ? machineID : systemUUID,
    bootID,
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'Linux',
    operatingSystem: platform(),
    architecture: ({ x64: 'amd64', ia32: '386' } as Readonly<Record<string, string>>)[arch()] ?? arch(),
    cpus: availableParallelism(),
    memory: totalmem(),
    swap: Number(/^SwapTotal:\s+(\d+)/m.exec(meminfo)?.[1] ?? 0) * 1024,
    hugePages,
    appArmor: appArmor === 'Y',
    cgroups: await readCgroups(),
    topology,
    addresses: hostAddresses(),
  };
}

async function firstText(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    try {
      const text = (await readFile(path, 'utf8')).replaceAll('\0', '').trim();
      if (text !== '') return text;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'ENOTDIR' && code !== 'EINVAL') throw error;
    }
  }
  return '';
}

/** The root has no file about swap, so that of this process is looked at. Source: isCgroup2UnifiedMode, swapControllerAvailable. */
async function readCgroups(): Promise<CgroupFacts> {
  const root = '/sys/fs/cgroup';
  if (!existsSync(join(root, 'cgroup.controllers'))) return { version: 1, swap: false };
  const own = /^0::(.*)$/m.exec(await firstText(['/proc/self/cgroup']))?.[1] ?? '/';
  return { version: 2, swap: existsSync(join(root, own, 'memory.swap.max')) };
}

const HUGE_PAGES = '/sys/kernel/mm/hugepages';

async function readHugePages(): Promise<Readonly<Record<string, number>>> {
  const out: Record<string, number> = {};
  let names: readonly string[];
  try {
    names = await readdir(HUGE_PAGES);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return out;
    throw error;
  }
  for (const name of names) {
    const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0);
    if (kilobytes === 0) continue;
    const count = Number(await firstText([`${HUGE_PAGES}/${name}/nr_hugepages`]));
    out[pageSize(kilobytes)] = count * kilobytes * 1024;
  }
  return out;
}

/** Addresses that reach beyond the machine, IPv4 first; loopback only when there is nothing else. */
function hostAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outer = all.filter(({ internal, scopeid }) => !internal && (scopeid === undefined || scopeid === 0));
  const usable = outer.length > 0 ? outer : all;
  return [...usable.filter(({ family }) => family === 'IPv4'), ...usable.filter(({ family }) => family === 'IPv6')].map(
    ({ address }) => address,
  );
}

export interface FilesystemFacts {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** The file system `path` lies on. */
export async function readFilesystem(path: string): Promise<FilesystemFacts> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(path);
  return { capacityBytes: bsize * blocks, availableBytes: bsize * bavail, inodes: files, inodesFree: ffree };
}
