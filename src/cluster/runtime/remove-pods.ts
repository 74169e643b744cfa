// Ends every pod that Proa's own containerd runs, with its help or, where that cannot help, without it.
import { type Clock, systemClock, wait } from '#base/clock.ts';
import { killProcess } from '#base/kill-process.ts';
import { silentLogger } from '#base/log.ts';
import { ProgramError, runProgram } from '#base/program.ts';
import { connectCri } from '#cri/client.ts';
import type { CriClient } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import { BRIDGE } from '#network/cni-config.ts';
import type { Paths } from '../instance/paths.ts';
import { podProcesses } from '../machine/cgroups.ts';
import { removePodLogs } from '../machine/pod-logs.ts';
import { type Containerd, ContainerdError } from './containerd.ts';
import { ownContainerd } from './own-containerd.ts';
import { shimsOf } from './shims.ts';

/** Longest that stopping one pod may take. Milliseconds. */
const STOP_POD_MS = 30_000;
/** Longest that a killed process may take to be gone. Milliseconds. */
const GONE_MS = 10_000;
/** No event tells of processes that are not our children. */
const POLL_MS = 20;

/** Containers outlive their supervisor: it is started if need be, told to end them, and then ended itself. @throws ProgramError */
export async function removePods(paths: Paths, cgroupRoot: string): Promise<void> {
  const containerd = ownContainerd(paths, { clock: systemClock, logger: silentLogger });
  try {
    await endThrough(containerd);
  } catch (error) {
    if (!(error instanceof ContainerdError || error instanceof CriError)) throw error;
    process.stderr.write(`proa: containerd cannot help (${error.message}); its containers are ended without it\n`);
    await containerd.stop();
    await endByForce(paths, cgroupRoot, systemClock);
  }
}

/**
 * As removePods, of a runtime that is not ours: it stays, and where it does not help so do its pods. Those of a runtime are the
 * kubelet's, all of them. Source: kubeadm reset, removeContainers.
 */
export async function removeForeignPods(endpoint: string): Promise<void> {
  const cri = connectCri({ endpoint, clock: systemClock, logger: silentLogger, timeoutMs: STOP_POD_MS });
  try {
    await endPods(cri);
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    process.stderr.write(`proa: the container runtime cannot help (${error.message}); its pods stay as they are\n`);
  } finally {
    cri.close();
  }
}

/** @throws CriError */
async function endPods({ runtime }: CriClient): Promise<void> {
  const { items } = await runtime.listPodSandbox({});
  await Promise.all(
    items.map(async ({ id: podSandboxId }) => {
      await runtime.stopPodSandbox({ podSandboxId });
      await runtime.removePodSandbox({ podSandboxId });
    }),
  );
  removePodLogs(new Set(items.map(({ metadata }) => metadata?.uid ?? '')));
}

/** @throws ContainerdError, CriError */
async function endThrough(containerd: Containerd): Promise<void> {
  const signal = new AbortController().signal;
  await containerd.start(signal);
  const cri = connectCri({ endpoint: containerd.endpoint, clock: systemClock, logger: silentLogger, timeoutMs: STOP_POD_MS });
  try {
    await containerd.answering(cri, signal);
    await endPods(cri);
  } finally {
    cri.close();
  }
  await containerd.stop();
}

/** Shims first: each would tell of, and clean up after, the containers it watches over. */
async function endByForce({ containerdSocket }: Paths, cgroupRoot: string, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + GONE_MS;
  const left = (): readonly number[] => [...shimsOf(containerdSocket).map(({ pid }) => pid), ...podProcesses(cgroupRoot)];
  for (let pids = left(); pids.length > 0 && clock.monotonic() < deadline; pids = left()) {
    for (const pid of pids) killProcess(pid);
    await wait(clock, POLL_MS);
  }
  for (const name of await podNamespaces()) await runProgram('ip', ['netns', 'delete', name]);
}

interface Link {
  readonly ifindex: number;
  readonly link_index?: number;
}

/** Network namespaces whose cable hangs on the bridge of pods: another runtime's may be on this machine too. */
async function podNamespaces(): Promise<readonly string[]> {
  const links = async (...args: readonly string[]): Promise<readonly Link[]> =>
    JSON.parse(await runProgram('ip', ['-json', ...args])) as readonly Link[];
  const all = (JSON.parse((await runProgram('ip', ['-json', 'netns', 'list'])) || '[]') as readonly { readonly name: string }[]).map(
    ({ name }) => name,
  );
  const present = (await links('link', 'show')) as readonly (Link & { readonly ifname: string; readonly master?: string })[];
  const plugged = new Set(present.filter(({ master }) => master === BRIDGE).map(({ ifindex }) => ifindex));
  const ours = await Promise.all(
    all
      .filter((name) => name.startsWith('cni-'))
      .map(async (name) => {
        const inside = await links('-netns', name, 'link', 'show').catch((error: unknown) => {
          if (!(error instanceof ProgramError)) throw error;
          process.stderr.write(`proa: /run/netns/${name} is no network namespace any more and stays (${error.stderr.trim()})\n`);
          return [];
        });
        return inside.some(({ link_index: peer }) => peer !== undefined && plugged.has(peer)) ? [name] : [];
      }),
  );
  return ours.flat();
}
