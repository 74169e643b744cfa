// pure
// How long a Job waits before it replaces failed pods. Source: backoff_utils.go.
import type { Pod } from '#api/types.ts';
import { finishedAt } from './pods.ts';

/** Milliseconds. Source: DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff. */
const FIRST_MS = 10_000;
const LONGEST_MS = 10 * 60_000;

/** Failures in a row; `lastAt` is when the last was, milliseconds since the epoch, 0 when there is none. */
export interface Backoff {
  readonly failures: number;
  readonly lastAt: number;
}

export const NO_BACKOFF: Backoff = { failures: 0, lastAt: 0 };

/** After more pods have ended: a success starts the count anew. Source: newBackoffRecord. */
export function nextBackoff(before: Backoff, succeeded: readonly Pod[], failed: readonly Pod[]): Backoff {
  const base = succeeded.length === 0 ? before : NO_BACKOFF;
  const lastSuccess = succeeded.length === 0 ? -Infinity : Math.max(...succeeded.map(finishedAt));
  const after = failed.map(finishedAt).filter((at) => at > lastSuccess);
  return after.length === 0 ? base : { failures: base.failures + after.length, lastAt: Math.max(...after) };
}

/** Milliseconds still to wait: 10 s after the first failure, twice that after each further one, at most 10 minutes. */
export function remainingMs({ failures, lastAt }: Backoff, now: number): number {
  if (failures === 0) return 0;
  const wait = Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS);
  return Math.max(0, lastAt + wait - now);
}
