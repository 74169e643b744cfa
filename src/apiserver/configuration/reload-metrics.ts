// What is counted of configurations that are followed, under upstream's names.
// Source: apiserver pkg/server/options/{authenticationconfig,authorizationconfig,encryptionconfig}/metrics.
import { createHash } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { CounterFamily, gauge, GaugeFamily } from '#base/metrics.ts';

const SERVER = 'apiserver_id_hash';
const LABELS = ['status', SERVER];

/** Neither names nor contents are shown; of nothing it is empty. Source: getHash. */
export const shownHash = (text: string): string => (text === '' ? '' : `sha256:${createHash('sha256').update(text).digest('hex')}`);

export interface ReloadMetricsOptions {
  readonly what: 'authentication' | 'authorization' | 'encryption';
  readonly clock: Clock;
  /** As in the server's Lease. */
  readonly serverId: string;
  /** In force from the start. */
  readonly content: string;
}

export class ReloadMetrics {
  readonly #options: ReloadMetricsOptions;
  readonly #server: string;
  readonly #reloads: CounterFamily;
  readonly #last: GaugeFamily;
  #inForce: string;

  constructor(options: ReloadMetricsOptions) {
    const { what, serverId, content } = options;
    const level = what === 'encryption' ? '[ALPHA]' : '[BETA]';
    this.#options = options;
    this.#server = shownHash(serverId);
    this.#inForce = shownHash(content);
    this.#reloads = new CounterFamily(
      this.#name('automatic_reloads_total'),
      `${level} Changes of the ${what} configuration that were taken, and that were not.`,
      LABELS,
    );
    this.#last = new GaugeFamily(
      this.#name('automatic_reload_last_timestamp_seconds'),
      `${level} When the ${what} configuration last changed, by outcome.`,
      LABELS,
    );
  }

  /** Takes a change over, and counts whether that went well. What `take` throws is thrown. */
  async counting(content: string, take: () => void | Promise<void>): Promise<void> {
    let status = 'failure';
    try {
      await take();
      status = 'success';
      this.#inForce = shownHash(content);
    } finally {
      this.#count(status);
    }
  }

  /** The file is gone, or cannot be read. */
  unreadable(): void {
    this.#count('failure');
  }

  /** Text exposition format. */
  expose(): string {
    const { what } = this.#options;
    const info = [[[this.#server, this.#inForce], 1]] as const;
    return [
      this.#reloads.expose(),
      this.#last.expose(),
      this.#inForce === ''
        ? ''
        : gauge(this.#name('last_config_info'), `[ALPHA] The ${what} configuration in force, by its hash.`, [SERVER, 'hash'], info),
    ].join('');
  }

  #count(status: string): void {
    this.#reloads.of(status, this.#server).add();
    this.#last.of(status, this.#server).set(this.#options.clock.now() / 1_000);
  }

  #name(end: string): string {
    return `apiserver_${this.#options.what}_config_controller_${end}`;
  }
}
