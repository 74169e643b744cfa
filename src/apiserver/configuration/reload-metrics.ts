// What is counted of configurations that are followed, under upstream's names.
// Source: apiserver pkg/server/options/{authenticationconfig,authorizationconfig,encryptionconfig}/metrics.
import type { Clock } from '#base/clock.ts';
import { CounterFamily, GaugeFamily } from '#base/metrics.ts';

const LABELS = ['status', 'apiserver_id_hash'];

export class ReloadMetrics {
  readonly #clock: Clock;
  readonly #reloads: CounterFamily;
  readonly #last: GaugeFamily;

  constructor(what: 'authentication' | 'authorization' | 'encryption', clock: Clock) {
    const prefix = `apiserver_${what}_config_controller_automatic_`;
    const level = what === 'encryption' ? '[ALPHA]' : '[BETA]';
    this.#clock = clock;
    this.#reloads = new CounterFamily(
      `${prefix}reloads_total`,
      `${level} Changes of the ${what} configuration that were taken, and that were not.`,
      LABELS,
    );
    this.#last = new GaugeFamily(
      `${prefix}reload_last_timestamp_seconds`,
      `${level} When the ${what} configuration last changed, by outcome.`,
      LABELS,
    );
  }

  /** Takes a change over, and counts whether that went well. What `take` throws is thrown. */
  async counting(take: () => void | Promise<void>): Promise<void> {
    let status = 'failure';
    try {
      await take();
      status = 'success';
    } finally {
      this.#reloads.of(status, '').add();
      this.#last.of(status, '').set(this.#clock.now() / 1_000);
    }
  }

  /** Text exposition format. */
  expose(): string {
    return this.#reloads.expose() + this.#last.expose();
  }
}
