// What a pod's state means to those who count, wait for or restart pods.
import { parseTime } from '#apimachinery/time.ts';
import { findCondition, isConditionTrue } from './conditions.ts';
import type { Container, ContainerRestartRule, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus } from './gen/core-v1.ts';
import { ANNOTATION } from './well-known.ts';

/** Stopped for good: no container of it ever runs again. Source: IsPodPhaseTerminal. */
export function isPodPhaseTerminal(phase: string | undefined): boolean {
  return phase === 'Failed' || phase === 'Succeeded';
}

export function isPodTerminal(pod: Pod): boolean {
  return isPodPhaseTerminal(pod.status?.phase);
}

/** Running or about to, and not asked to stop: what a controller counts as a replica. Source: controller.IsPodActive. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** Asked to stop and not there yet. Source: controller.IsPodTerminating. */
export function isPodTerminating(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;
}

export function podCondition(status: PodStatus | undefined, type: string): PodCondition | undefined {
  return findCondition(status?.conditions, type);
}

export function isPodReady(pod: Pod): boolean {
  return isConditionTrue(pod.status?.conditions, 'Ready');
}

/** Ready for at least `minReadySeconds`. `now`: milliseconds since the epoch. Source: podutil.IsPodAvailable. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  if (!isPodReady(pod)) return false;
  if (minReadySeconds === 0) return true;
  const since = podCondition(pod.status, 'Ready')?.lastTransitionTime;
  return since !== undefined && since !== null && parseTime(since) + minReadySeconds * 1000 <= now;
}

export function podPriority(pod: Pod): number {
  return pod.spec.priority ?? 0;
}

/** An init container that goes on running beside the others. Source: IsRestartableInitContainer. */
export function isSidecar(initContainer: Pick<Container, 'restartPolicy'>): boolean {
  return initContainer.restartPolicy === 'Always';
}

export function hasSidecar(spec: Pick<PodSpec, 'initContainers'>): boolean {
  return spec.initContainers?.some(isSidecar) === true;
}

export function containerStatus(statuses: readonly ContainerStatus[] | undefined, name: string): ContainerStatus | undefined {
  return statuses?.find((status) => status.name === name);
}

type RestartingContainer = Pick<Container, 'restartPolicy' | 'restartPolicyRules'>;

/** The first of a container's rules that speaks of this exit code. Source: FindMatchingContainerRestartRule. */
export function matchingRestartRule({ restartPolicyRules }: RestartingContainer, exitCode: number): ContainerRestartRule | undefined {
  return restartPolicyRules?.find(({ exitCodes }) => {
    if (exitCodes === undefined) return false;
    const listed = exitCodes.values?.includes(exitCode) === true;
    return exitCodes.operator === 'In' ? listed : exitCodes.operator === 'NotIn' && !listed;
  });
}

/** Whether a container that ended so is started again. Source: ContainerShouldRestart. */
export function shouldRestart(
  container: RestartingContainer,
  { restartPolicy }: Pick<PodSpec, 'restartPolicy'>,
  exitCode: number,
): boolean {
  if (container.restartPolicy !== undefined) {
    const action = matchingRestartRule(container, exitCode)?.action;
    if (action === 'Restart' || action === 'RestartAllContainers') return true;
  }
  switch (container.restartPolicy ?? restartPolicy) {
    case 'Never':
      return false;
    case 'OnFailure':
      return exitCode !== 0;
    default:
      return true;
  }
}

/** Whether a container may ever be started again. Source: IsContainerRestartable. */
export function isRestartable(container: RestartingContainer, { restartPolicy }: Pick<PodSpec, 'restartPolicy'>): boolean {
  if (container.restartPolicy === undefined) return restartPolicy !== 'Never';
  return container.restartPolicy !== 'Never' || container.restartPolicyRules?.some(({ action }) => action === 'Restart') === true;
}

/** The API's image of a pod that a kubelet reads from a file. Source: kubelet types.IsMirrorPod. */
export function isMirrorPod({ metadata }: Pick<Pod, 'metadata'>): boolean {
  return metadata.annotations?.[ANNOTATION.mirrorPod] !== undefined;
}

/** Source: scheduling.SystemCriticalPriority. */
export const SYSTEM_CRITICAL_PRIORITY = 2_000_000_000;

/** Neither evicted for resources nor refused for the lack of them. Source: kubelet types.IsCriticalPod. */
export function isCriticalPod(pod: Pod): boolean {
  const source = pod.metadata.annotations?.[ANNOTATION.podSource];
  return isMirrorPod(pod) || (source !== undefined && source !== 'api') || podPriority(pod) >= SYSTEM_CRITICAL_PRIORITY;
}
