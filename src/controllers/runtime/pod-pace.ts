// How fast a controller creates and deletes pods: as fast as nodes take them in and let them go. More would only wait in line,
// each pod longer than the one before, and what nodes have begun would wait among it.
import type { CancelTimer, Clock } from '#base/clock.ts';
import { findCondition } from '#api/conditions.ts';
import type { Pod } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';

/** Writes under way at a time. */
const MOST_UNDER_WAY = 32;
/** Those and pods that are on their way, at most and where nodes are behind. */
const MOST_ON_THEIR_WAY = 256;
const FEWEST_ON_THEIR_WAY = 32;
/**
 * A new pod counts so long at most, and when none of those before arrives within that time either, no number of them is too
 * many: nodes or a scheduler that do not work hold nobody up. Milliseconds.
 */
const LONGEST_COMING_MS = 5000;
/** A pod that goes, likewise; containers may use all of their grace. */
const LONGEST_GOING_MS = 2000;
/** Of the 5 s that a start may take (community sig-scalability/slos/pod_startup_latency.md) most are for the tail. Milliseconds. */
const PROMPT_MS = 1000;

export interface PodPaceDeps {
  readonly pods: Informer<Pod>;
  readonly clock: Clock;
  /** Aborted: nobody waits any more. */
  readonly signal: AbortSignal;
}

export interface CreationPace {
  /** Calls `create` when there is room, for each owner in turn. */
  run(owner: string, create: () => Promise<Pod>): Promise<Pod>;
}

/** A pod is on its way from its creation until a kubelet has it, nobody will have it for now, or it goes again. */
export function creationPace({ pods, clock, signal }: PodPaceDeps): CreationPace {
  const pace = new Pace({ clock, signal, longestMs: LONGEST_COMING_MS, promptMs: PROMPT_MS, boundWithoutArrivals: false });
  const look = (pod: Pod): void => {
    if (isTakenIn(pod)) pace.arrived(pod.metadata.uid);
  };
  pods.addHandlers({ added: look, updated: look, deleted: ({ metadata }) => pace.arrived(metadata.uid) });
  return {
    run: (owner, create) =>
      pace.run(owner, create, (pod) => {
        const { name, namespace, uid } = pod.metadata;
        const seen = pods.get(name, namespace);
        // It may have been taken in before its creator heard of it.
        return isTakenIn(seen?.metadata.uid === uid ? seen : pod) ? undefined : uid;
      }),
  };
}

export interface DeletionPace {
  /** Calls `remove` when there is room, for each owner in turn. */
  run<T>(owner: string, pod: Pod, remove: () => Promise<T>): Promise<T>;
}

/** A pod is on its way from its deletion until nothing is left of it. None is late: its containers have their grace. */
export function deletionPace({ pods, clock, signal }: PodPaceDeps): DeletionPace {
  const pace = new Pace({ clock, signal, longestMs: LONGEST_GOING_MS, promptMs: Infinity, boundWithoutArrivals: true });
  pods.addHandlers({ deleted: ({ metadata }) => pace.arrived(metadata.uid) });
  return {
    run: (owner, { metadata: { name, namespace, uid } }, remove) =>
      pace.run(owner, remove, () => (pods.get(name, namespace)?.metadata.uid === uid ? uid : undefined)),
  };
}

function isTakenIn({ metadata, status }: Pod): boolean {
  return (
    status.startTime !== undefined ||
    (status.phase ?? 'Pending') !== 'Pending' ||
    metadata.deletionTimestamp !== undefined ||
    findCondition(status.conditions, 'PodScheduled')?.status === 'False'
  );
}

interface PaceDeps {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A pod counts so long at most, milliseconds. */
  readonly longestMs: number;
  /** A pod that takes longer to arrive is late: one fewer may be on its way. One that is not makes room for one more. */
  readonly promptMs: number;
  /** Whether the bound stands while pods stop counting without one that arrives. */
  readonly boundWithoutArrivals: boolean;
}

/**
 * Half of the pods arrive in time at least, or few are on their way.
 * When a call begins underWay ≤ MOST_UNDER_WAY and, unless boundless, underWay + onTheirWay ≤ most;
 * FEWEST_ON_THEIR_WAY ≤ most ≤ MOST_ON_THEIR_WAY.
 */
