// What must be so before a cluster can start here, and what to do about each thing that is not.
import { accessSync, constants, mkdirSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { systemClock } from '#base/clock.ts';
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
  const address = nodeAddressProblem(settings.nodeIP);
  return [...(version === undefined ? diskProblems(settings) : [version]), ...(address === undefined ? [] : [address])];
}

function diskProblems({ dataDir }: Settings): readonly Problem[] {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o711 });
    accessSync(dataDir, constants.W_OK);
  } catch (error) {
    return [`${dataDir} cannot be written (${(error as NodeJS.ErrnoException).code}): choose another folder with --data-dir`];
  }
  const { bavail, bsize } = statfsSync(dataDir);
  return bavail * bsize >= MIN_FREE_BYTES
    ? []
    : [
        `only ${Math.floor((bavail * bsize) / 1024 / 1024)} MiB are free on the disk of ${dataDir}: free at least 512 MiB, or choose another disk with --data-dir`,
      ];
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
