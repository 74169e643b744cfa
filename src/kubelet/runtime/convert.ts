// pure
// CRI's answers in the kubelet's own terms. Pure.
import type { ContainerState } from '#cri/gen/enums.ts';
import type { ContainerStatus, PodSandboxStatus } from '#cri/gen/objects.ts';
import { readNotes } from './labels.ts';
import { milliOfQuota, milliOfShares } from './linux-resources.ts';
import type { ContainerRunState, RuntimeContainer, RuntimeResources, RuntimeSandbox } from './runtime-pod.ts';
import { apiSignal } from './signals.ts';

const NANOS_PER_MS = 1_000_000n;

/** Nanoseconds as milliseconds with fractions; 0 stays 0. */
export function fromNanos(nanos: bigint): number {
  return Number(nanos / NANOS_PER_MS) + Number(nanos % NANOS_PER_MS) / 1e6;
}

export function runState(state: ContainerState): ContainerRunState {
  switch (state) {
    case 'CONTAINER_CREATED':
      return 'created';
    case 'CONTAINER_RUNNING':
      return 'running';
    case 'CONTAINER_EXITED':
      return 'exited';
    default:
      return 'unknown';
  }
}

/** Source: toKubeContainerStatus; `terminationMessage` is what the container left behind. */
export function toRuntimeContainer(status: ContainerStatus, sandboxId: string, terminationMessage: string): RuntimeContainer {
  const notes = readNotes(status.annotations);
  const state = runState(status.state);
  const exited = state === 'exited';
  const { image } = status;
  const stopSignal = apiSignal(status.stopSignal);
  const linux = status.user?.linux;
  const resources = resourcesOf(status);
  return {
    id: status.id,
    sandboxId,
    name: status.metadata?.name ?? '',
    state,
    createdAt: fromNanos(status.createdAt),
    startedAt: state === 'created' ? 0 : fromNanos(status.startedAt),
    finishedAt: exited ? fromNanos(status.finishedAt) : 0,
    exitCode: exited ? status.exitCode : 0,
    image: image?.userSpecifiedImage !== undefined && image.userSpecifiedImage !== '' ? image.userSpecifiedImage : (image?.image ?? ''),
    imageRef: status.imageRef,
    imageId: status.imageId === '' ? (image?.image ?? '') : status.imageId,
    hash: notes.hash,
    restartCount: notes.restartCount,
    reason: exited ? status.reason : '',
    message: exited ? [status.message, terminationMessage].filter((text) => text !== '').join(': ') : '',
    logPath: status.logPath,
    ...(resources === undefined ? {} : { resources }),
    ...(linux === undefined ? {} : { user: { uid: linux.uid, gid: linux.gid, supplementalGroups: linux.supplementalGroups } }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
  };
}

/** Source: toKubeContainerResources. */
function resourcesOf(status: ContainerStatus): RuntimeResources | undefined {
  const linux = status.resources?.linux;
  if (linux === undefined) return undefined;
  return {
    ...(linux.cpuShares > 0 ? { cpuRequest: milliOfShares(linux.cpuShares) } : {}),
    ...(linux.cpuQuota > 0 && linux.cpuPeriod > 0 ? { cpuLimit: milliOfQuota(linux.cpuQuota, linux.cpuPeriod) } : {}),
    ...(linux.memoryLimitInBytes > 0 ? { memoryLimit: linux.memoryLimitInBytes } : {}),
  };
}

export function toRuntimeSandbox(status: PodSandboxStatus): RuntimeSandbox {
  const hostNetwork = status.linux?.namespaces?.options?.network === 'NODE';
  const first = status.network?.ip ?? '';
  return {
    id: status.id,
    attempt: status.metadata?.attempt ?? 0,
    ready: status.state === 'SANDBOX_READY',
    createdAt: fromNanos(status.createdAt),
    ips: hostNetwork || first === '' ? [] : [first, ...(status.network?.additionalIps ?? []).map(({ ip }) => ip)],
    hostNetwork,
  };
}
