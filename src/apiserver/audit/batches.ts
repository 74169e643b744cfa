// Events that nobody waits for, put together into batches. What waits is bounded. Source: apiserver plugin/pkg/audit/buffered.
import { wait, type CancelTimer, type Clock } from '#base/clock.ts';
import { TokenBucket } from '#base/token-bucket.ts';
import type { AuditBackend } from './contract.ts';
import type { AuditMetrics } from './metrics.ts';

/** Source: buffered.BatchConfig. */
export interface BatchOptions {
  /** Events that may wait. */
  readonly bufferSize: number;
  /** Events in a batch at most. */
  readonly maxSize: number;
  /** Milliseconds after which a smaller batch goes; 0: only full ones go, until the end. */
  readonly maxWait: number;
  /** Batches a second, and how many at once after a rest; undefined: as they come. */
  readonly throttle: { readonly qps: number; readonly burst: number } | undefined;
}

/** Source: defaultWebhookBatchConfig. */
export const WEBHOOK_BATCHES: BatchOptions = { bufferSize: 10_000, maxSize: 400, maxWait: 30_000, throttle: { qps: 10, burst: 15 } };

interface BatchDeps {
  readonly options: BatchOptions;
  readonly clock: Clock;
  /** Takes one batch after the other; does not reject. */
  readonly deliver: (batch: readonly string[]) => Promise<unknown>;
}

export class Batches {
  readonly #deps: BatchDeps;
  readonly #bucket: TokenBucket | undefined;
  readonly #stop = new AbortController();
  #pending: string[] = [];
  #sending: Promise<void> | undefined;
  #cancel: CancelTimer | undefined;

  constructor(deps: BatchDeps) {
    this.#deps = deps;
    const { throttle } = deps.options;
    this.#bucket = throttle === undefined ? undefined : new TokenBucket(throttle.qps, throttle.burst);
  }

  /** Events that wait. */
  get size(): number {
    return this.#pending.length;
  }

  /** False when there is no room. */
  add(event: string): boolean {
    const { options, clock } = this.#deps;
    if (this.#pending.length >= options.bufferSize) return false;
    this.#pending.push(event);
    if (this.#pending.length >= options.maxSize) this.#flush();
    else if (options.maxWait > 0) this.#cancel ??= clock.after(options.maxWait, () => this.#flush());
    return true;
  }

  /** Delivers what is left, at once. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the audit log stops'));
    this.#flush();
    await this.#sending;
  }

  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  async #send(): Promise<void> {
    const { options, clock, deliver } = this.#deps;
    while (this.#pending.length > 0) {
      const pause = this.#bucket?.reserve(clock.monotonic()) ?? 0;
      if (pause > 0) await wait(clock, pause, this.#stop.signal).catch(() => {}); // stopped: no more pauses
      const batch = this.#pending.slice(0, options.maxSize);
      this.#pending = this.#pending.slice(options.maxSize);
      await deliver(batch);
    }
  }
}

/** Puts batches in front of a back end that takes single events and waits for nobody. */
export function inBatches(
  backend: AuditBackend,
  { options, metrics, clock }: Pick<BatchDeps, 'options' | 'clock'> & { readonly metrics: AuditMetrics },
): AuditBackend {
  const deliver = async (batch: readonly string[]): Promise<void> => {
    for (const event of batch) await backend.write(event);
  };
  const batches = new Batches({ options, clock, deliver });
  return {
    write(event) {
      if (!batches.add(event)) metrics.lost('buffered', 1);
      return undefined;
    },
    async stop() {
      await batches.stop();
      await backend.stop();
    },
  };
}
