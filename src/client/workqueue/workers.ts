// Takes items off a queue and reconciles them, a few at a time; decides what a failure means for the next try.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { Turns } from '../turns.ts';
import type { WorkQueue } from './work-queue.ts';

/** A failure that trying again cannot mend: the item is dropped until something adds it. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** What a reconcile asks for; nothing when the item is settled. */
export interface Requeue {
  /** Look at the item again after this many milliseconds. */
  readonly afterMs: number;
}

export interface WorkersOptions<T> {
  /** Items reconciled at the same time. */
  readonly workers: number;
  /** A rejection puts the item back with growing delay, a TerminalError does not. */
  readonly reconcile: (item: T, signal: AbortSignal) => Promise<Requeue | undefined | void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Runs until `signal` is aborted: then shuts the queue down, takes nothing more, and resolves when the reconciles
 * under way have ended. Never rejects.
 */
export async function runWorkers<T>(queue: WorkQueue<T>, options: WorkersOptions<T>): Promise<void> {
  const { workers, signal } = options;
  const stop = (): void => queue.shutDown();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  await Promise.all(Array.from({ length: workers }, async () => work(queue, options)));
  signal.removeEventListener('abort', stop);
}

async function work<T>(queue: WorkQueue<T>, options: WorkersOptions<T>): Promise<void> {
  const { signal, clock } = options;
  const turns = new Turns(clock);
  while (!signal.aborted) {
    const next = await queue.get();
    if (next === undefined) return;
    if (signal.aborted) return queue.done(next.item);
    await reconcileOne(queue, next.item, options);
    queue.done(next.item);
    if (turns.due) await turns.next();
  }
}

/** A server may not make an item wait longer than this. */
const MAX_RETRY_AFTER_SECONDS = 60;

/** Source: processNextWorkItem of the controllers; controller-runtime reconcileHandler for TerminalError. */
async function reconcileOne<T>(queue: WorkQueue<T>, item: T, { reconcile, logger, signal }: WorkersOptions<T>): Promise<void> {
  try {
    const requeue = await reconcile(item, signal);
    queue.forget(item);
    if (requeue !== undefined) queue.addAfter(item, requeue.afterMs);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof TerminalError) {
      queue.forget(item);
      logger.error('reconcile failed for good', { item, error });
      return;
    }
    // Somebody else wrote in between: routine, and the next try reads anew.
    if (isStatusError(error, 'Conflict')) logger.debug('reconcile met a conflict, trying again', { item, error });
    else logger.warn('reconcile failed, trying again', { item, failures: queue.failures(item) + 1, error });
    queue.addRateLimited(item, retryAfterMs(error));
  }
}

/** Milliseconds the server asks to be left alone for, up to a limit. */
function retryAfterMs(error: unknown): number {
  const seconds = error instanceof StatusError ? (error.details?.retryAfterSeconds ?? 0) : 0;
  return Math.min(seconds, MAX_RETRY_AFTER_SECONDS) * 1000;
}
