// pure
// How long a pod may stay on a node that it is to leave. Source: tainteviction taint_eviction.go, getMinTolerationTime.
import { toleratesTaint } from '#api/taints.ts';
import type { Pod, Taint } from '#api/types.ts';
import { parseTime } from '#apimachinery/time.ts';

/**
 * Milliseconds since the epoch when the pod must go; undefined when it may stay for good. A pod must tolerate every
 * NoExecute taint, each for its own time from when the taint came; `seen`: when each of `taints` was seen first.
 */
export function evictionTime({ spec }: Pod, taints: readonly Taint[], seen: (taint: Taint) => number): number | undefined {
  let earliest: number | undefined;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const since = seen(taint);
    const tolerations = (spec.tolerations ?? []).filter((toleration) => toleratesTaint(toleration, taint));
    if (tolerations.length === 0) return since;
    const limits = tolerations.flatMap((toleration) =>
      toleration.tolerationSeconds === undefined ? [] : [Math.max(0, Number(toleration.tolerationSeconds))],
    );
    if (limits.length === 0) continue;
    // One that seems to come only later came before the clock was set back.
    const came = taint.timeAdded === undefined || taint.timeAdded === null ? since : Math.min(since, parseTime(taint.timeAdded));
    const due = came + Math.min(...limits) * 1000;
    earliest = earliest === undefined ? due : Math.min(earliest, due);
  }
  return earliest;
}
