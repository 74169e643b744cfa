// Tells users what happened to their objects: Events of core/v1, sent in the background, dropped rather than waited for.
// Source: client-go tools/record event.go.
import { wait, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { dns1123Subdomain } from '#apimachinery/names.ts';
import { formatTime } from '#apimachinery/time.ts';
import { events } from '#api/resources.ts';
import type { Client } from '../contract.ts';
import { EventCorrelator, type CorrelatorOptions, type EventDraft } from './correlator.ts';

/** What an event is about: any object as read, or a reference with the same fields. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string; readonly resourceVersion?: string };
}

export interface EventDetails {
  /** The part of the object meant: `spec.containers{web}`. */
  readonly fieldPath?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface EventRecorder {
  /** Never blocks and never throws. `reason` is UpperCamelCase for programs, `message` for people. */
  event(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string, details?: EventDetails): void;
}

export interface EventRecorderOptions {
  readonly client: Client;
  /** `kubelet`, `replicaset-controller`, …: source and reporting component. */
  readonly component: string;
  /** The node, for components that belong to one. */
  readonly host?: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Aborted: what is queued is tried once more each, without waiting. */
  readonly signal: AbortSignal;
  readonly correlation?: CorrelatorOptions;
}

/** Source: event.go maxQueuedEvents, maxTriesPerEvent, defaultSleepDuration. */
const MAX_QUEUED_EVENTS = 1000;
const MAX_TRIES_PER_EVENT = 12;
const RETRY_DELAY_MS = 10_000;

export class QueueingEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlator: EventCorrelator;
  readonly #queue: EventDraft[] = [];
  #sending: Promise<void> | undefined;
  #dropped = 0;
  #lastNanos = 0n;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#correlator = new EventCorrelator(options.correlation);
  }

  /** Events given up: the queue was full, or the server refused or stayed away. */
  get dropped(): number {
    return this.#dropped;
  }

  event(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string, details: EventDetails = {}): void {
    if (this.#queue.length >= MAX_QUEUED_EVENTS) {
      this.#dropped++;
      this.#options.logger.error('too many queued events, dropped event', { reason, name: subject.metadata.name });
      return;
    }
    this.#queue.push(this.#draft(subject, type, reason, message, details));
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when everything recorded so far was sent or given up. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  #draft(subject: EventSubject, type: string, reason: string, message: string, { fieldPath, annotations }: EventDetails): EventDraft {
    const { component, host, clock } = this.#options;
    const { name, namespace, uid, resourceVersion } = subject.metadata;
    const now = formatTime(clock.now());
    return {
      metadata: { name: this.#eventName(name), namespace: namespace ?? 'default', ...(annotations === undefined ? {} : { annotations }) },
      involvedObject: {
        kind: subject.kind,
        apiVersion: subject.apiVersion,
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      reason,
      message,
      source: { component, ...(host === undefined ? {} : { host }) },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      type,
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }

  /** `web-1.17f2c9a1b3d4e5f6`: the subject and the time in nanoseconds, never twice the same. Source: GenerateEventName. */
  #eventName(subject: string): string {
    const now = BigInt(Math.floor(this.#options.clock.now())) * 1_000_000n;
    this.#lastNanos = now > this.#lastNanos ? now : this.#lastNanos + 1n;
    const name = `${subject}.${this.#lastNanos.toString(16)}`;
    return dns1123Subdomain(name).length === 0 ? name : this.#options.ids.uuid();
  }

  async #sendAll(): Promise<void> {
    // The first turn is the caller's: an event costs it no request.
    await Promise.resolve();
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) await this.#send(next);
    this.#sending = undefined;
  }

  async #send(draft: EventDraft): Promise<void> {
    const { clock, ids, logger, signal } = this.#options;
    const now = clock.now();
    const correlated = this.#correlator.correlate(draft, now, this.#eventName(draft.involvedObject.name ?? ''));
    if (correlated.kind === 'skip') return;
    for (let tries = 1; ; tries++) {
      const error = await this.#write(correlated);
      if (error === undefined) return;
      const final = error instanceof StatusError && !isOverload(error);
      if (final || signal.aborted || tries >= MAX_TRIES_PER_EVENT) {
        this.#dropped++;
        const fields = { reason: draft.reason, name: draft.involvedObject.name, error };
        if (final && isExpected(error)) logger.debug('event refused', fields);
        else logger.error('event given up', fields);
        return;
      }
      // The first pause is random, so that not all come back together when the server does.
      const delay = tries === 1 ? RETRY_DELAY_MS * ids.fraction() : RETRY_DELAY_MS;
      await wait(clock, delay, signal).catch((reason: unknown) => {
        if (!signal.aborted) throw reason;
      });
    }
  }

  /** The error of the attempt, if it failed. Source: recordEvent. */
  async #write(correlated: Exclude<ReturnType<EventCorrelator['correlate']>, { readonly kind: 'skip' }>): Promise<unknown> {
    const { client } = this.#options;
    const { event } = correlated;
    try {
      if (correlated.kind === 'count') {
        try {
          await client.patch(events, event.metadata, { type: 'strategic', body: correlated.patch });
          return undefined;
        } catch (error) {
          // Events expire: one that is gone begins anew under its old name and count.
          if (!(error instanceof StatusError) || error.code !== 404) throw error;
        }
      }
      await client.create(events, event);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

/** The server has no room now; it will look at the event later. */
const isOverload = (error: StatusError): boolean => error.reason === 'TooManyRequests' || error.reason === 'ServiceUnavailable';

const isExpected = (error: StatusError): boolean =>
  error.reason === 'AlreadyExists' || (error.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating');