class Pace {
  readonly #deps: PaceDeps;
  #underWay = 0;
  #most = MOST_ON_THEIR_WAY;
  /** Since when, by uid, monotonic milliseconds; the oldest first. */
  readonly #onTheirWay = new Map<string, number>();
  /** By uid: those that count no more, and may arrive yet. */
  readonly #overdue = new Set<string>();
  /** Monotonic milliseconds. */
  #lastArrival = -Infinity;
  #boundless = false;
  /** By owner; the first owner is next, with its first call. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #cancelTimer: CancelTimer | undefined;

  constructor(deps: PaceDeps) {
    this.#deps = deps;
    deps.signal.addEventListener('abort', () => this.#admit(), { once: true });
  }

  /** `uidOf`: of the pod that is on its way now; undefined when it has arrived. */
  async run<T>(owner: string, write: () => Promise<T>, uidOf: (written: T) => string | undefined): Promise<T> {
    if (this.#hasRoom) this.#underWay++;
    else await this.#turn(owner);
    const since = this.#deps.clock.monotonic();
    try {
      const written = await write();
      const uid = uidOf(written);
      if (uid === undefined) this.#arrivedAfter(since);
      else {
        this.#onTheirWay.set(uid, since);
        this.#arm();
      }
      return written;
    } finally {
      this.#underWay--;
      this.#admit();
    }
  }

  arrived(uid: string): void {
    const since = this.#onTheirWay.get(uid);
    if (since === undefined) {
      if (this.#overdue.delete(uid)) this.#noteArrival();
      return;
    }
    this.#onTheirWay.delete(uid);
    this.#arrivedAfter(since);
    if (this.#onTheirWay.size === 0) this.#disarm();
    this.#admit();
  }

  #arrivedAfter(since: number): void {
    this.#noteArrival();
    this.#judge(since);
  }

  #noteArrival(): void {
    this.#lastArrival = this.#deps.clock.monotonic();
    this.#boundless = false;
  }

  #judge(since: number): void {
    const { clock, promptMs } = this.#deps;
    if (clock.monotonic() - since > promptMs) this.#most = Math.max(FEWEST_ON_THEIR_WAY, this.#most - 1);
    else this.#most = Math.min(MOST_ON_THEIR_WAY, this.#most + 1);
  }

  get #hasRoom(): boolean {
    if (this.#deps.signal.aborted) return true;
    return this.#underWay < MOST_UNDER_WAY && (this.#boundless || this.#underWay + this.#onTheirWay.size < this.#most);
  }

  #turn(owner: string): Promise<void> {
    return new Promise((resolve) => {
      const calls = this.#waiting.get(owner);
      if (calls === undefined) this.#waiting.set(owner, [resolve]);
      else calls.push(resolve);
    });
  }

  #admit(): void {
    while (this.#waiting.size > 0 && this.#hasRoom) {
      const [owner, calls] = this.#waiting.entries().next().value as [string, (() => void)[]];
      const call = calls.shift();
      this.#waiting.delete(owner);
      if (calls.length > 0) this.#waiting.set(owner, calls);
      this.#underWay++;
      call?.();
    }
  }

  #arm(): void {
    if (this.#cancelTimer !== undefined) return;
    const [oldest] = this.#onTheirWay.values();
    if (oldest === undefined) return;
    const { clock, longestMs } = this.#deps;
    this.#cancelTimer = clock.after(Math.max(0, Math.ceil(oldest + longestMs - clock.monotonic())), () => this.#expire());
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #expire(): void {
    this.#cancelTimer = undefined;
    const end = this.#deps.clock.monotonic() - this.#deps.longestMs;
    for (const [uid, since] of this.#onTheirWay) {
      if (since > end) break;
      this.#onTheirWay.delete(uid);
      this.#overdue.add(uid);
      this.#judge(since);
    }
    this.#boundless = !this.#deps.boundWithoutArrivals && this.#lastArrival <= end;
    this.#arm();
    this.#admit();
  }
}
