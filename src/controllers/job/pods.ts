// pure
// What a Job reads off its pods. Source: job_controller.go, indexed_job_utils.go, backoff_utils.go getFinishedTime.
import { isSidecar, podCondition } from '#api/pods.ts';
import type { ContainerStatus, Job, Pod } from '#api/types.ts';
import { ANNOTATION, FINALIZER } from '#api/well-known.ts';
import { parseTime } from '#apimachinery/time.ts';

/** Whether the Job has not counted the pod yet, or has and could not tell the pod so. */
export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(FINALIZER.jobTracking) === true;
}

export function isIndexed({ spec }: Job): boolean {
  return spec.completionMode === 'Indexed';
}

/** Whether a pod is replaced only once it has stopped, not as soon as it is asked to. Source: onlyReplaceFailedPods. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec.podReplacementPolicy === 'Failed' || spec.podFailurePolicy !== undefined;
}

/** Pods on their way out count as failed unless the Job waits for them: one whose node is gone never says so itself. */
export function isPodFailed(pod: Pod, job: Job): boolean {
  if (pod.status.phase === 'Failed') return true;
  return !replacesOnlyFailed(job) && pod.metadata.deletionTimestamp !== undefined && pod.status.phase !== 'Succeeded';
}

/** Which of the Job's completions a pod works on; undefined when it does not say, or says nonsense. */
export function completionIndex({ metadata }: Pod): number | undefined {
  return wholeNumber(metadata.annotations?.[ANNOTATION.jobCompletionIndex]);
}

/** As completionIndex, and less than the Job's completions. */
export function validIndex(pod: Pod, { spec }: Job): number | undefined {
  const index = completionIndex(pod);
  return index !== undefined && index < (spec.completions ?? 0) ? index : undefined;
}

/** Failures of the pods before this one on its index that counted. */
export function countedFailures({ metadata }: Pod): number {
  return wholeNumber(metadata.annotations?.[ANNOTATION.jobIndexFailureCount]) ?? 0;
}

/** Those that the failure policy ignored. */
export function ignoredFailures({ metadata }: Pod): number {
  return wholeNumber(metadata.annotations?.[ANNOTATION.jobIndexIgnoredFailureCount]) ?? 0;
}

const MAX_INT32 = 2 ** 31 - 1;

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\+?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return value <= MAX_INT32 ? value : undefined;
}

/**
 * When the pod ended, milliseconds since the epoch: when its last container did; else when it was last ready; else when
 * it was asked to stop; else when it was made.
 */
export function finishedAt({ spec, status, metadata }: Pod): number {
  const sidecars = new Set((spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const containers = [
    ...(status.containerStatuses ?? []),
    ...(status.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ];
  const ends = containers.map(endOf);
  if (ends.length > 0 && ends.every((end) => end !== undefined)) return Math.max(...ends);
  const ready = podCondition(status, 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime !== null) return parseTime(ready.lastTransitionTime);
  if (metadata.deletionTimestamp !== undefined)
    return parseTime(metadata.deletionTimestamp) - Number(metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  return parseTime(metadata.creationTimestamp);
}

function endOf({ state }: ContainerStatus): number | undefined {
  const at = state?.terminated?.finishedAt;
  return at === undefined || at === null ? undefined : parseTime(at);
}
