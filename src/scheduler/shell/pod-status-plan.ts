// What a failed attempt changes in a pod's status. Source: schedule_one.go updatePod.
import { findCondition } from '#api/conditions.ts';
import type { Pod } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';

export interface Outcome {
  /** Source: PodReasonUnschedulable, PodReasonSchedulerError. */
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly message: string;
  /** The node nominated from now on, '' for none; absent: as it was. */
  readonly nominated?: string;
}

/** A strategic merge patch of the status, or `undefined` when it says so already. `now`: milliseconds since the epoch. */
export function planPodStatus(pod: Pod, { reason, message, nominated }: Outcome, now: number): unknown {
  const before = findCondition(pod.status?.conditions, 'PodScheduled');
  const { generation } = pod.metadata;
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason,
    message,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const isSame =
    before?.status === 'False' &&
    before.reason === reason &&
    before.message === message &&
    before.observedGeneration === condition.observedGeneration;
  const renominated = nominated !== undefined && nominated !== (pod.status?.nominatedNodeName ?? '');
  if (isSame && !renominated) return undefined;
  const changed = before?.status === 'False' ? before.lastTransitionTime : formatTime(now);
  return {
    metadata: { uid: pod.metadata.uid },
    status: {
      ...(isSame ? {} : { conditions: [{ ...condition, lastProbeTime: null, lastTransitionTime: changed }] }),
      ...(renominated ? { nominatedNodeName: nominated === '' ? null : nominated } : {}),
    },
  };
}
