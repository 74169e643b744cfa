// pure
// Pods become available by time alone: nothing else would bring their owner back.
import { isPodReady, podCondition } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import { parseTime } from '#apimachinery/time.ts';

/** Milliseconds until the next pod that is ready becomes available; undefined when none will. */
export function untilAvailable(pods: readonly Pod[], minReadySeconds: number, now: number): number | undefined {
  if (minReadySeconds === 0) return undefined;
  const waits = pods.flatMap((pod) => {
    const since = isPodReady(pod) ? podCondition(pod.status, 'Ready')?.lastTransitionTime : undefined;
    if (since === undefined || since === null) return [];
    const left = parseTime(since) + minReadySeconds * 1000 - now;
    return left > 0 ? [left] : [];
  });
  return waits.length === 0 ? undefined : Math.min(...waits);
}
