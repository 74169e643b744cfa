// Forgets old history of the store from time to time, so that it does not grow for ever. Source: storage/etcd3 compact.go.
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { FutureRevisionError, StoreUnavailableError, type Store } from '#store/contract.ts';

/** How far back lists and diffs can look at least. Source: --etcd-compaction-interval. */
export const COMPACTION_INTERVAL_MS = 300_000;

/**
 * Cuts in an interval: a moment is forgotten between one interval and 1.2 after it. Upstream cuts once in an interval, so that
 * some moments last for two: a client that waits so long for one to go waits in vain when it looks a little too early.
 */
const CUTS = 5;

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

  /** History is cut where it was `intervalMs` ago, several times in that time. */
  start({ store, clock, logger, intervalMs, compacted }: CompactorDeps): void {
    const { signal } = this.#stop;
    this.#running = (async () => {
      /** The store's revisions at the latest looks, oldest first: the first of `CUTS` is one interval old at the next look. */
      const marks: number[] = [];
      let done = 0;
      for (;;) {
        try {
          await wait(clock, intervalMs / CUTS, signal);
        } catch {
          return; // stopped
        }
        try {
          const { revision } = await store.status();
          const cut = marks.length === CUTS ? (marks.shift() as number) : 0;
          marks.push(revision);
          if (cut <= done) continue; // nothing was written meanwhile
          await store.compact(cut);
          compacted(cut);
          done = cut;
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
