// A pod that waits for a node, and its history of waiting. Source: framework.QueuedPodInfo.
import { podPriority } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';

/** Owned and changed by the queue, and by the cycle that popped it. */
export interface QueuedPod {
  pod: Pod;
  priority: number;
  /** Order of arrival, so that equal pods keep theirs. */
  readonly sequence: number;
  /** Milliseconds since the epoch of coming to the queue, or of the latest failure. */
  timestamp: number;
  attempts: number;
  /** Milliseconds since the epoch when nothing held it back from being tried for the first time. Source: InitialAttemptTimestamp. */
  firstAttempt: number | undefined;
  /** Attempts that ended with no node for it. */
  unschedulableCount: number;
  /** Attempts in a row that ended with an error. */
  consecutiveErrors: number;
  /** Milliseconds since the epoch; worked out when asked for. */
  backoffUntil: number | undefined;
  /** Whose events may help. */
  unschedulablePlugins: ReadonlySet<string>;
  /** Likewise, and without back-off. */
  pendingPlugins: ReadonlySet<string>;
  /** It waited so long that it was tried without any event. */
  wasFlushed: boolean;
  /** Keeps it out of the queue. */
  gatingPlugin: string | undefined;
}

const NONE: ReadonlySet<string> = new Set();

export function queuedPod(pod: Pod, now: number, sequence: number): QueuedPod {
  return {
    pod,
    priority: podPriority(pod),
    sequence,
    timestamp: now,
    attempts: 0,
    firstAttempt: undefined,
    unschedulableCount: 0,
    consecutiveErrors: 0,
    backoffUntil: undefined,
    unschedulablePlugins: NONE,
    pendingPlugins: NONE,
    wasFlushed: false,
    gatingPlugin: undefined,
  };
}

export function replacePod(queued: QueuedPod, pod: Pod): void {
  queued.pod = pod;
  queued.priority = podPriority(pod);
}

export function clearRejectors(queued: QueuedPod): void {
  queued.unschedulablePlugins = NONE;
  queued.pendingPlugins = NONE;
}

/** Whom it was refused by. */
export function rejectors({ unschedulablePlugins, pendingPlugins }: QueuedPod): ReadonlySet<string> {
  return pendingPlugins.size === 0 ? unschedulablePlugins : unschedulablePlugins.union(pendingPlugins);
}
