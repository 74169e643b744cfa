import type { CancelTimer, Clock } from '#base/clock.ts';

/**
 * Runs `task` again and again, `period` milliseconds after its last run ended.
 * @returns ends it; resolves when the run under way is over
 */
export function repeat(clock: Clock, period: number, task: () => Promise<void>): () => Promise<void> {
  let stopped = false;
  let run = Promise.resolve();
  let cancel: CancelTimer | undefined;
  const arm = (): void => {
    if (stopped) return;
    cancel = clock.after(period, () => {
      run = task().finally(arm);
    });
  };
  arm();
  return async () => {
    stopped = true;
    cancel?.();
    await run;
  };
}
