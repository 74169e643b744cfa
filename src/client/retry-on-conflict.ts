// Reads and writes again when somebody else wrote in between.
import { wait, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { isStatusError } from '#apimachinery/errors.ts';

/** Source: client-go util/retry DefaultRetry. */
const TRIES = 5;
const DELAY_MS = 10;
const JITTER = 0.1;

/**
 * `attempt` must read the object anew each time it is called.
 * @throws the last Conflict after five tries, and any other error at once
 */
export async function retryOnConflict<R>(clock: Clock, ids: Ids, attempt: () => Promise<R>): Promise<R> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries >= TRIES || !isStatusError(error, 'Conflict')) throw error;
    }
    await wait(clock, DELAY_MS * (1 + JITTER * ids.fraction()));
  }
}
