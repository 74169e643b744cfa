// A part of a process works as long as the process does: one that ends by a fault that nobody expected is begun anew.
import { type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';

/** From an end to the next beginning; doubled up to the longest while it keeps ending. Milliseconds. */
const PAUSE_MS = { first: 1_000, longest: 30_000 };

/** One that worked this long was well: its next end is another trouble. Milliseconds. */
const WELL_MS = 60_000;

export interface KeepRunningDeps {
  readonly clock: Clock;
  /** Told of every end. */
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Has `work` done until the signal aborts; never rejects. `work` makes whatever it works with, and gets a signal of its own: that
 * is aborted before it begins anew, so that what is left of the one before does not work beside it.
 */
export async function keepRunning(work: (signal: AbortSignal) => Promise<void>, { clock, logger, signal }: KeepRunningDeps): Promise<void> {
  let pause = PAUSE_MS.first;
  while (!signal.aborted) {
    const began = clock.monotonic();
    const error = await endOf(work, signal);
    if (signal.aborted) return;
    if (clock.monotonic() - began >= WELL_MS) pause = PAUSE_MS.first;
    logger.error('ended, and is begun anew', { error, retryMs: pause });
    await wait(clock, pause, signal).catch(() => {}); // aborted: the loop ends
    pause = Math.min(pause * 2, PAUSE_MS.longest);
  }
}

/** What it ended by. */
async function endOf(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<unknown> {
  const ending = new AbortController();
  try {
    await work(AbortSignal.any([signal, ending.signal]));
    return new Error('it ended by itself');
  } catch (error) {
    return error;
  } finally {
    ending.abort(new Error('the part has ended'));
  }
}
