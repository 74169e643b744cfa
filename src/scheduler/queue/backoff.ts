// pure
// How long a pod waits after an attempt that failed. Source: backend/queue backoff_queue.go.
import type { QueuedPod } from './queued-pod.ts';

export interface BackoffLimits {
  /** Milliseconds after the first failure; doubled for each further one. */
  readonly initialMs: number;
  /** 0: no back-off. */
  readonly maxMs: number;
}

/** Ends of back-off are told apart by this only, so that priority decides among near ones. Source: backoffQOrderingWindowDuration. */
export const ORDERING_WINDOW_MS = 1000;

const alignToWindow = (time: number): number => Math.floor(time / ORDERING_WINDOW_MS) * ORDERING_WINDOW_MS;

/** Source: calculateBackoffDuration. */
export function backoffDuration(failures: number, { initialMs, maxMs }: BackoffLimits): number {
  return failures === 0 ? 0 : Math.min(initialMs * 2 ** (failures - 1), maxMs);
}

/** Milliseconds since the epoch; 0 without back-off. Source: getBackoffTime. */
export function backoffUntil(queued: QueuedPod, limits: BackoffLimits): number {
  const failures = queued.consecutiveErrors > 0 ? queued.consecutiveErrors : queued.unschedulableCount;
  if (limits.maxMs === 0 || failures === 0) return 0;
  queued.backoffUntil ??= alignToWindow(queued.timestamp + backoffDuration(failures, limits));
  return queued.backoffUntil;
}

/** Source: isPodBackingoff. */
export function isBackingOff(queued: QueuedPod, limits: BackoffLimits, now: number): boolean {
  return backoffUntil(queued, limits) >= alignToWindow(now);
}
