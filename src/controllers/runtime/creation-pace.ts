// How fast a controller creates pods: as fast as they are taken in. More would only wait in line, each pod longer than the
// one before, with everybody else's requests behind them.
import type { CancelTimer, Clock } from '#base/clock.ts';
import { findCondition } from '#api/conditions.ts';
import type { Pod } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';

/** Creations under way at a time. */
const MOST_UNDER_WAY = 32;
/** Those and pods that nobody has taken in yet. */
const MOST_ON_THEIR_WAY = 256;
/** A pod counts so long at most: a node or a scheduler that does not work holds nobody up. Milliseconds. */
const ON_ITS_WAY_MS = 5000;

/** A kubelet has it, nobody will have it for now, or it goes again. */
function isTakenIn({ metadata, status }: Pod): boolean {
  return (
    status.startTime !== undefined ||
    (status.phase ?? 'Pending') !== 'Pending' ||
    metadata.deletionTimestamp !== undefined ||
    findCondition(status.conditions, 'PodScheduled')?.status === 'False'
  );
}

export interface CreationPaceDeps {
  readonly pods: Informer<Pod>;
  readonly clock: Clock;
  /** Aborted: nobody waits any more. */
  readonly signal: AbortSignal;
}

export class CreationPace {
  readonly #deps: CreationPaceDeps;
  #underWay = 0;
  /** When they were created, by uid, monotonic milliseconds; the oldest first. */
  readonly #onTheirWay = new Map<string, number>();
  /** By owner; the first owner is next, with its first call. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #cancelTimer: CancelTimer | undefined;

  constructor(deps: CreationPaceDeps) {
    this.#deps = deps;
    const look = (pod: Pod): void => {
      if (isTakenIn(pod)) this.#takenIn(pod.metadata.uid);
    };
    deps.pods.addHandlers({ added: look, updated: look, deleted: ({ metadata }) => this.#takenIn(metadata.uid) });
    deps.signal.addEventListener('abort', () => this.#admit(), { once: true });
  }

  /** Calls `create` when there is room, for each owner in turn. */
  async run(owner: string, create: () => Promise<Pod>): Promise<Pod> {
    if (this.#hasRoom) this.#underWay++;
    else await this.#turn(owner);
    try {
      const pod = await create();
      this.#created(pod);
      return pod;
    } finally {
      this.#underWay--;
      this.#admit();
    }
  }

  get #hasRoom(): boolean {
    if (this.#deps.signal.aborted) return true;
    return this.#underWay < MOST_UNDER_WAY && this.#underWay + this.#onTheirWay.size < MOST_ON_THEIR_WAY;
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

  #created(pod: Pod): void {
    const { name, namespace, uid } = pod.metadata;
    const seen = this.#deps.pods.get(name, namespace);
    // It may have been taken in before its creator heard of it.
    if (isTakenIn(seen?.metadata.uid === uid ? seen : pod)) return;
    this.#onTheirWay.set(uid, this.#deps.clock.monotonic());
    this.#arm();
  }

  #takenIn(uid: string): void {
    if (!this.#onTheirWay.delete(uid)) return;
    if (this.#onTheirWay.size === 0) this.#disarm();
    this.#admit();
  }

  #arm(): void {
    if (this.#cancelTimer !== undefined) return;
    const [oldest] = this.#onTheirWay.values();
    if (oldest === undefined) return;
    const { clock } = this.#deps;
    this.#cancelTimer = clock.after(Math.ceil(oldest + ON_ITS_WAY_MS - clock.monotonic()), () => this.#expire());
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #expire(): void {
    this.#cancelTimer = undefined;
    const end = this.#deps.clock.monotonic() - ON_ITS_WAY_MS;
    for (const [uid, since] of this.#onTheirWay) {
      if (since > end) break;
      this.#onTheirWay.delete(uid);
    }
    this.#arm();
    this.#admit();
  }
}
