// The queues of one priority level: fair among flows, in virtual time. Source: fairqueuing/queueset queueset.go.
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { DemandMeter } from './demand.ts';
import { deal } from './shuffle-sharding.ts';
import type { Work } from './work.ts';

/** What a request is thought to take before it was served, milliseconds. Source: estimatedServiceDuration. */
const ESTIMATE_MS = 3;

export type Queuing =
  | { readonly kind: 'exempt' }
  | { readonly kind: 'reject' }
  | { readonly kind: 'queue'; readonly queues: number; readonly handSize: number; readonly lengthLimit: number };

export type Refusal = 'queue-full' | 'concurrency-limit' | 'time-out';

/** One request, from its arrival to the release of its seats. */
export interface Occupant {
  readonly work: Work;
  /** Of its flow. */
  readonly hash: number;
  /** Longest time in a queue, milliseconds. */
  readonly waitMs: number;
  readonly signal: () => AbortSignal;
  /** Set by the queue set. */
  place?: Place;
}

/** Where an occupant stands. Times are monotonic, milliseconds. */
interface Place {
  readonly queue: Queue | undefined;
  readonly seats: number;
  readonly arrivalR: number;
  readonly arrivedAt: number;
  startedAt: number;
  readonly decide: ((refusal: Refusal | undefined) => void) | undefined;
}

interface Queue {
  readonly index: number;
  waiting: Occupant[];
  executing: number;
  seatsInUse: number;
  /** Virtual time at which its next request begins. */
  nextDispatchR: number;
}

export interface QueueSetCounts {
  readonly waiting: number;
  readonly executing: number;
  readonly seatsInUse: number;
  readonly seatsWaiting: number;
  readonly dispatched: number;
  readonly rejected: number;
  readonly timedOut: number;
  readonly cancelled: number;
}

const placeOf = (occupant: Occupant): Place => occupant.place as Place;
const totalWork = ({ seats, finalSeats, afterMs }: Work): number => seats * ESTIMATE_MS + finalSeats * afterMs;

export class QueueSet {
  readonly #clock: Clock;
  readonly #demand: DemandMeter;
  readonly #queues: Queue[] = [];
  #queuing: Queuing = { kind: 'reject' };
  #limit = 0;
  #hand = new Int32Array(0);
  #robin = 0;
  #enqueues = 0;
  /** Virtual time: seat-milliseconds a busy queue had a right to so far. */
  #r = 0;
  #lastTime: number;
  #activeQueues = 0;
  #waiting = 0;
  #executing = 0;
  #seatsInUse = 0;
  #seatsWaiting = 0;
  #dispatched = 0;
  #rejected = 0;
  #timedOut = 0;
  #cancelled = 0;

  constructor(clock: Clock, demand: DemandMeter) {
    this.#clock = clock;
    this.#demand = demand;
    this.#lastTime = clock.monotonic();
  }

  get counts(): QueueSetCounts {
    return {
      waiting: this.#waiting,
      executing: this.#executing,
      seatsInUse: this.#seatsInUse,
      seatsWaiting: this.#seatsWaiting,
      dispatched: this.#dispatched,
      rejected: this.#rejected,
      timedOut: this.#timedOut,
      cancelled: this.#cancelled,
    };
  }

  get idle(): boolean {
    return this.#waiting === 0 && this.#executing === 0;
  }

  /** For debugging. */
  get queues(): readonly (Readonly<Omit<Queue, 'waiting'>> & { readonly waiting: readonly Occupant[] })[] {
    return this.#queues;
  }

