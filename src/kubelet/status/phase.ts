// pure
// The phase of a pod from the states of its containers.
import { isSidecar, shouldRestart } from '#api/pods.ts';
import type { Container, ContainerStatus, Pod, PodStatus } from '#api/types.ts';
import { isStaticPod } from '../pod/identity.ts';

export type PodPhase = PodStatus['phase'];

/** Waiting or last state of a container that a pod-wide restart removed. Source: RestartingAllContainers. */
export const RESTARTING_ALL_CONTAINERS = 'RestartingAllContainers';

interface Counts {
  pendingInit: number;
  pendingSidecars: number;
  failedForGood: number;
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  stoppedForGood: number;
  succeeded: number;
}

export interface PhaseInput {
  readonly pod: Pod;
  /** Of init containers and containers. */
  readonly statuses: readonly ContainerStatus[];
  /** The pod is being ended: nothing will be restarted. */
  readonly terminal: boolean;
  /** A regular container of the sandbox in use was started. */
  readonly initialized: boolean;
}

/** Source: kubelet getPhase. */
export function phaseOf({ pod, statuses, terminal, initialized }: PhaseInput): PodPhase {
  const n = count(pod, statuses);
  if (n.failedForGood > 0) return 'Failed';
  if (n.pendingInit > 0 || (n.pendingSidecars > 0 && !initialized) || n.waiting > 0) return 'Pending';
  if (n.running > 0 && n.unknown === 0) return 'Running';
  if (n.running === 0 && n.stopped > 0 && n.unknown === 0) {
    const ended = n.stopped === n.succeeded ? 'Succeeded' : 'Failed';
    if (terminal && !isStaticPod(pod)) return ended;
    return n.stopped === n.stoppedForGood ? ended : 'Running';
  }
  return 'Pending';
}

function count(pod: Pod, statuses: readonly ContainerStatus[]): Counts {
  const n: Counts = {
    pendingInit: 0,
    pendingSidecars: 0,
    failedForGood: 0,
    unknown: 0,
    running: 0,
    waiting: 0,
    stopped: 0,
    stoppedForGood: 0,
    succeeded: 0,
  };
  const byName = new Map(statuses.map((status) => [status.name, status]));
  for (const container of pod.spec.initContainers ?? []) {
    const status = byName.get(container.name);
    if (isSidecar(container)) countSidecar(n, status);
    else countInit(n, container, status, pod);
  }
  for (const container of pod.spec.containers) countContainer(n, container, byName.get(container.name), pod);
  return n;
}

function countInit(n: Counts, container: Container, status: ContainerStatus | undefined, pod: Pod): void {
  const ended = status?.state.terminated ?? (status?.state.waiting === undefined ? undefined : status.lastState?.terminated);
  if (ended === undefined) {
    n.pendingInit++;
    return;
  }
  if (ended.exitCode === 0) return;
  if (!restarts(container, pod, ended)) n.failedForGood++;
}

function countSidecar(n: Counts, status: ContainerStatus | undefined): void {
  if (status === undefined) n.unknown++;
  else if (status.state.running !== undefined) {
    if (status.started !== true) n.pendingSidecars++;
    n.running++;
  } else if (status.state.waiting !== undefined && status.lastState?.terminated === undefined) {
    n.pendingSidecars++;
    n.waiting++;
  } else if (status.state.waiting === undefined && status.state.terminated === undefined) {
    n.pendingSidecars++;
    n.unknown++;
  }
}

function countContainer(n: Counts, container: Container, status: ContainerStatus | undefined, pod: Pod): void {
  const { terminated, waiting, running } = status?.state ?? {};
  if (running !== undefined) n.running++;
  else if (terminated !== undefined) {
    n.stopped++;
    if (!restarts(container, pod, terminated)) n.stoppedForGood++;
    if (terminated.exitCode === 0) n.succeeded++;
  } else if (waiting !== undefined) {
    const last = status?.lastState?.terminated;
    if (last === undefined) n.waiting++;
    else {
      n.stopped++;
      if (!restarts(container, pod, last)) n.stoppedForGood++;
    }
  } else n.unknown++;
}

function restarts(container: Container, pod: Pod, ended: { readonly exitCode: number; readonly reason?: string }): boolean {
  return shouldRestart(container, pod.spec, ended.exitCode) || ended.reason === RESTARTING_ALL_CONTAINERS;
}
