// An AbortSignal that also fires at a deadline of the Clock.
import type { Clock } from '#base/clock.ts';

/** What was waited for did not happen in time. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';
}

export interface Deadline {
  readonly signal: AbortSignal;
  /** Must be called when the work is done: it lets go of the timer and of the outer signal. */
  cancel(): void;
}

/** Aborts with `outer`'s reason, or with DeadlineExceeded(`message`) after `delayMs` milliseconds. */
export function deadline(clock: Clock, delayMs: number, message: string, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(outer?.reason);
  const cancelTimer = clock.after(delayMs, () => controller.abort(new DeadlineExceeded(message)));
  if (outer?.aborted === true) onAbort();
  outer?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    cancel() {
      cancelTimer();
      outer?.removeEventListener('abort', onAbort);
    },
  };
}
