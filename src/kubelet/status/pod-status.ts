// pure
// The status of a pod as the API shows it, composed purely from the runtime's view, probes and the previous status.
import { isConditionTrue } from '#api/conditions.ts';
import { isPodPhaseTerminal, isSidecar } from '#api/pods.ts';
import { computePodQos } from '#api/pod-qos.ts';
import type { ContainerStatus, Pod, PodIP, PodStatus } from '#api/types.ts';
import { findResetTrigger, initializedBefore } from '../pod-actions/restart.ts';
import { judgeSandbox } from '../pod-actions/sandbox.ts';
import { ephemeralAsContainer } from '../pod/containers.ts';
import { isHostNetworkPod } from '../pod/identity.ts';
import type { ComputeAmounts } from '../pod/resources.ts';
import { couldRestartAll } from '../pod/restart-policy.ts';
import type { RuntimePod } from '../runtime/runtime-pod.ts';
import {
  allContainersRestarting,
  containersReady,
  KUBELET_CONDITIONS,
  podInitialized,
  podReady,
  podScheduled,
  readyToStartContainers,
  type Undated,
} from './conditions.ts';
import { containerStatuses, type StartFailure } from './container-statuses.ts';
import { phaseOf } from './phase.ts';
import { podResourceStatus } from './pod-resources.ts';

/** What probes say about a running container. Source: prober manager UpdatePodStatus. */
export interface ProbeStates {
  started(podUid: string, containerName: string, containerID: string): boolean;
  ready(podUid: string, containerName: string, containerID: string): boolean;
}

/** Why the kubelet ends a pod of its own accord; becomes the status. */
export interface Verdict {
  readonly reason: string;
  readonly message: string;
  /** Reason of the pod's DisruptionTarget condition, when the node's troubles end it: `TerminationByKubelet`. */
  readonly disruption?: string;
}

export interface PodStatusInput {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  readonly runtimeName: string;
  /** Last status given to the status manager, else the API's. */
  readonly previous: PodStatus;
  /** The pod is being ended: nothing will be restarted. */
  readonly terminal: boolean;
  readonly failureOf: (containerName: string) => StartFailure | undefined;
  readonly probes: ProbeStates;
  /** Addresses of the node, one a family; empty while unknown. */
  readonly hostIPs: readonly string[];
  /** Set when the kubelet decided to end the pod (eviction, deadline). */
  readonly verdict?: Verdict;
  /** Resize conditions in force. */
  readonly resizeConditions: readonly Undated[];
  /** What the pod as a whole was last set to; undefined while that is not known. */
  readonly actuated?: ComputeAmounts | undefined;
  /** As `actuated`, of a container. */
  readonly actuatedContainer?: (name: string) => ComputeAmounts | undefined;
}

/** A status whose conditions carry no transition times yet. */
export type UndatedStatus = Omit<PodStatus, 'conditions'> & { readonly conditions: readonly Undated[] };

/** Source: kubelet generateAPIPodStatus. */
export function podStatusOf(input: PodStatusInput): UndatedStatus {
  const { pod, runtime, previous } = input;
  const asked = findResetTrigger(pod, runtime) !== undefined;
  // Who asked is taken away last: what is missing then was taken away, too. Source: ShouldAllContainersRestart.
  const resetting = asked || isConditionTrue(previous.conditions, 'AllContainersRestarting');
  const { runtimeName, failureOf, actuatedContainer: actuated } = input;
  const common = { pod, runtime, runtimeName, failureOf, resetting, actuated };
  const initContainerStatuses = containerStatuses({
    ...common,
    kind: 'init',
    containers: pod.spec.initContainers ?? [],
    previous: previous.initContainerStatuses ?? [],
  }).map((status) => withProbes(input, status, 'init'));
  const regular = containerStatuses({
    ...common,
    kind: 'container',
    containers: pod.spec.containers,
    previous: previous.containerStatuses ?? [],
  }).map((status) => withProbes(input, status, 'container'));
  const ephemeralContainerStatuses = containerStatuses({
    ...common,
    kind: 'ephemeral',
    containers: (pod.spec.ephemeralContainers ?? []).map(ephemeralAsContainer),
    previous: previous.ephemeralContainerStatuses ?? [],
  });
  const statuses = [...initContainerStatuses, ...regular];
  const { phase, reason, message } = phaseAndReason(input, statuses);
  const conditions = conditionsOf(input, statuses, phase, asked);
  const podIPs = podIPsOf(input);
  return {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions,
    ...(message === undefined || message === '' ? {} : { message }),
    ...(reason === undefined || reason === '' ? {} : { reason }),
    ...(input.hostIPs.length === 0 ? {} : { hostIP: input.hostIPs[0] as string, hostIPs: input.hostIPs.map((ip) => ({ ip })) }),
    ...(podIPs.length === 0 ? {} : { podIP: (podIPs[0] as PodIP).ip, podIPs }),
    ...(initContainerStatuses.length === 0 ? {} : { initContainerStatuses }),
    containerStatuses: regular,
    ...(ephemeralContainerStatuses.length === 0 ? {} : { ephemeralContainerStatuses }),
    ...podResourceStatus(pod, input.actuated),
    qosClass: previous.qosClass ?? computePodQos(pod.spec),
    ...(previous.startTime === undefined ? {} : { startTime: previous.startTime }),
    ...(pod.status.resourceClaimStatuses === undefined ? {} : { resourceClaimStatuses: pod.status.resourceClaimStatuses }),
    ...(pod.status.nominatedNodeName === undefined ? {} : { nominatedNodeName: pod.status.nominatedNodeName }),
  };
}

