// A containerd that is gone is started again, as often as it takes: the broken connection tells of it once.
import { type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { CriClient } from '#cri/contract.ts';
import type { Containerd } from './containerd.ts';

/** Between looks while the connection is broken: a process that was killed may take its time to be gone. Milliseconds. */
const LOOK_EVERY_MS = 1_000;

export interface ReviveDeps {
  readonly cri: Pick<CriClient, 'state' | 'onStateChange'>;
  readonly containerd: Pick<Containerd, 'ensureRunning'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** From now on until `signal` aborts. */
export function reviveWhenGone({ cri, containerd, clock, logger, signal }: ReviveDeps): void {
  let reviving = false;
  const revive = async (): Promise<void> => {
    while (cri.state !== 'ready' && cri.state !== 'closed' && !signal.aborted) {
      try {
        await containerd.ensureRunning(signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.error('containerd does not come back', { error });
      }
      await wait(clock, LOOK_EVERY_MS, signal).catch(() => {}); // aborted: the loop ends
    }
  };
  cri.onStateChange((state) => {
    if (state !== 'unavailable' || reviving) return;
    reviving = true;
    void revive().finally(() => {
      reviving = false;
    });
  });
}
