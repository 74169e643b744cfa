// pure
// Container statuses of a pod from the runtime's view, the previous status, and why starts failed.
import { isSidecar } from '#api/pods.ts';
import { formatTime } from '#apimachinery/time.ts';
import type {
  Container,
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  Pod,
  VolumeMount,
  VolumeMountStatus,
} from '#api/types.ts';
import { anyRegularContainerCreated, shouldStart } from '../pod-actions/restart.ts';
import { formatBytes, formatMilli, valueOf } from '../pod/amounts.ts';
import { type ContainerKind } from '../pod/containers.ts';
import type { ComputeAmounts } from '../pod/resources.ts';
import { containerIdString, latest, type RuntimeContainer, type RuntimePod } from '../runtime/runtime-pod.ts';
import { RESTARTING_ALL_CONTAINERS } from './phase.ts';

/** Why the last attempt to start a container failed. Source: kubelet reasonCache. */
export interface StartFailure {
  /** `CrashLoopBackOff`, `ErrImagePull`, `CreateContainerConfigError`, … */
  readonly reason: string;
  readonly message: string;
}

export interface ContainerStatusInput {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  /** `containerd`, as in `containerd://…`. */
  readonly runtimeName: string;
  readonly kind: ContainerKind;
  readonly containers: readonly Container[];
  readonly previous: readonly ContainerStatus[];
  readonly failureOf: (containerName: string) => StartFailure | undefined;
  /** All containers are being restarted in place. */
  readonly resetting: boolean;
  /** What a container was last set to; undefined while that is not known. */
  readonly actuated?: ((container: string) => ComputeAmounts | undefined) | undefined;
}

/** Source: ContainerReasonStatusUnknown. */
const STATUS_UNKNOWN = 'ContainerStatusUnknown';
/** Exit code of a container whose end nobody saw. */
const UNKNOWN_EXIT_CODE = 137;

