// Overload is refused early: by priority and fairness (../flow-control), or without it by counting requests under way.
import { SYSTEM_PRIVILEGED_GROUP } from '../authentication/contract.ts';
import type { Stage, Walk } from '../chain.ts';
import { isReadOnlyVerb, type RequestContext } from '../request.ts';
import type { HookDone, PostStartHook } from '../routes/post-start-hooks.ts';
import { OverloadError } from './overload.ts';
import { isLongRunning } from './request-info.ts';

export interface FlowControl {
  /**
   * Takes a seat, perhaps after waiting for one; the result gives it back.
   * @throws OverloadError
   */
  admit(context: RequestContext): (() => void) | undefined | Promise<(() => void) | undefined>;
  /** Requests that hold seats now. */
  readonly inFlight: { readonly readOnly: number; readonly mutating: number };
  /** Further metrics, in the text format. */
  expose?(): string;
  /** What it does after its start. */
  readonly hooks?: readonly PostStartHook[];
  /** Once caches are filled. */
  start?(done: HookDone): void;
  stop?(): Promise<void>;
}

/** Source: kube-apiserver --max-requests-inflight and --max-mutating-requests-inflight. */
export const DEFAULT_MAX_READS = 400;
export const DEFAULT_MAX_WRITES = 200;

/** Seconds a refused client should wait. Source: filters.retryAfter. */
const RETRY_AFTER_SECONDS = 1;

/** Counts requests of other processes; callers in this one bound themselves. Source: WithMaxInFlightLimit. */
export class MaxInFlight implements FlowControl {
  readonly #maxReads: number;
  readonly #maxWrites: number;
  #reads = 0;
  #writes = 0;
  readonly hooks = ['max-in-flight-filter'] as const;
  readonly #releaseRead = (): void => void this.#reads--;
  readonly #releaseWrite = (): void => void this.#writes--;

  constructor({
    maxReads = DEFAULT_MAX_READS,
    maxWrites = DEFAULT_MAX_WRITES,
  }: { readonly maxReads?: number; readonly maxWrites?: number } = {}) {
    this.#maxReads = maxReads;
    this.#maxWrites = maxWrites;
  }

  start(done: HookDone): void {
    done('max-in-flight-filter');
  }

  get inFlight(): { readonly readOnly: number; readonly mutating: number } {
    return { readOnly: this.#reads, mutating: this.#writes };
  }

  admit(context: RequestContext): (() => void) | undefined {
    if (context.transport === 'loopback' || isLongRunning(context.info)) return undefined;
    // Whoever may do everything must be able to, above all when the server is overloaded.
    const exempt = context.user.groups.includes(SYSTEM_PRIVILEGED_GROUP);
    if (isReadOnlyVerb(context.info.verb) || context.info.verb === 'head') {
      if (this.#reads >= this.#maxReads && !exempt) throw new OverloadError(RETRY_AFTER_SECONDS);
      this.#reads++;
      return this.#releaseRead;
    }
    if (this.#writes >= this.#maxWrites && !exempt) throw new OverloadError(RETRY_AFTER_SECONDS);
    this.#writes++;
    return this.#releaseWrite;
  }
}

export const flowControlStage: Stage = {
  name: 'flow control',
  run(walk, deps) {
    const seat = deps.flowControl.admit(walk.context);
    if (seat instanceof Promise) return seat.then((release) => hold(walk, release));
    hold(walk, seat);
  },
};

function hold(walk: Walk, release: (() => void) | undefined): void {
  if (release === undefined) return;
  walk.onFinish(release);
  if (walk.context.info.verb === 'watch') walk.onStream(release);
}
