// pure
// The pod conditions a kubelet owns. Transition times are set by the status manager, which knows the previous ones.
import { isSidecar } from '#api/pods.ts';
import type { ContainerStatus, Pod, PodCondition } from '#api/types.ts';
import type { PodPhase } from './phase.ts';

/** Source: kubetypes.PodConditionsByKubelet. */
export const KUBELET_CONDITIONS: ReadonlySet<string> = new Set([
  'PodScheduled',
  'Ready',
  'Initialized',
  'ContainersReady',
  'PodReadyToStartContainers',
  'PodResizePending',
  'PodResizeInProgress',
  'AllContainersRestarting',
]);

/** A condition before the status manager dates it. */
export type Undated = Omit<PodCondition, 'lastProbeTime' | 'lastTransitionTime'>;

function condition(pod: Pod, type: string, status: boolean, reason?: string, message?: string): Undated {
  const generation = pod.metadata.generation;
  return {
    type,
    status: status ? 'True' : 'False',
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined || message === '' ? {} : { message }),
  };
}

export interface ConditionInput {
  readonly pod: Pod;
  /** Of init containers and containers, with readiness filled in. */
  readonly statuses: readonly ContainerStatus[];
  readonly phase: PodPhase;
}

/** As Go prints a list of strings: `[a b]`. */
const goList = (names: readonly string[]): string => `[${names.join(' ')}]`;

/** Source: GenerateContainersReadyCondition. */
export function containersReady({ pod, statuses, phase }: ConditionInput, type = 'ContainersReady'): Undated {
  const byName = new Map(statuses.map((status) => [status.name, status]));
  const counted = [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers].map(({ name }) => name);
  const unknown = counted.filter((name) => !byName.has(name));
  const unready = counted.filter((name) => byName.get(name)?.ready === false);

  if (phase === 'Succeeded' && unknown.length === 0) return condition(pod, type, false, 'PodCompleted');
  if (phase === 'Failed') return condition(pod, type, false, 'PodFailed');
  const messages = [
    ...(unknown.length === 0 ? [] : [`containers with unknown status: ${goList(unknown)}`]),
    ...(unready.length === 0 ? [] : [`containers with unready status: ${goList(unready)}`]),
  ];
  if (messages.length > 0) return condition(pod, type, false, 'ContainersNotReady', messages.join(', '));
  return condition(pod, type, true);
}

/** `conditions` are those others wrote, among them readiness gates. Source: GeneratePodReadyCondition. */
export function podReady(input: ConditionInput, conditions: readonly Undated[]): Undated {
  const containers = containersReady(input, 'Ready');
  if (containers.status !== 'True') return containers;
  const messages = (input.pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = conditions.find(({ type }) => type === conditionType);
    if (found === undefined) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    return found.status === 'True' ? [] : [`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`];
  });
  return messages.length === 0
    ? condition(input.pod, 'Ready', true)
    : condition(input.pod, 'Ready', false, 'ReadinessGatesNotReady', messages.join(', '));
}

/** Source: GeneratePodInitializedCondition. */
export function podInitialized({ pod, statuses, phase }: ConditionInput): Undated {
  const byName = new Map(statuses.map((status) => [status.name, status]));
  const inits = pod.spec.initContainers ?? [];
  const unknown = inits.filter(({ name }) => !byName.has(name)).map(({ name }) => name);
  const incomplete = inits
    .filter((container) => {
      const status = byName.get(container.name);
      return status !== undefined && (isSidecar(container) ? status.started !== true : !status.ready);
    })
    .map(({ name }) => name);

  if (phase === 'Succeeded' && unknown.length === 0) return condition(pod, 'Initialized', true, 'PodCompleted');
  if (anyRegularStarted(pod, byName)) return condition(pod, 'Initialized', true);
  const messages = [
    ...(unknown.length === 0 ? [] : [`containers with unknown status: ${goList(unknown)}`]),
    ...(incomplete.length === 0 ? [] : [`containers with incomplete status: ${goList(incomplete)}`]),
  ];
  if (messages.length > 0) return condition(pod, 'Initialized', false, 'ContainersNotInitialized', messages.join(', '));
  return condition(pod, 'Initialized', true);
}

/** Source: kubecontainer.HasAnyRegularContainerStarted. */
function anyRegularStarted(pod: Pod, byName: ReadonlyMap<string, ContainerStatus>): boolean {
  return pod.spec.containers.some(({ name }) => {
    const state = byName.get(name)?.state;
    return state?.running !== undefined || state?.terminated !== undefined;
  });
}

/** Source: GeneratePodReadyToStartContainersCondition. */
export function readyToStartContainers(pod: Pod, sandboxUsable: boolean): Undated {
  return condition(pod, 'PodReadyToStartContainers', sandboxUsable);
}

/** Source: GenerateAllContainersRestartingCondition. */
export function allContainersRestarting({ pod, phase }: ConditionInput, restarting: boolean): Undated {
  const type = 'AllContainersRestarting';
  if (phase === 'Succeeded') return condition(pod, type, false, 'PodCompleted');
  if (phase === 'Failed') return condition(pod, type, false, 'PodFailed');
  return condition(pod, type, restarting);
}

export function podScheduled(pod: Pod): Undated {
  return condition(pod, 'PodScheduled', true);
}
