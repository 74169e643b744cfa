// Sends events one after the other in the background: tried again while the server is away or full, given up in the end, and
// never waited for. What is lost is said once a minute, not once an event. Source: client-go tools/record event.go.
import { wait, type CancelTimer, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { StatusError } from '#apimachinery/errors.ts';

export interface EventQueueOptions {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Aborted: what is queued is tried once more each, without waiting. */
  readonly signal: AbortSignal;
}

export interface Sending {
  readonly reason: string;
  /** Of the object it is about. */
  readonly name: string;
  /** Asked when its turn has come; undefined: it need not be sent. */
  prepare(): (() => Promise<unknown>) | undefined;
}

/** Source: event.go maxQueuedEvents, maxTriesPerEvent, defaultSleepDuration. */
const MAX_QUEUED_EVENTS = 1000;
const MAX_TRIES_PER_EVENT = 12;
const RETRY_DELAY_MS = 10_000;
/** Between two lines about lost events. */
const REPORT_EVERY_MS = 60_000;

export class EventQueue {
  readonly #options: EventQueueOptions;
  readonly #queue: Sending[] = [];
  #sending: Promise<void> | undefined;
  #dropped = 0;
  /** Lost since the last line that said so. */
  #unreported: { count: number; last: Record<string, unknown> } = { count: 0, last: {} };
  #report: CancelTimer | undefined;

  constructor(options: EventQueueOptions) {
    this.#options = options;
    // Nothing is left to be said later by a component that has ended.
    options.signal.addEventListener('abort', () => this.#tell(), { once: true });
  }

  /** Events given up: the queue was full, or the server refused or stayed away. */
  get dropped(): number {
    return this.#dropped;
  }

  push(sending: Sending): void {
    if (this.#queue.length >= MAX_QUEUED_EVENTS) return this.#lose(sending, 'too many queued events');
    this.#queue.push(sending);
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when everything recorded so far was sent or given up. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    // The first turn is the caller's: an event costs it no request.
    await Promise.resolve();
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) await this.#send(next);
    this.#sending = undefined;
  }

  async #send(sending: Sending): Promise<void> {
    const { clock, ids, logger, signal } = this.#options;
    const write = sending.prepare();
    if (write === undefined) return;
    for (let tries = 1; ; tries++) {
      const error = await errorOf(write);
      if (error === undefined) return;
      const final = error instanceof StatusError && !isOverload(error);
      if (final && isExpected(error)) {
        this.#dropped++;
        logger.debug('event refused', { reason: sending.reason, name: sending.name, error });
        return;
      }
      if (final || signal.aborted || tries >= MAX_TRIES_PER_EVENT) return this.#lose(sending, error);
      // The first pause is random, so that not all come back together when the server does.
      const delay = tries === 1 ? RETRY_DELAY_MS * ids.fraction() : RETRY_DELAY_MS;
      await wait(clock, delay, signal).catch((reason: unknown) => {
        if (!signal.aborted) throw reason;
      });
    }
  }

  /** The first loss is told at once, those that follow together. */
  #lose({ reason, name }: Sending, error: unknown): void {
    this.#dropped++;
    this.#unreported = { count: this.#unreported.count + 1, last: { reason, name, error } };
    if (this.#report !== undefined && !this.#options.signal.aborted) return;
    this.#tell();
  }

  #tell(): void {
    const { clock, logger, signal } = this.#options;
    this.#report?.();
    this.#report = undefined;
    const { count, last } = this.#unreported;
    if (count === 0) return;
    logger.error('events given up', { count, ...last });
    this.#unreported = { count: 0, last: {} };
    if (!signal.aborted) this.#report = clock.after(REPORT_EVERY_MS, () => this.#tell());
  }
}

async function errorOf(write: () => Promise<unknown>): Promise<unknown> {
  try {
    await write();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The server has no room now; it will look at the event later. */
const isOverload = (error: StatusError): boolean => error.reason === 'TooManyRequests' || error.reason === 'ServiceUnavailable';

const isExpected = (error: StatusError): boolean =>
  error.reason === 'AlreadyExists' || (error.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating');
