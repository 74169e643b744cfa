// Tells users what happened to their objects: Events of core/v1, sent in the background, dropped rather than waited for.
// Source: client-go tools/record event.go.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { events } from '#api/resources.ts';
import type { Client } from '../contract.ts';
import { EventCorrelator, type Correlated, type CorrelatorOptions, type EventDraft } from './correlator.ts';
import { EventNames } from './event-name.ts';
import { EventQueue } from './event-queue.ts';

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
  /** What was done, UpperCamelCase; told in events.k8s.io only. */
  readonly action?: string;
  /** The other object that had a part in it; told in events.k8s.io only. */
  readonly related?: EventSubject;
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

export class QueueingEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlator: EventCorrelator;
  readonly #queue: EventQueue;
  readonly #names: EventNames;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#correlator = new EventCorrelator(options.correlation);
    this.#queue = new EventQueue(options);
    this.#names = new EventNames(options);
  }

  /** Events given up: the queue was full, or the server refused or stayed away. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  event(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string, details: EventDetails = {}): void {
    const draft = this.#draft(subject, type, reason, message, details);
    const { name } = subject.metadata;
    this.#queue.push({ reason, name, prepare: () => this.#prepared(draft, name) });
  }

  /** Resolves when everything recorded so far was sent or given up. */
  flush(): Promise<void> {
    return this.#queue.flush();
  }

  #draft(subject: EventSubject, type: string, reason: string, message: string, { fieldPath, annotations }: EventDetails): EventDraft {
    const { component, host, clock } = this.#options;
    const { name, namespace } = subject.metadata;
    const now = formatTime(clock.now());
    return {
      metadata: { name: this.#names.of(name), namespace: namespace ?? 'default', ...(annotations === undefined ? {} : { annotations }) },
      involvedObject: { ...referenceTo(subject), ...(fieldPath === undefined ? {} : { fieldPath }) },
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

  #prepared(draft: EventDraft, subject: string): (() => Promise<unknown>) | undefined {
    const correlated = this.#correlator.correlate(draft, this.#options.clock.now(), this.#names.of(subject));
    return correlated.kind === 'skip' ? undefined : () => this.#write(correlated);
  }

  /** Source: recordEvent. */
  async #write(correlated: Exclude<Correlated, { readonly kind: 'skip' }>): Promise<void> {
    const { client } = this.#options;
    const { event } = correlated;
    if (correlated.kind === 'count') {
      try {
        await client.patch(events, event.metadata, { type: 'strategic', body: correlated.patch });
        return;
      } catch (error) {
        // Events expire: one that is gone begins anew under its old name and count.
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
    await client.create(events, event);
  }
}

/** Source: client-go tools/reference GetReference. */
export function referenceTo({ kind, apiVersion, metadata: { name, namespace, uid, resourceVersion } }: EventSubject) {
  return {
    kind,
    apiVersion,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}
