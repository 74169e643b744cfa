// Forgets old history of the store from time to time, so that it does not grow for ever. Source: storage/etcd3 compact.go.
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { FutureRevisionError, StoreUnavailableError, type Store } from '#store/contract.ts';

/** How far back lists and diffs can look at least. Source: --etcd-compaction-interval. */
export const COMPACTION_INTERVAL_MS = 300_000;

export interface CompactorDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs: number;
  /** Told after each cut: what lies below is not to be read any more. */
  readonly compacted: (revision: number) => void;
}

export class Compactor {
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  /** Every `intervalMs`, history is cut where it was one interval ago. */
  start({ store, clock, logger, intervalMs, compacted }: CompactorDeps): void {
    const { signal } = this.#stop;
    this.#running = (async () => {
      let cut = 0;
      for (;;) {
        try {
          await wait(clock, intervalMs, signal);
        } catch {
          return; // stopped
        }
        try {
          const { revision } = await store.status();
          if (cut > 0) {
            await store.compact(cut);
            compacted(cut);
          }
          cut = revision;
        } catch (error) {
          if (!(error instanceof StoreUnavailableError || error instanceof FutureRevisionError)) throw error;
          logger.warn('store could not be compacted', { error });
        }
      }
    })();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('compactor stopped'));
    await this.#running;
  }
}