function withProbes({ pod, probes }: PodStatusInput, status: ContainerStatus, kind: 'init' | 'container'): ContainerStatus {
  const id = status.containerID ?? '';
  const running = status.state.running !== undefined;
  const started = running && probes.started(pod.metadata.uid, status.name, id);
  const spec = kind === 'init' ? pod.spec.initContainers?.find(({ name }) => name === status.name) : undefined;
  if (spec !== undefined && !isSidecar(spec)) return { ...status, started, ready: status.state.terminated?.exitCode === 0 };
  return { ...status, started, ready: started && probes.ready(pod.metadata.uid, status.name, id) };
}

function phaseAndReason(input: PodStatusInput, statuses: readonly ContainerStatus[]): Pick<PodStatus, 'phase' | 'reason' | 'message'> {
  const { pod, previous, runtime, terminal, verdict } = input;
  let phase = phaseOf({ pod, statuses, terminal, initialized: initializedBefore(pod.spec, runtime) });
  if (!isPodPhaseTerminal(phase)) {
    if (isPodPhaseTerminal(previous.phase)) phase = previous.phase;
    else if (isPodPhaseTerminal(pod.status.phase)) phase = pod.status.phase;
  }
  let reason: string | undefined;
  let message: string | undefined;
  if (phase === previous.phase) {
    reason = previous.reason ?? pod.status.reason;
    message = previous.message ?? pod.status.message;
  }
  if (verdict !== undefined) {
    phase = 'Failed';
    ({ reason, message } = verdict);
  }
  // What the API shows as ended never changes again.
  if (isPodPhaseTerminal(pod.status.phase)) phase = pod.status.phase;
  return { phase, ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
}

function conditionsOf(
  input: PodStatusInput,
  statuses: readonly ContainerStatus[],
  phase: PodStatus['phase'],
  restarting: boolean,
): readonly Undated[] {
  const { pod, previous, runtime } = input;
  const foreign: Undated[] = (pod.status.conditions ?? []).filter(({ type }) => !KUBELET_CONDITIONS.has(type));
  const disruption = disruptionOf(input) ?? previous.conditions?.find(({ type }) => type === 'DisruptionTarget');
  const others = [
    ...foreign.filter(({ type }) => disruption === undefined || type !== 'DisruptionTarget'),
    ...(disruption === undefined ? [] : [disruption]),
  ];
  const from = { pod, statuses, phase };
  return [
    ...others,
    ...input.resizeConditions,
    readyToStartContainers(pod, judgeSandbox(pod, runtime).kind === 'usable'),
    podInitialized(from),
    podReady(from, others),
    containersReady(from),
    podScheduled(pod),
    ...(couldRestartAll(pod.spec) ? [allContainersRestarting(from, restarting)] : []),
  ];
}

/** Source: eviction manager evictPod, preemption evictPodsToFreeRequests. */
function disruptionOf({ pod, verdict }: PodStatusInput): Undated | undefined {
  if (verdict?.disruption === undefined) return undefined;
  const { generation } = pod.metadata;
  return {
    type: 'DisruptionTarget',
    status: 'True',
    reason: verdict.disruption,
    message: verdict.message,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}

/** Addresses stay after the sandbox has ended; host network pods have the node's. */
function podIPsOf({ pod, runtime, previous, hostIPs }: PodStatusInput): readonly PodIP[] {
  if (isHostNetworkPod(pod)) {
    const kept = previous.podIPs ?? [];
    if (kept.length === 0) return hostIPs.map((ip) => ({ ip }));
    const second = hostIPs[1];
    return kept.length === 1 && second !== undefined && isV6((kept[0] as PodIP).ip) !== isV6(second) ? [...kept, { ip: second }] : kept;
  }
  const live = orderIPs(runtime.ips, hostIPs);
  if (live.length > 0 || runtime.sandboxes.some(({ ready }) => ready)) return live.map((ip) => ({ ip }));
  return previous.podIPs ?? [];
}

const isV6 = (ip: string): boolean => ip.includes(':');

/** One address a family, that of the node's first address first. Source: sortPodIPs. */
function orderIPs(ips: readonly string[], hostIPs: readonly string[]): readonly string[] {
  const v6First = hostIPs[0] !== undefined && isV6(hostIPs[0]);
  const first = ips.find((ip) => isV6(ip) === v6First);
  const second = ips.find((ip) => isV6(ip) !== v6First);
  return [first, second].filter((ip) => ip !== undefined);
}
