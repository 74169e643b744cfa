// pure
// A pod as the container runtime shows it: sandboxes and container instances, the newest first.
import type { Pod } from '#api/types.ts';
import { isHostNetworkPod } from '../pod/identity.ts';

export type ContainerRunState = 'created' | 'running' | 'exited' | 'unknown';

/** Resources in force, as far as the runtime reports them: millicores and bytes. */
export interface RuntimeResources {
  readonly cpuRequest?: number;
  readonly cpuLimit?: number;
  readonly memoryLimit?: number;
}

/** One instance of a container. Source: kubecontainer.Status. */
export interface RuntimeContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly name: string;
  readonly state: ContainerRunState;
  /** Milliseconds since the epoch, with fractions. */
  readonly createdAt: number;
  /** 0 until it was started. */
  readonly startedAt: number;
  /** 0 until it ended. */
  readonly finishedAt: number;
  readonly exitCode: number;
  /** The image as the user wrote it. */
  readonly image: string;
  /** What `status.containerStatuses[].imageID` shows: a digest reference. */
  readonly imageRef: string;
  readonly imageId: string;
  /** Hash of the container spec it was created from, hexadecimal; empty when unknown. */
  readonly hash: string;
  readonly restartCount: number;
  /** `Completed`, `Error`, `OOMKilled`, …; empty while it runs. */
  readonly reason: string;
  readonly message: string;
  readonly logPath: string;
  readonly resources?: RuntimeResources;
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] };
  /** Upstream's signal name (`SIGTERM`), when the runtime reports one. */
  readonly stopSignal?: string;
}

export interface RuntimeSandbox {
  readonly id: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAt: number;
  /** Addresses as the runtime lists them; empty on the host's network. */
  readonly ips: readonly string[];
  readonly hostNetwork: boolean;
}

/** Source: kubecontainer.PodStatus. */
export interface RuntimePod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Of the newest sandbox while it is ready. */
  readonly ips: readonly string[];
  /** Newest first. */
  readonly sandboxes: readonly RuntimeSandbox[];
  /** Newest first; several instances of one container may be there. */
  readonly containers: readonly RuntimeContainer[];
  /** Clock.monotonic when the runtime was asked. */
  readonly observedAt: number;
}

/** Newest instance of a container. Source: PodStatus.FindContainerStatusByName. */
export function latest(runtime: RuntimePod, name: string): RuntimeContainer | undefined {
  return runtime.containers.find((container) => container.name === name);
}

export function isRunning({ state }: Pick<RuntimeContainer, 'state'>): boolean {
  return state === 'running';
}

/** A pod of which the runtime knows nothing. */
export function absentPod(
  pod: { readonly metadata: { readonly uid: string; readonly name: string; readonly namespace: string } },
  observedAt: number,
): RuntimePod {
  const { uid, name, namespace } = pod.metadata;
  return { uid, name, namespace, ips: [], sandboxes: [], containers: [], observedAt };
}

export function hasRunningContainers(runtime: RuntimePod): boolean {
  return runtime.containers.some(isRunning);
}

/** What a pod's containers and hooks know it by: on the node's network it has the node's. Source: generateAPIPodStatus. */
export const addressesOf = (
  pod: Pod,
  ips: readonly string[],
  { hostIPs }: { readonly hostIPs: () => readonly string[] },
): readonly string[] => (isHostNetworkPod(pod) ? hostIPs() : ips);

/** Source: kubecontainer.BuildContainerID(...).String. */
export function containerIdString(runtimeName: string, id: string): string {
  return `${runtimeName}://${id}`;
}

/** The bare id of `containerd://…`. */
export function bareContainerId(containerID: string): string {
  const at = containerID.indexOf('://');
  return at === -1 ? containerID : containerID.slice(at + 3);
}
