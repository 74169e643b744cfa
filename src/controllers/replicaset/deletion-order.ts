// pure
// Which pod goes first when there are too many. Source: controller_utils.go ActivePodsWithRanks.
import { isPodActive, isPodReady, podCondition } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { parseTime } from '#apimachinery/time.ts';

const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * A comparator of pods: the one to delete first comes first. `now` in milliseconds since the epoch. `asked`: uids of pods that
 * may be deleted already, so that no others are in their stead.
 */
export function deletionOrder(siblings: readonly Pod[], now: number, asked: ReadonlySet<string>): (a: Pod, b: Pod) => number {
  const onNode = new Map<string, number>();
  for (const pod of siblings) {
    const node = pod.spec.nodeName;
    if (node !== undefined && isPodActive(pod)) onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const criteria: readonly ((pod: Pod) => number)[] = [
    (pod) => (asked.has(pod.metadata.uid) ? 0 : 1),
    (pod) => (pod.spec.nodeName === undefined ? 0 : 1),
    (pod) => PHASE_ORDER[pod.status.phase] ?? 0,
    (pod) => (isPodReady(pod) ? 1 : 0),
    deletionCost,
    (pod) => -(onNode.get(pod.spec.nodeName ?? '') ?? 0),
    (pod) => ageClass(readySince(pod), now),
    (pod) => -restarts(pod),
    (pod) => ageClass(parseTime(pod.metadata.creationTimestamp), now),
  ];
  // A pod is compared with many others; what it is judged by is found once, and only as far as anybody asks.
  const known = new Map<Pod, number[]>();
  const judged = (pod: Pod): number[] => {
    let values = known.get(pod);
    if (values === undefined) known.set(pod, (values = []));
    return values;
  };
  return (a, b) => {
    const ofA = judged(a);
    const ofB = judged(b);
    for (let i = 0; i < criteria.length; i++) {
      const criterion = criteria[i] as (pod: Pod) => number;
      const difference = (ofA[i] ??= criterion(a)) - (ofB[i] ??= criterion(b));
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
  let most = 0;
  for (const { restartCount } of status.containerStatuses ?? []) most = Math.max(most, restartCount);
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  for (const { name, restartCount } of status.initContainerStatuses ?? [])
    if (sidecars.some((sidecar) => sidecar.name === name)) most = Math.max(most, restartCount);
  return most;
}
