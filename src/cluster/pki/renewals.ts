// Renews certificates while the cluster runs, long before they end.
import { type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';

/**
 * A certificate is renewed with a third of its life left: months. Only a clock that jumps can end one sooner, and no event
 * tells of that; looking costs a few milliseconds. Milliseconds.
 */
const LOOK_EVERY_MS = 60 * 1000;

export interface RenewalDeps {
  /** Issues what is due. @returns whether anything is new */
  renew(): Promise<boolean>;
  /** Puts what is new to use. */
  renewed(): void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Until the signal aborts. A failure is reported and tried again the next time: there are months left. */
export async function keepRenewed({ renew, renewed, clock, logger }: RenewalDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await wait(clock, LOOK_EVERY_MS, signal);
      if (!(await renew())) continue;
      renewed();
      logger.info('certificates were renewed');
    } catch (error) {
      if (!signal.aborted) logger.error('certificates cannot be renewed', { error });
    }
  }
}
