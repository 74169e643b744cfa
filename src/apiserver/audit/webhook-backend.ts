// Events to a web service, in batches or, where requests wait for it, each by itself. What waits is bounded: what does not fit
// is lost, counted and reported.
// Source: apiserver plugin/pkg/audit/buffered, plugin/pkg/audit/webhook; server/options audit.go for the figures.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { KubeconfigWebhook } from '../outbound/kubeconfig-webhook.ts';
import { patiently } from '../outbound/retries.ts';
import { Batches, type BatchOptions, WEBHOOK_BATCHES } from './batches.ts';
import type { AuditBackend, AuditMode } from './contract.ts';
import type { AuditMetrics } from './metrics.ts';

/** Most milliseconds one delivery may take. Source: webhook client timeout. */
const CALL_MS = 30_000;

export interface WebhookOptions {
  readonly webhook: KubeconfigWebhook;
  /** Milliseconds. Source: --audit-webhook-initial-backoff. */
  readonly initialBackoffMs: number;
  /** Source: --audit-webhook-mode. */
  readonly mode: AuditMode;
  /** In mode batch; `bufferSize` bounds what waits in the other modes, too. Default: upstream's. */
  readonly batches?: BatchOptions;
  readonly metrics: AuditMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class WebhookBackend implements AuditBackend {
  readonly #options: WebhookOptions;
  readonly #stop = new AbortController();
  readonly #batches: Batches;
  readonly #room: number;
  #lost = 0;
  /** Events that requests wait for. */
  readonly #awaited = new Set<Promise<boolean>>();

  constructor(options: WebhookOptions) {
    this.#options = options;
    const { batches = WEBHOOK_BATCHES, clock } = options;
    this.#room = batches.bufferSize;
    this.#batches = new Batches({ options: batches, clock, deliver: (batch) => this.#deliver(batch) });
  }

  /** Events that were not delivered. */
  get lost(): number {
    return this.#lost;
  }

  write(event: string): Promise<boolean> | undefined {
    const { mode, metrics } = this.#options;
    if (mode !== 'batch' && this.#awaited.size < this.#room) return this.#await(event, mode);
    if (mode === 'batch' && this.#batches.add(event)) return undefined;
    this.#lost++;
    metrics.lost('buffered', 1);
    return mode === 'batch' ? undefined : Promise.resolve(mode === 'blocking');
  }

  #await(event: string, mode: AuditMode): Promise<boolean> {
    const delivered = this.#deliver([event]).then((done) => {
      this.#awaited.delete(delivered);
      return done || mode === 'blocking';
    });
    this.#awaited.add(delivered);
    return delivered;
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the audit log stops')); // one attempt for what is left
    await Promise.all([this.#batches.stop(), ...this.#awaited]);
  }

  /** Gives whether it arrived. */
  async #deliver(batch: readonly string[]): Promise<boolean> {
    const { webhook, initialBackoffMs, clock, logger, metrics } = this.#options;
    const body = `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[${batch.join(',')}]}`;
    const post = (): Promise<unknown> => webhook.post(body, { timeoutMs: CALL_MS, signal: new AbortController().signal });
    // Whatever failed, the service may be back in time to have them. Source: audit webhook retryOnError.
    const isPassing = (error: unknown): boolean => {
      logger.warn('audit events were not delivered; they are tried again', { count: batch.length, error });
      return true;
    };
    try {
      await patiently(post, { clock, signal: this.#stop.signal, firstPauseMs: initialBackoffMs, isPassing, atEnd: 'call' });
      return true;
    } catch (error) {
      this.#lost += batch.length;
      metrics.lost('webhook', batch.length);
      logger.error('audit events were lost', { count: batch.length, error });
      return false;
    }
  }
}
