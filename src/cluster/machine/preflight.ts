// What must be so before a cluster can start here, and what to do about each thing that is not.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { pathsOf } from '../instance/paths.ts';
import type { Settings } from '../settings/settings.ts';
import { STATE_VERSION } from '../version.ts';

/** Least free space on the data folder's disk: the store must be able to write, images need far more. Bytes. */
const MIN_FREE_BYTES = 512 * 1024 * 1024;

/** One line a problem: what is wrong, and the way out. */
export type Problem = string;

/** Problems that no flag of `proa up` mends by itself. Empty when the machine is fit. */
export async function findProblems(settings: Settings): Promise<readonly Problem[]> {
  if (process.getuid?.() !== 0) return ['proa up must run as root (it makes network interfaces, mounts and cgroups): sudo proa up'];
  const found = [...diskProblems(settings), ...stateProblems(settings), ...runtimeProblems(settings)];
  for (const [what, flag, port, address] of [
    ['the API server', 'port', settings.port, settings.bindAddress],
    ['the kubelet', 'kubelet-port', settings.kubeletPort, settings.bindAddress],
  ] as const) {
    const taken = await portProblem(address, port);
    if (taken !== undefined) found.push(`port ${port} for ${what} ${taken}: free it, or choose another with --${flag}`);
  }
  return found;
}

/** As findProblems, for a machine that runs no pods. Needs no root. */
export async function findServerProblems(settings: Settings): Promise<readonly Problem[]> {
  const found = [...diskProblems(settings), ...stateProblems(settings)];
  const taken = await portProblem(settings.bindAddress, settings.port);
  if (taken !== undefined) found.push(`port ${settings.port} for the API server ${taken}: free it, or choose another with --port`);
  return found;
}

/** As findProblems, for a machine that runs pods of a cluster elsewhere. */
export async function findAgentProblems(settings: Settings): Promise<readonly Problem[]> {
  if (process.getuid?.() !== 0) return ['proa agent must run as root (it makes network interfaces, mounts and cgroups): sudo proa agent'];
  const found = [...diskProblems(settings), ...stateProblems(settings), ...runtimeProblems(settings)];
  const taken = await portProblem(settings.bindAddress, settings.kubeletPort);
  if (taken !== undefined)
    found.push(`port ${settings.kubeletPort} for the kubelet ${taken}: free it, or choose another with --kubelet-port`);
  return found;
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

function stateProblems(settings: Settings): readonly Problem[] {
  const { stateVersion, store } = pathsOf(settings);
  if (!existsSync(stateVersion)) {
    return existsSync(store) ? [`${settings.dataDir} holds a store of an unknown version: move it away, or delete it with proa reset`] : [];
  }
  const written = readFileSync(stateVersion, 'utf8').trim();
  return written === STATE_VERSION
    ? []
    : [
        `${settings.dataDir} was written by state version ${written}, this Proa reads ${STATE_VERSION}: run the Proa it came from, or delete the state with proa reset`,
      ];
}

function runtimeProblems({ containerRuntimeEndpoint }: Settings): readonly Problem[] {
  const socket = containerRuntimeEndpoint.replace(/^unix:\/\//, '');
  if (socket === '' || existsSync(socket)) return [];
  return existsSync(dirname(socket))
    ? [`no container runtime listens on ${socket}: start it, or leave --container-runtime-endpoint out and Proa runs its own`]
    : [`${socket} does not exist: check --container-runtime-endpoint, or leave it out and Proa runs its own containerd`];
}

/** Why `port` cannot be listened on, or undefined when it can. */
function portProblem(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${error.code})`),
    );
    probe.listen({ host: address, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}
