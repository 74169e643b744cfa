// Which pod is scheduled next. Pods are active (in order of priority), backing off, or unschedulable until an event comes
// that a plugin which refused them wants to hear of. Source: backend/queue PriorityQueue.
import type { Pod } from '#api/types.ts';
import { type ClusterEvent, FORCE_ACTIVATE, podChanges, UNSCHEDULABLE_TIMEOUT } from '../framework/cluster-event.ts';
import type { Plugin, QueueOrder } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import { type BackoffLimits, backoffUntil, isBackingOff, ORDERING_WINDOW_MS } from './backoff.ts';
import { KeyedHeap } from './heap.ts';
import { type Happening, InFlight } from './in-flight.ts';
import { type QueuedPod, queuedPod, rejectors, replacePod } from './queued-pod.ts';
import { type AskHint, isOfInterest, planRequeue, type Requeue } from './requeue-plan.ts';
import { UnschedulablePods } from './unschedulable-pods.ts';

export interface SchedulingQueueOptions {
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly compare: (a: QueueOrder, b: QueueOrder) => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly backoff: BackoffLimits;
  /** Milliseconds after which an unschedulable pod is tried whatever happens. */
  readonly maxUnschedulableMs: number;
  /** A pod came to a part of the queue because of `event`. */
  readonly incoming: (part: QueuePart, event: string) => void;
  readonly askHint: AskHint;
}

export type QueuePart = 'active' | 'backoff' | 'unschedulable' | 'gated';

const uidOf = ({ pod }: QueuedPod): string => pod.metadata.uid;

/** Invariant: a pod is in at most one part; a pod in flight is in none. */
export class SchedulingQueue {
  readonly #options: SchedulingQueueOptions;
  readonly #active: KeyedHeap<QueuedPod>;
  readonly #backoff: KeyedHeap<QueuedPod>;
  /** After errors: waited out in any case. */
  readonly #errorBackoff: KeyedHeap<QueuedPod>;
  /** Unschedulable and gated ones, by uid. */
  readonly #unschedulable = new UnschedulablePods();
  readonly #inFlight = new InFlight();
  #sequence = 0;

  constructor(options: SchedulingQueueOptions) {
    this.#options = options;
    const inOrder = (a: QueuedPod, b: QueuedPod): number => options.compare(a, b) || a.sequence - b.sequence;
    const byBackoff = (a: QueuedPod, b: QueuedPod): number => this.#until(a) - this.#until(b) || inOrder(a, b);
    this.#active = new KeyedHeap(uidOf, inOrder);
    this.#backoff = new KeyedHeap(uidOf, byBackoff);
    this.#errorBackoff = new KeyedHeap(uidOf, byBackoff);
  }

  get sizes(): Readonly<Record<QueuePart, number>> {
    const gated = this.#unschedulable.gatedCount;
    return {
      active: this.#active.size,
      backoff: this.#backoff.size + this.#errorBackoff.size,
      unschedulable: this.#unschedulable.size - gated,
      gated,
    };
  }

