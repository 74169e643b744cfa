// pure
// Which pod goes first when there are too many. Source: controller_utils.go ActivePodsWithRanks.
import { isPodActive, isPodReady, podCondition } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { parseTime } from '#apimachinery/time.ts';

const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** A comparator of pods: the one to delete first comes first. `now` in milliseconds since the epoch. */
export function deletionOrder(siblings: readonly Pod[], now: number): (a: Pod, b: Pod) => number {
  const onNode = new Map<string, number>();
  for (const pod of siblings) {
    const node = pod.spec.nodeName;
    if (node !== undefined && isPodActive(pod)) onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const criteria: readonly ((pod: Pod) => number)[] = [
    (pod) => (pod.spec.nodeName === undefined ? 0 : 1),
    (pod) => PHASE_ORDER[pod.status.phase] ?? 0,
    (pod) => (isPodReady(pod) ? 1 : 0),
    deletionCost,
    (pod) => -(onNode.get(pod.spec.nodeName ?? '') ?? 0),
    (pod) => ageClass(readySince(pod), now),
    (pod) => -restarts(pod),
    (pod) => ageClass(parseTime(pod.metadata.creationTimestamp), now),
  ];
  return (a, b) => {
    for (const criterion of criteria) {
      const difference = criterion(a) - criterion(b);
      if (difference !== 0) return difference;
    }
    return a.metadata.uid < b.metadata.uid ? -1 : 1;
  };
}

/**
 * How much older each ready victim is than the youngest ready pod, in whole times; none when no pod is kept. Source:
 * reportSortingDeletionAgeRatioMetric.
 */
export function deletionAgeRatios(victims: readonly Pod[], active: readonly Pod[], now: number): readonly number[] {
  if (victims.length >= active.length) return [];
  const age = ({ metadata }: Pod): number => now - parseTime(metadata.creationTimestamp);
  const youngest = Math.min(...active.filter(isPodReady).map(age));
  return victims.filter(isPodReady).map((pod) => Math.floor(age(pod) / Math.max(1, youngest)));
}

/** Lower goes earlier; an annotation that is no number counts as none. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[ANNOTATION.podDeletionCost] ?? '0';
  return /^(0|[+-]?[1-9]\d*)$/.test(text) ? Number(text) : 0;
}

/** Younger goes earlier; ages of one order of magnitude count as equal, so that no age is always spared. Source: LogarithmicScaleDown. */
function ageClass(since: number | undefined, now: number): number {
  if (since === undefined) return -1;
  const seconds = (now - since) / 1000;
  return seconds <= 0 ? 0 : Math.floor(Math.log2(seconds * 1e9));
}

function readySince(pod: Pod): number | undefined {
  const condition = podCondition(pod.status, 'Ready');
  return condition?.status === 'True' && condition.lastTransitionTime !== null ? parseTime(condition.lastTransitionTime) : undefined;
}

/** Of the container that restarted most, sidecars included. */
function restarts({ spec, status }: Pod): number {
  const sidecars = new Set((spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const counted = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? []).filter((s) => sidecars.has(s.name))];
  return Math.max(0, ...counted.map((s) => s.restartCount));
}