  /** Who waits goes on waiting, in queues that take no newcomers if there are fewer now. */
  configure(queuing: Queuing, limit: number): void {
    this.#queuing = queuing;
    this.#limit = limit;
    if (queuing.kind === 'queue') {
      if (this.#hand.length !== queuing.handSize) this.#hand = new Int32Array(queuing.handSize);
      for (let index = this.#queues.length; index < queuing.queues; index++) {
        this.#queues.push({ index, waiting: [], executing: 0, seatsInUse: 0, nextDispatchR: 0 });
      }
    }
    this.#dispatchAll();
  }

  /** Undefined: it has its seats. A refusal: it has none. A promise of either: it waits. */
  enter(occupant: Occupant): Refusal | undefined | Promise<Refusal | undefined> {
    const now = this.#sync();
    const seats = Math.max(occupant.work.seats, occupant.work.finalSeats);
    const queuing = this.#queuing;
    if (queuing.kind !== 'queue') {
      if (!this.#fits(seats)) return this.#refuse('concurrency-limit');
      occupant.place = { queue: undefined, seats, arrivalR: this.#r, arrivedAt: now, startedAt: now, decide: undefined };
      this.#occupy(occupant, now);
      return undefined;
    }
    const queue = this.#choose(occupant.hash, queuing.queues);
    if (this.#seatsInUse >= this.#limit && queue.waiting.length >= queuing.lengthLimit) return this.#refuse('queue-full');
    if (queue.waiting.length === 0 && queue.executing === 0) {
      queue.nextDispatchR = this.#r;
      this.#activeQueues++;
    }
    if (this.#waiting === 0 && this.#seatsInUse < this.#limit && this.#fits(seats)) {
      // Nobody is before it: the usual case.
      occupant.place = { queue, seats, arrivalR: this.#r, arrivedAt: now, startedAt: now, decide: undefined };
      if (queue.nextDispatchR < this.#r) queue.nextDispatchR = this.#r;
      this.#robin = queue.index;
      this.#begin(occupant, queue, now);
      return undefined;
    }
    return this.#wait(occupant, queue, { seats, now });
  }

  /** Gives the seats back: at once, or when watchers were told. */
  leave(occupant: Occupant): void {
    const now = this.#sync();
    const { queue, startedAt } = placeOf(occupant);
    const { work } = occupant;
    this.#executing--;
    if (queue !== undefined) {
      queue.executing--;
      queue.nextDispatchR -= work.seats * (ESTIMATE_MS - (now - startedAt));
      this.#bound(queue);
      if (queue.executing === 0 && queue.waiting.length === 0) this.#activeQueues--;
    }
    if (work.afterMs > 0) {
      this.#clock.after(work.afterMs, () => {
        this.#release(occupant, this.#sync());
        this.#dispatchAll();
      });
      return;
    }
    this.#release(occupant, now);
    this.#dispatchAll();
  }

  #refuse(refusal: Refusal): Refusal {
    this.#rejected++;
    return refusal;
  }

  #wait(occupant: Occupant, queue: Queue, { seats, now }: { readonly seats: number; readonly now: number }): Promise<Refusal | undefined> {
    const { promise, resolve } = Promise.withResolvers<Refusal | undefined>();
    const signal = occupant.signal();
    let stopTimer: CancelTimer = () => {};
    const give = (): void => {
      if (!this.#withdraw(occupant, queue)) return;
      if (signal.aborted) this.#cancelled++;
      else this.#timedOut++;
      decide(this.#refuse('time-out'));
    };
    const decide = (refusal: Refusal | undefined): void => {
      stopTimer();
      signal.removeEventListener('abort', give);
      resolve(refusal);
    };
    occupant.place = { queue, seats, arrivalR: this.#r, arrivedAt: now, startedAt: 0, decide };
    queue.waiting.push(occupant);
    this.#waiting++;
    this.#seatsWaiting += seats;
    this.#bound(queue);
    this.#demand.set(this.#seatsInUse + this.#seatsWaiting, now);
    stopTimer = this.#clock.after(occupant.waitMs, give);
    signal.addEventListener('abort', give, { once: true });
    if (signal.aborted) give();
    else this.#dispatchAll();
    return promise;
  }

  #withdraw(occupant: Occupant, queue: Queue): boolean {
    const at = queue.waiting.indexOf(occupant);
    if (at === -1) return false;
    const now = this.#sync();
    queue.waiting.splice(at, 1);
    if (queue.executing === 0 && queue.waiting.length === 0) this.#activeQueues--;
    this.#waiting--;
    this.#seatsWaiting -= placeOf(occupant).seats;
    this.#bound(queue);
    this.#demand.set(this.#seatsInUse + this.#seatsWaiting, now);
    this.#dispatchAll(); // what stood behind a wide one may fit
    return true;
  }

  /** Moves virtual time on by what each active queue was entitled to. */
  #sync(): number {
    const now = this.#clock.monotonic();
    if (this.#activeQueues > 0) {
      this.#r += ((now - this.#lastTime) * Math.min(this.#seatsInUse + this.#seatsWaiting, this.#limit)) / this.#activeQueues;
    }
    this.#lastTime = now;
    return now;
  }

  /** Of the flow's hand, the queue with the least waiting work. */
  #choose(hash: number, deck: number): Queue {
    const hand = this.#hand;
    deal(hash, deck, hand);
    const offset = this.#enqueues++ % hand.length;
    let best: Queue | undefined;
    let least = Infinity;
    for (let i = 0; i < hand.length; i++) {
      const queue = this.#queues[hand[(offset + i) % hand.length] as number] as Queue;
      if (queue.waiting.length === 0) return queue;
      const work = queue.waiting.reduce((sum, occupant) => sum + totalWork(occupant.work), 0);
      if (work < least) [best, least] = [queue, work];
    }
    return best as Queue;
  }

  #fits(seats: number): boolean {
    if (this.#queuing.kind === 'exempt') return true;
    return seats > this.#limit ? this.#executing === 0 : this.#seatsInUse + seats <= this.#limit;
  }

  #dispatchAll(): void {
    while (this.#waiting > 0 && this.#seatsInUse < this.#limit && this.#dispatchOne());
  }

  /** The oldest request of the queue that would be done first, if it fits. */
  #dispatchOne(): boolean {
    const count = this.#queues.length;
    let best: Queue | undefined;
    let least = Infinity;
    for (let i = 0; i < count; i++) {
      this.#robin = (this.#robin + 1) % count;
      const queue = this.#queues[this.#robin] as Queue;
      const [oldest] = queue.waiting;
      if (oldest === undefined) continue;
      const finish = queue.nextDispatchR + totalWork(oldest.work);
      if (finish < least) [best, least] = [queue, finish];
    }
    const occupant = best?.waiting[0];
    if (best === undefined || occupant === undefined || !this.#fits(placeOf(occupant).seats)) return false;
    this.#robin = best.index;
    best.waiting.shift();
    this.#waiting--;
    this.#seatsWaiting -= placeOf(occupant).seats;
    const now = this.#clock.monotonic();
    this.#begin(occupant, best, now);
    this.#bound(best);
    placeOf(occupant).decide?.(undefined);
    return true;
  }

  #begin(occupant: Occupant, queue: Queue, now: number): void {
    placeOf(occupant).startedAt = now;
    queue.executing++;
    queue.seatsInUse += placeOf(occupant).seats;
    queue.nextDispatchR += totalWork(occupant.work);
    this.#occupy(occupant, now);
  }

  #occupy(occupant: Occupant, now: number): void {
    this.#executing++;
    this.#dispatched++;
    this.#seatsInUse += placeOf(occupant).seats;
    this.#demand.set(this.#seatsInUse + this.#seatsWaiting, now);
  }

  #release(occupant: Occupant, now: number): void {
    const { queue, seats } = placeOf(occupant);
    this.#seatsInUse -= seats;
    if (queue !== undefined) queue.seatsInUse -= seats;
    this.#demand.set(this.#seatsInUse + this.#seatsWaiting, now);
  }

  /** A queue gains nothing from the time before its oldest request came. Source: boundNextDispatchLocked. */
  #bound(queue: Queue): void {
    const [oldest] = queue.waiting;
    if (oldest === undefined) return;
    const { arrivalR } = placeOf(oldest);
    if (queue.nextDispatchR < arrivalR) queue.nextDispatchR = arrivalR;
  }
}
