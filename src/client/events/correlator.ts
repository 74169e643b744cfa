// What becomes of an event before it is sent: counted up, folded into similar ones, or held back as spam.
// No effects; times are given. Source: client-go tools/record events_cache.go.
import { Lru } from '#base/lru.ts';
import { TokenBucket } from '#base/token-bucket.ts';
import type { Event, New } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';

/** An event as it will be created. */
export interface EventDraft extends New<Event> {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly involvedObject: New<Event['involvedObject']>;
  readonly source: { readonly component: string; readonly host?: string };
  readonly reason: string;
  readonly message: string;
  readonly type: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
}

export type Correlated =
  | { readonly kind: 'skip' }
  | { readonly kind: 'create'; readonly event: EventDraft }
  /** `event` happened before under the same name; only this changed. If it is gone, `event` is created again. */
  | { readonly kind: 'count'; readonly event: EventDraft; readonly patch: Pick<EventDraft, 'count' | 'lastTimestamp' | 'message'> };

const CACHE_ENTRIES = 4096;
/** Events that differ in their message only: from this many on, within this time, they become one. */
const AGGREGATE_FROM = 10;
const AGGREGATE_WITHIN_MS = 600_000;
/** A source may send this many about one object at once, then one every five minutes. */
const SPAM_BURST = 25;
const SPAM_PER_SECOND = 1 / 300;

export interface CorrelatorOptions {
  readonly spamBurst?: number;
  readonly spamPerSecond?: number;
}

interface Aggregate {
  readonly messages: Set<string>;
  lastMs: number;
}

interface Observation {
  readonly name: string;
  readonly count: number;
  readonly firstTimestamp: string;
}

/** Joined with NUL, so that no two different lists give the same key. */
const key = (...parts: readonly (string | undefined)[]): string => parts.map((part) => part ?? '').join('\0');

function objectKey({ source, involvedObject: { kind, namespace, name, uid, apiVersion } }: EventDraft): string {
  return key(source.component, source.host, kind, namespace, name, uid, apiVersion);
}

const spamKey = (event: EventDraft): string => key(objectKey(event), event.type);
const aggregateKey = (event: EventDraft): string => key(objectKey(event), event.type, event.reason);
const eventKey = (event: EventDraft): string =>
  key(objectKey(event), event.involvedObject.fieldPath, event.type, event.reason, event.message);

export class EventCorrelator {
  readonly #aggregates = new Lru<string, Aggregate>(CACHE_ENTRIES);
  readonly #observed = new Lru<string, Observation>(CACHE_ENTRIES);
  readonly #buckets = new Lru<string, TokenBucket>(CACHE_ENTRIES);
  readonly #burst: number;
  readonly #perSecond: number;

  constructor({ spamBurst = SPAM_BURST, spamPerSecond = SPAM_PER_SECOND }: CorrelatorOptions = {}) {
    this.#burst = spamBurst;
    this.#perSecond = spamPerSecond;
  }

  /** `nowMs`: since the epoch. `aggregateName`: the name the event takes if it begins a combined one. */
  correlate(event: EventDraft, nowMs: number, aggregateName: string): Correlated {
    const { folded, cacheKey } = this.#aggregate(event, nowMs, aggregateName);
    const observed = this.#count(folded, cacheKey);
    if (!this.#mayPass(observed, nowMs)) return { kind: 'skip' };
    if (observed.count === 1) return { kind: 'create', event: observed };
    const { count, lastTimestamp, message } = observed;
    return { kind: 'count', event: observed, patch: { count, lastTimestamp, message } };
  }

  /** Source: EventAggregator.EventAggregate. */
  #aggregate(event: EventDraft, nowMs: number, name: string): { readonly folded: EventDraft; readonly cacheKey: string } {
    const group = aggregateKey(event);
    const known = this.#aggregates.get(group);
    const record =
      known === undefined || nowMs - known.lastMs > AGGREGATE_WITHIN_MS ? { messages: new Set<string>(), lastMs: nowMs } : known;
    record.messages.add(event.message);
    record.lastMs = nowMs;
    this.#aggregates.set(group, record);
    if (record.messages.size < AGGREGATE_FROM) return { folded: event, cacheKey: eventKey(event) };

    const [oldest] = record.messages;
    record.messages.delete(oldest as string);
    const { annotations: _, ...metadata } = event.metadata;
    const now = formatTime(nowMs);
    const folded: EventDraft = {
      ...event,
      metadata: { ...metadata, name },
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      message: `(combined from similar events): ${event.message}`,
    };
    return { folded, cacheKey: group };
  }

  /** Source: eventLogger.eventObserve. */
  #count(event: EventDraft, cacheKey: string): EventDraft {
    const last = this.#observed.get(cacheKey);
    const observed: EventDraft =
      last === undefined
        ? event
        : { ...event, metadata: { ...event.metadata, name: last.name }, firstTimestamp: last.firstTimestamp, count: last.count + 1 };
    this.#observed.set(cacheKey, { name: observed.metadata.name, count: observed.count, firstTimestamp: observed.firstTimestamp });
    return observed;
  }

  /** Source: EventSourceObjectSpamFilter.Filter. */
  #mayPass(event: EventDraft, nowMs: number): boolean {
    const who = spamKey(event);
    const bucket = this.#buckets.get(who) ?? new TokenBucket(this.#perSecond, this.#burst);
    this.#buckets.set(who, bucket);
    return bucket.tryTake(nowMs);
  }
}
