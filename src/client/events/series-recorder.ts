// Events of events.k8s.io/v1, as the scheduler tells them: what happens again in the same way is a series under one name, whose
// count is written when the series begins, every half an hour while it goes on, and at its end. Source: client-go tools/events
// event_broadcaster.go, event_recorder.go.
import { hostname } from 'node:os';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatMicroTime } from '#apimachinery/time.ts';
import type { CancelTimer } from '#base/clock.ts';
import { eventsEvents } from '#api/resources.ts';
import type { New } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { EventNames } from './event-name.ts';
import { EventQueue } from './event-queue.ts';
import { type EventDetails, type EventRecorder, type EventRecorderOptions, type EventSubject, referenceTo } from './event-recorder.ts';

type SeriesEvent = typeof eventsEvents extends Resource<infer E> ? E : never;

interface Draft extends New<SeriesEvent> {
  readonly metadata: { readonly name: string; readonly namespace: string };
}

interface Known {
  readonly event: Draft;
  readonly since: number;
  /** Absent: it has happened once. */
  series: { count: number; lastMs: number; lastObservedTime: string } | undefined;
}

/** Source: finishTime, refreshTime. */
const FINISH_MS = 6 * 60_000;
const REFRESH_MS = 30 * 60_000;
/** Series kept in mind; upstream has no bound. */
const MOST_KNOWN = 4096;

export class SeriesEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #queue: EventQueue;
  readonly #names: EventNames;
  /** In the order they began. */
  readonly #known = new Map<string, Known>();
  #sweep: CancelTimer | undefined;
  #refreshedAt: number;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#queue = new EventQueue(options);
    this.#names = new EventNames(options);
    this.#refreshedAt = options.clock.monotonic();
    options.signal.addEventListener('abort', () => this.#sweep?.(), { once: true });
  }

  get dropped(): number {
    return this.#queue.dropped;
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  event(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string, details: EventDetails = {}): void {
    const { clock } = this.#options;
    const event = this.#draft(subject, type, reason, message, details);
    const key = keyOf(event);
    const known = this.#known.get(key);
    if (known === undefined) {
      this.#remember(key, { event, since: clock.monotonic(), series: undefined });
      this.#send(event, () => this.#create(event));
      return;
    }
    const observed = { lastMs: clock.monotonic(), lastObservedTime: formatMicroTime(clock.now()) };
    if (known.series !== undefined) {
      known.series = { count: known.series.count + 1, ...observed };
      return;
    }
    known.series = { count: 2, ...observed };
    this.#sendSeries(known);
  }

  #draft(subject: EventSubject, type: string, reason: string, note: string, { action = '', related, annotations }: EventDetails): Draft {
    const { component, host = hostname(), clock } = this.#options;
    const { name, namespace } = subject.metadata;
    return {
      metadata: { name: this.#names.of(name), namespace: namespace ?? 'default', ...(annotations === undefined ? {} : { annotations }) },
      eventTime: formatMicroTime(clock.now()),
      reportingController: component,
      reportingInstance: `${component}-${host}`,
      action,
      reason,
      regarding: referenceTo(subject),
      ...(related === undefined ? {} : { related: referenceTo(related) }),
      note,
      type,
    } as Draft;
  }

  #send({ reason = '', regarding }: Draft, write: () => Promise<unknown>): void {
    this.#queue.push({ reason, name: regarding?.name ?? '', prepare: () => write });
  }

  #remember(key: string, known: Known): void {
    const { clock } = this.#options;
    this.#known.set(key, known);
    this.#sweep ??= clock.after(FINISH_MS, () => this.#sweepAll());
    if (this.#known.size <= MOST_KNOWN) return;
    const [oldest] = this.#known;
    if (oldest !== undefined) this.#finish(...oldest);
  }

  #finish(key: string, known: Known): void {
    this.#sendSeries(known);
    this.#known.delete(key);
  }

  #create(event: Draft): Promise<unknown> {
    return this.#options.client.create(eventsEvents, event);
  }

  #sendSeries({ event, series }: Known): void {
    if (series === undefined) return;
    const { count, lastObservedTime } = series;
    const body = { series: { count, lastObservedTime } };
    this.#send(event, async () => {
      try {
        await this.#options.client.patch(eventsEvents, event.metadata, { type: 'strategic', body });
      } catch (error) {
        // Events expire: one that is gone begins anew under its old name.
        if (!isStatusError(error, 'NotFound')) throw error;
        await this.#create({ ...event, ...body });
      }
    });
  }

  /** Ends what has not happened again for a while, and keeps what goes on from expiring. Source: finishSeries, refreshExistingEventSeries. */
  #sweepAll(): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    const refresh = now - this.#refreshedAt >= REFRESH_MS;
    if (refresh) this.#refreshedAt = now;
    for (const [key, known] of this.#known) {
      if (now - (known.series?.lastMs ?? known.since) >= FINISH_MS) this.#finish(key, known);
      else if (refresh) this.#sendSeries(known);
    }
    this.#sweep = this.#known.size === 0 ? undefined : clock.after(FINISH_MS, () => this.#sweepAll());
  }
}

/** What makes two events the same but for their note. Source: getKey. */
const keyOf = ({ type, action, reason, reportingController, reportingInstance, regarding, related }: Draft): string =>
  JSON.stringify([type, action, reason, reportingController, reportingInstance, regarding, related]);