/** Statuses in the order of the spec for init containers, else by name. Source: convertToAPIContainerStatuses. */
export function containerStatuses(input: ContainerStatusInput): readonly ContainerStatus[] {
  const { pod, runtime, kind, containers, previous } = input;
  const old = new Map(previous.map((status) => [status.name, status]));
  const hasInit = (pod.spec.initContainers ?? []).length > 0;
  const out = new Map<string, ContainerStatus>();
  for (const container of containers) {
    const instances = runtime.containers.filter(({ name }) => name === container.name);
    const status =
      instances.length === 0
        ? withoutInstance(input, container, old.get(container.name), initialStatus(container, old.get(container.name), hasInit))
        : fromInstances(input, container, instances, old.get(container.name));
    out.set(container.name, withFailure(input, container, status));
  }
  const list = containers.map(({ name }) => out.get(name) as ContainerStatus);
  return kind === 'init' ? list : list.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function initialStatus(container: Container, old: ContainerStatus | undefined, hasInit: boolean): ContainerStatus {
  if (old?.state.terminated !== undefined) return old;
  return {
    name: container.name,
    state: { waiting: { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' } },
    lastState: old?.lastState ?? {},
    ready: false,
    restartCount: old?.restartCount ?? 0,
    image: container.image,
    imageID: '',
    ...mountStatuses(container),
  };
}

function mountStatuses({ volumeMounts }: Container): { readonly volumeMounts?: readonly VolumeMountStatus[] } {
  if (volumeMounts === undefined || volumeMounts.length === 0) return {};
  return { volumeMounts: volumeMounts.map(mountStatus) };
}

function mountStatus(mount: VolumeMount): VolumeMountStatus {
  const { name, mountPath, readOnly } = mount;
  return {
    name,
    mountPath,
    ...(readOnly === true ? { readOnly, recursiveReadOnly: mount.recursiveReadOnly === 'Enabled' ? 'Enabled' : 'Disabled' } : {}),
  };
}

/** The runtime knows no instance: it never ran, or it ran and was lost. */
function withoutInstance(
  input: ContainerStatusInput,
  container: Container,
  old: ContainerStatus | undefined,
  status: ContainerStatus,
): ContainerStatus {
  if (old === undefined) return status;
  if (input.resetting && old.state.waiting === undefined) {
    const message = 'The container is removed because RestartAllContainers in place';
    return {
      ...status,
      state: { waiting: { reason: RESTARTING_ALL_CONTAINERS, message } },
      lastState: { terminated: lost(RESTARTING_ALL_CONTAINERS, message) },
      restartCount: old.restartCount + 1,
    };
  }
  const { kind, pod, runtime } = input;
  if (kind === 'init' && !isSidecar(container) && status.state.waiting !== undefined && anyRegularContainerCreated(pod.spec, runtime)) {
    return {
      ...status,
      state: {
        terminated: {
          reason: 'Completed',
          message: 'Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally',
          exitCode: 0,
          startedAt: null,
          finishedAt: null,
        },
      },
    };
  }
  if (old.state.running === undefined || status.lastState.terminated !== undefined) return status;
  return {
    ...status,
    lastState: {
      terminated: lost(STATUS_UNKNOWN, 'The container could not be located when the pod was deleted.  The container used to be Running'),
    },
    restartCount: status.restartCount + (pod.metadata.deletionTimestamp === undefined ? 1 : 0),
  };
}

function lost(reason: string, message: string): ContainerStateTerminated {
  return { reason, message, exitCode: UNKNOWN_EXIT_CODE, startedAt: null, finishedAt: null };
}

function fromInstances(
  input: ContainerStatusInput,
  container: Container,
  [newest, before]: readonly RuntimeContainer[],
  old: ContainerStatus | undefined,
): ContainerStatus {
  const status = fromInstance(input, container, newest as RuntimeContainer, old);
  return before === undefined ? status : { ...status, lastState: fromInstance(input, container, before, old).state };
}

function fromInstance(
  input: ContainerStatusInput,
  container: Container,
  instance: RuntimeContainer,
  old: ContainerStatus | undefined,
): ContainerStatus {
  const containerID = containerIdString(input.runtimeName, instance.id);
  const carried = old !== undefined && old.containerID !== containerID ? old.state.terminated : undefined;
  const lastTerminated = carried ?? old?.lastState?.terminated;
  let restartCount = Math.max(instance.restartCount, old?.restartCount ?? 0);
  let state: ContainerState;
  switch (instance.state) {
    case 'running':
      state = { running: { startedAt: formatTime(instance.startedAt) } };
      if (old?.state.terminated !== undefined && old.containerID !== containerID && old.restartCount >= restartCount)
        restartCount = old.restartCount + 1;
      break;
    case 'exited':
      state = { terminated: terminatedState(instance, containerID) };
      break;
    case 'unknown':
      if (old?.state.running !== undefined) {
        const reason = input.resetting ? RESTARTING_ALL_CONTAINERS : STATUS_UNKNOWN;
        state = { terminated: lost(reason, 'The container could not be located when the pod was terminated') };
        restartCount = old.restartCount + 1;
        break;
      }
      state = { waiting: {} };
      break;
    case 'created':
      state = { waiting: {} };
  }
  return {
    name: instance.name,
    state,
    lastState: lastTerminated === undefined ? {} : { terminated: lastTerminated },
    ready: false,
    restartCount,
    image: instance.image,
    imageID: instance.imageRef,
    containerID,
    ...(instance.state === 'running' && old?.started !== undefined && old.containerID === containerID ? { started: old.started } : {}),
    ...resourceStatus(container, instance, input.kind, input.actuated?.(container.name)?.memoryRequest ?? 0),
    ...mountStatuses(container),
    ...(instance.user === undefined
      ? {}
      : { user: { linux: { uid: instance.user.uid, gid: instance.user.gid, supplementalGroups: instance.user.supplementalGroups } } }),
    ...(instance.stopSignal === undefined ? {} : { stopSignal: instance.stopSignal as NonNullable<ContainerStatus['stopSignal']> }),
  };
}

function terminatedState(instance: RuntimeContainer, containerID: string): ContainerStateTerminated {
  return {
    exitCode: instance.exitCode,
    ...(instance.reason === '' ? {} : { reason: instance.reason }),
    ...(instance.message === '' ? {} : { message: instance.message }),
    startedAt: formatTime(instance.startedAt),
    finishedAt: formatTime(instance.finishedAt),
    containerID,
  };
}

/** Below these the kernel rounds up, so the allocated value is shown. Source: cm.MinShares, cm.MinMilliCPULimit. */
const MIN_SHARES = 2;
const MIN_MILLI_CPU_LIMIT = 10;

/** Source: convertContainerStatusResources. */
function resourceStatus(
  container: Container,
  instance: RuntimeContainer,
  kind: ContainerKind,
  memoryRequest: number,
): Pick<ContainerStatus, 'resources' | 'allocatedResources'> {
  if (kind === 'ephemeral') return {};
  const allocated = container.resources ?? {};
  const actual = instance.state === 'running' ? instance.resources : undefined;
  const limits = { ...allocated.limits };
  const requests = { ...allocated.requests };
  if (allocated.limits !== undefined && actual !== undefined) {
    if (actual.cpuLimit !== undefined && actual.cpuLimit > MIN_MILLI_CPU_LIMIT) limits['cpu'] = formatMilli(actual.cpuLimit);
    if (actual.memoryLimit !== undefined) limits['memory'] = formatBytes(actual.memoryLimit);
  }
  if (allocated.requests !== undefined && actual?.cpuRequest !== undefined && actual.cpuRequest > MIN_SHARES)
    requests['cpu'] = formatMilli(actual.cpuRequest);
  // No runtime knows it: it is what the container was last set to.
  if (requests['memory'] !== undefined && actual !== undefined && memoryRequest > 0 && valueOf(requests['memory']) !== memoryRequest)
    requests['memory'] = formatBytes(memoryRequest);
  return {
    resources: {
      ...allocated,
      ...(allocated.limits === undefined ? {} : { limits }),
      ...(allocated.requests === undefined ? {} : { requests }),
    },
    ...(allocated.requests === undefined ? {} : { allocatedResources: allocated.requests }),
  };
}

/** A container that will be started, and could not be last time, waits for a reason. */
function withFailure(input: ContainerStatusInput, container: Container, status: ContainerStatus): ContainerStatus {
  const { kind, pod, runtime } = input;
  if (kind === 'init' && latest(runtime, container.name)?.state === 'exited' && latest(runtime, container.name)?.exitCode === 0)
    return status;
  if (!shouldStart(container, pod, runtime)) return status;
  const failure = input.failureOf(container.name);
  if (failure === undefined) return status;
  return {
    ...status,
    state: { waiting: { reason: failure.reason, ...(failure.message === '' ? {} : { message: failure.message }) } },
    lastState: status.state.terminated === undefined ? status.lastState : { terminated: status.state.terminated },
  };
}
