// One priority level at work: its queues, its seats, and what it wanted of late.
import type { PriorityLevelConfiguration } from '#api/gen/flowcontrol-v1.ts';
import type { Clock } from '#base/clock.ts';
import { widestRequest, type Limits } from './allocation.ts';
import { DemandMeter } from './demand.ts';
import { QueueSet, type Queuing } from './queue-set.ts';
import { RetryAfter } from './retry-after.ts';

export class PriorityLevel {
  readonly name: string;
  readonly queues: QueueSet;
  readonly demand: DemandMeter;
  readonly retryAfter: RetryAfter;
  uid = '';
  spec: PriorityLevelConfiguration['spec'];
  limits: Limits = { nominal: 0, least: 0, most: 0 };
  current = 0;
  target = 0;
  /** Without a configuration now: no newcomers, but who waits is served. */
  quiescing = false;
  #introduced = false;

  constructor(name: string, spec: PriorityLevelConfiguration['spec'], clock: Clock) {
    this.name = name;
    this.spec = spec;
    this.demand = new DemandMeter(clock.monotonic());
    this.queues = new QueueSet(clock, this.demand);
    this.retryAfter = new RetryAfter(Math.floor(clock.now() / 1_000));
  }

  get exempt(): boolean {
    return this.spec.type === 'Exempt';
  }

  /** Most seats one request takes; 0 where there are no queues to be fair to. */
  get widest(): number {
    const handSize = this.spec.limited?.limitResponse.queuing?.handSize;
    return handSize === undefined ? 0 : widestRequest(this.limits.nominal, handSize);
  }

  limit(limits: Limits): void {
    this.limits = limits;
    if (!this.#introduced) this.current = limits.nominal - Math.trunc((limits.nominal - limits.least) / 2);
    this.#introduced = true;
    this.apply(this.current);
  }

  /** @param seats until the next period */
  apply(seats: number): void {
    this.current = seats;
    this.queues.configure(queuingOf(this.spec), seats);
  }
}

function queuingOf({ limited }: PriorityLevelConfiguration['spec']): Queuing {
  if (limited === undefined) return { kind: 'exempt' };
  const { queuing } = limited.limitResponse;
  if (queuing === undefined) return { kind: 'reject' };
  return { kind: 'queue', queues: queuing.queues, handSize: queuing.handSize, lengthLimit: queuing.queueLengthLimit };
}
