// What must be so before a cluster can start here, and what to do about each thing that is not.
import { existsSync, readFileSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { makeFolder } from '#base/make-folder.ts';
import { familiesOf } from '../settings/networks.ts';
import type { Settings } from '../settings/settings.ts';
import { listenerOf } from './listeners.ts';
import { nodeAddressProblem } from './node-address.ts';
import { runtimeProblem } from './runtime-problem.ts';
import { versionProblem } from './state-version.ts';

/** Least free space on the data folder's disk: the store must be able to write, images need far more. Bytes. */
const MIN_FREE_BYTES = 512 * 1024 * 1024;

/** One line a problem: what is wrong, and the way out. */
export type Problem = string;

/** Problems that no flag of `proa up`, run by root, mends by itself. Empty when the machine is fit. */
export async function findProblems(settings: Settings): Promise<readonly Problem[]> {
  return [...(await findServerProblems(settings)), ...(await nodeProblems(settings))];
}

/** As findProblems, for a machine that runs no pods. Needs no root. */
export async function findServerProblems(settings: Settings): Promise<readonly Problem[]> {
  return [...placeProblems(settings), ...(await portProblems(settings.bindAddress, settings.port, 'the API server', '--port'))];
}

/** As findProblems, for a machine that runs pods of a cluster elsewhere. */
export async function findAgentProblems(settings: Settings): Promise<readonly Problem[]> {
  const root = rootProblem('agent');
  return root === undefined ? [...placeProblems(settings), ...(await nodeProblems(settings))] : [root];
}

export function rootProblem(command: string): Problem | undefined {
  return process.getuid?.() === 0
    ? undefined
    : `proa ${command} must run as root (it makes network interfaces, mounts and cgroups): sudo proa ${command}`;
}

async function nodeProblems({ bindAddress, kubeletPort, containerRuntimeEndpoint }: Settings): Promise<readonly Problem[]> {
  const ports = await portProblems(bindAddress, kubeletPort, 'the kubelet', '--kubelet-port');
  const runtime = containerRuntimeEndpoint === '' ? undefined : await runtimeProblem(containerRuntimeEndpoint, systemClock);
  return runtime === undefined ? ports : [...ports, runtime];
}

function placeProblems(settings: Settings): readonly Problem[] {
  const version = versionProblem(settings);
  const found = [nodeAddressProblem(settings.nodeIP), ipv6Problem(settings)].filter((problem) => problem !== undefined);
  return [...(version === undefined ? diskProblems(settings) : [version]), ...found];
}

/** A kernel may be without IPv6, or be told not to use it; undefined where the cluster does not want any. */
export function ipv6Problem({ podCIDR }: Pick<Settings, 'podCIDR'>): Problem | undefined {
  if (!familiesOf(podCIDR).includes('IPv6')) return undefined;
  if (!existsSync('/proc/net/if_inet6'))
    return `--pod-cidr ${podCIDR} has an IPv6 network, but this machine's kernel has no IPv6: start it without ipv6.disable=1, or choose --ip-family ipv4`;
  const off = ['all', 'default'].find((name) => readFileSync(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, 'utf8').trim() === '1');
  if (off === undefined) return undefined;
  return `--pod-cidr ${podCIDR} has an IPv6 network, but IPv6 is switched off on this machine: sysctl -w net.ipv6.conf.${off}.disable_ipv6=0, or choose --ip-family ipv4`;
}

function diskProblems({ dataDir }: Settings): readonly Problem[] {
  const code = writeError(dataDir);
  if (code !== undefined) return [`${dataDir} ${UNWRITABLE[code] ?? 'cannot be written'} (${code}): choose another folder with --data-dir`];
  const { bavail, bsize } = statfsSync(dataDir);
  return bavail * bsize >= MIN_FREE_BYTES
    ? []
    : [
        `only ${Math.floor((bavail * bsize) / 1024 / 1024)} MiB are free on the disk of ${dataDir}: free at least 512 MiB, or choose another disk with --data-dir`,
      ];
}

const UNWRITABLE: Readonly<Record<string, string>> = {
  ENOTDIR: 'is no folder, or lies in something that is none',
  EROFS: 'is on a file system that is read-only',
  ENOSPC: 'is on a disk without any room left, or without room for another file',
};

/** The kernel's code, or undefined when files can be made in there; a folder that was missing stays only then. */
function writeError(folder: string): string | undefined {
  let made: readonly string[] = [];
  try {
    made = makeFolder(folder, 0o711);
    // Only a file tells: folders can be made where files cannot (cgroups), and root has rights that a file system has not.
    const file = join(folder, `.written-${process.pid}`);
    writeFileSync(file, '\n', { flush: true });
    rmSync(file);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    for (const each of made.toReversed()) rmdirSync(each);
    return code;
  }
}

async function portProblems(address: string, port: number, what: string, flag: string): Promise<readonly Problem[]> {
  const code = await listenError(address, port);
  if (code === undefined) return [];
  const why = code === 'EADDRINUSE' ? `is taken by ${listenerOf(port) ?? 'another program'}` : `cannot be used (${code})`;
  return [`port ${port} for ${what} ${why}: free it, or choose another with ${flag}`];
}

/** Why `port` cannot be listened on, or undefined when it can. */
function listenError(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen({ host: address, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}
