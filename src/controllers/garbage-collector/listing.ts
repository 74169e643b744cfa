// Counts kinds whose objects cannot be listed: what they own, or is owned by them, stays as it is meanwhile.
import { type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Counter } from '#base/metrics.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { Informer } from '#client/informer-contract.ts';

/** Between two looks. Milliseconds. Source: startGarbageCollectorController. */
const LOOK_MS = 30_000;

export interface Watched {
  readonly resource: Resource;
  readonly informer: Pick<Informer<unknown>, 'hasSynced'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One more for each look at which the objects were not there yet. Source: GarbageCollectorResourcesSyncError. */
  readonly errors: Counter;
}

/** Until the objects have been listed, or `signal` aborts. */
export async function countUntilListed({ resource, informer, clock, logger, errors }: Watched, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await wait(clock, LOOK_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    if (informer.hasSynced) return;
    errors.add();
    logger.warn('garbage collection waits for objects that cannot be listed', { resource: `${resource.resource}.${resource.group}` });
  }
}
