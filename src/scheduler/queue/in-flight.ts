// What happened while a pod was being scheduled: it may help the pod, which is in no queue to be woken in.
// Source: backend/queue activeQueue inFlightPods, inFlightEvents.
import type { ClusterEvent } from '../framework/cluster-event.ts';

export interface Happening {
  readonly event: ClusterEvent;
  readonly previous: unknown;
  readonly current: unknown;
}

/** Source: metrics.PodPoppedInFlightEvent. */
const POD_POPPED = 'PodPopped';

/** Invariant: no event is kept that all pods in flight have behind them. */
export class InFlight {
  /** Position of the next event when the pod took off, by uid, in the order of taking off. */
  readonly #pods = new Map<string, number>();
  #events: Happening[] = [];
  /** Position of `#events[0]`. */
  #first = 0;

  get size(): number {
    return this.#pods.size;
  }

  /** Events by their label, and pods that took off. */
  get counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = this.#pods.size === 0 ? {} : { [POD_POPPED]: this.#pods.size };
    for (const { event } of this.#events) counts[event.label] = (counts[event.label] ?? 0) + 1;
    return counts;
  }

  has(uid: string): boolean {
    return this.#pods.has(uid);
  }

  add(uid: string): void {
    this.#pods.set(uid, this.#first + this.#events.length);
  }

  note(happening: Happening): void {
    if (this.#pods.size > 0) this.#events.push(happening);
  }

  /** Since the pod took off; `undefined` for one that is not in flight. */
  eventsFor(uid: string): readonly Happening[] | undefined {
    const start = this.#pods.get(uid);
    return start === undefined ? undefined : this.#events.slice(start - this.#first);
  }

  done(uid: string): void {
    if (!this.#pods.delete(uid)) return;
    const [oldest] = this.#pods.values();
    if (oldest === undefined) {
      this.#first += this.#events.length;
      this.#events = [];
    } else if (oldest > this.#first) {
      this.#events = this.#events.slice(oldest - this.#first);
      this.#first = oldest;
    }
  }
}