  /** Pods that were refused and not tried since, by plugin and profile; a pod counts for each plugin that refused it. */
  refusals(): Iterable<readonly [labels: readonly [plugin: string, profile: string], pods: number]> {
    const counts = new Map<string, [readonly [string, string], number]>();
    for (const queued of [...this.#unschedulable.values(), ...this.#backoff.values(), ...this.#active.values()]) {
      for (const plugin of rejectors(queued)) {
        const { schedulerName } = queued.pod.spec;
        const entry = counts.get(`${plugin}/${schedulerName}`) ?? [[plugin, schedulerName], 0];
        entry[1]++;
        counts.set(`${plugin}/${schedulerName}`, entry);
      }
    }
    return counts.values();
  }

  /** What happened since pods took off, by event. */
  get inFlightEvents(): Readonly<Record<string, number>> {
    return this.#inFlight.counts;
  }

  /** Whether `pop` would give a pod. */
  get isEmpty(): boolean {
    return this.#active.size === 0 && this.#backoff.size === 0;
  }

  add(pod: Pod, event: ClusterEvent): void {
    this.#activate(queuedPod(pod, this.#options.now(), this.#sequence++), event.label, 'new');
  }

  /** The pod to try next, which is in flight until `done`. With none active, one that backs off goes ahead of its time. */
  pop(): QueuedPod | undefined {
    const queued = this.#active.pop() ?? this.#backoff.pop();
    if (queued === undefined) return undefined;
    queued.attempts++;
    queued.backoffUntil = undefined;
    this.#inFlight.add(uidOf(queued));
    return queued;
  }

  done(uid: string): void {
    this.#inFlight.done(uid);
  }

  /** Brings back a pod whose attempt failed; what happened meanwhile may send it on at once. Source: AddUnschedulableIfNotPresent. */
  addUnschedulable(queued: QueuedPod): void {
    const uid = uidOf(queued);
    if (this.#find(uid) !== undefined) return this.#inFlight.done(uid);
    if (rejectors(queued).size === 0) {
      queued.consecutiveErrors++;
    } else {
      queued.unschedulableCount++;
      queued.consecutiveErrors = 0;
    }
    queued.timestamp = this.#options.now();
    queued.backoffUntil = undefined;
    queued.wasFlushed = false;
    const plan = this.#planAfterFlight(queued);
    this.#inFlight.done(uid);
    this.#requeue(queued, plan, 'ScheduleAttemptFailure');
  }

  update(previous: Pod, pod: Pod): void {
    const { uid } = pod.metadata;
    const events = podChanges(pod, previous);
    if (this.#inFlight.has(uid)) {
      for (const event of events) this.#inFlight.note({ event, previous, current: pod });
      return;
    }
    for (const heap of [this.#active, this.#backoff, this.#errorBackoff]) {
      const queued = heap.get(uid);
      if (queued === undefined) continue;
      heap.delete(uid);
      replacePod(queued, pod);
      heap.set(queued);
      return;
    }
    const queued = this.#unschedulable.get(uid);
    if (queued === undefined) return this.add(pod, { resource: 'UnschedulablePod', action: 0, label: 'UnschedulablePodUpdate' });
    replacePod(queued, pod);
    for (const event of events) {
      if (!this.#unschedulable.has(uid)) return;
      this.#wake([queued], { event, previous, current: pod });
    }
  }

  delete(uid: string): void {
    for (const heap of [this.#active, this.#backoff, this.#errorBackoff]) if (heap.delete(uid)) return;
    this.#unschedulable.delete(uid);
  }

  /** Something happened in the cluster: pods it may help are tried again. `among` leaves out others. */
  moveAll(event: ClusterEvent, previous: unknown, current: unknown, among: (pod: Pod) => boolean = () => true): void {
    if (this.#unschedulable.size === 0 && this.#inFlight.size === 0) return;
    if (!isOfInterest(this.#options.profiles.values(), event)) return;
    const happening = { event, previous, current };
    const waiting = [...this.#unschedulable.concernedBy(event, this.#options.profiles)];
    this.#wake(
      waiting.filter(({ pod }) => among(pod)),
      happening,
    );
    this.#inFlight.note(happening);
  }

  /** Tries pods now, without back-off. Source: Activate. */
  activate(uids: Iterable<string>): void {
    for (const uid of uids) {
      const queued = this.#unschedulable.get(uid) ?? this.#backoff.get(uid) ?? this.#errorBackoff.get(uid);
      if (queued !== undefined) {
        this.delete(uid);
        this.#activate(queued, FORCE_ACTIVATE.label, 'new');
      } else if (this.#inFlight.has(uid)) {
        this.#inFlight.note({ event: FORCE_ACTIVATE, previous: undefined, current: { metadata: { uid } } });
      }
    }
  }

  /** Moves on the pods whose time has come. */
  flush(): void {
    const now = this.#options.now();
    for (const heap of [this.#backoff, this.#errorBackoff]) {
      for (let next = heap.peek(); next !== undefined && !isBackingOff(next, this.#options.backoff, now); next = heap.peek()) {
        heap.pop();
        this.#activate(next, 'BackoffComplete', 'checked');
      }
    }
    const { maxUnschedulableMs } = this.#options;
    const waiting = [...this.#unschedulable.concernedBy(UNSCHEDULABLE_TIMEOUT, this.#options.profiles)];
    const stale = waiting.filter(({ timestamp }) => now - timestamp > maxUnschedulableMs);
    for (const queued of stale) queued.wasFlushed = true;
    this.#wake(stale, { event: UNSCHEDULABLE_TIMEOUT, previous: undefined, current: undefined });
  }

  /** Milliseconds since the epoch when `flush` is next of use. */
  nextFlush(): number | undefined {
    const times: number[] = [];
    for (const heap of [this.#backoff, this.#errorBackoff]) {
      const next = heap.peek();
      if (next !== undefined) times.push(this.#until(next) + ORDERING_WINDOW_MS);
    }
    for (const { timestamp } of this.#unschedulable.ungated()) times.push(timestamp + this.#options.maxUnschedulableMs + 1);
    return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b));
  }

  #until(queued: QueuedPod): number {
    return backoffUntil(queued, this.#options.backoff);
  }

  #find(uid: string): QueuedPod | undefined {
    return this.#active.get(uid) ?? this.#backoff.get(uid) ?? this.#errorBackoff.get(uid) ?? this.#unschedulable.get(uid);
  }

  #planAfterFlight(queued: QueuedPod): Requeue {
    if (rejectors(queued).size === 0) return 'after-backoff';
    const happenings = this.#inFlight.eventsFor(uidOf(queued));
    const profile = this.#options.profiles.get(queued.pod.spec.schedulerName);
    if (happenings === undefined || profile === undefined) return 'after-backoff';
    const plans = happenings.map((happening) => planRequeue(queued, profile, happening, this.#options.askHint));
    if (plans.includes('immediately')) return 'immediately';
    return plans.includes('after-backoff') ? 'after-backoff' : 'skip';
  }

  /** One at the gate goes on only when it is open: it is asked again then. */
  #wake(candidates: readonly QueuedPod[], happening: Happening): void {
    for (const queued of candidates) {
      const profile = this.#options.profiles.get(queued.pod.spec.schedulerName);
      if (profile === undefined || isGatedStill(queued, profile)) continue;
      const plan = planRequeue(queued, profile, happening, this.#options.askHint);
      if (plan === 'skip') continue;
      this.#unschedulable.delete(uidOf(queued));
      this.#requeue(queued, plan, happening.event.label);
    }
  }

  #requeue(queued: QueuedPod, plan: Requeue, label: string): void {
    if (plan === 'skip') {
      this.#unschedulable.set(queued);
      this.#options.incoming(queued.gatingPlugin === undefined ? 'unschedulable' : 'gated', label);
    } else if (plan === 'after-backoff' && isBackingOff(queued, this.#options.backoff, this.#options.now())) {
      this.#backOff(queued, label);
    } else {
      this.#activate(queued, label, 'new');
    }
  }

  #backOff(queued: QueuedPod, label: string): void {
    if (this.#isGated(queued, label)) return;
    (rejectors(queued).size === 0 ? this.#errorBackoff : this.#backoff).set(queued);
    this.#options.incoming('backoff', label);
  }

  /** `checked`: the gates were asked when it began to back off. */
  #activate(queued: QueuedPod, label: string, gates: 'new' | 'checked'): void {
    if (gates === 'new' && this.#isGated(queued, label)) return;
    queued.firstAttempt ??= this.#options.now();
    this.#active.set(queued);
    this.#options.incoming('active', label);
  }

  /** Asks PreEnqueue plugins; a gated pod waits among the unschedulable ones. */
  #isGated(queued: QueuedPod, label: string): boolean {
    const gate = firstGate(queued, this.#options.profiles.get(queued.pod.spec.schedulerName)?.preEnqueue ?? []);
    queued.gatingPlugin = gate?.name;
    if (gate === undefined) return false;
    queued.unschedulablePlugins = new Set([...queued.unschedulablePlugins, gate.name]);
    this.#unschedulable.set(queued);
    this.#options.incoming('gated', label);
    return true;
  }
}

function firstGate({ pod }: QueuedPod, plugins: readonly Plugin[]): Plugin | undefined {
  return plugins.find((plugin) => plugin.preEnqueue?.(pod) !== undefined);
}

function isGatedStill({ gatingPlugin, pod }: QueuedPod, profile: Profile): boolean {
  if (gatingPlugin === undefined) return false;
  return profile.preEnqueue.find(({ name }) => name === gatingPlugin)?.preEnqueue?.(pod) !== undefined;
}
