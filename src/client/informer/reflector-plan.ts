// What a reflector does next: list, stream a list, watch, or pause first. Pure; ./reflector.ts carries it out.
import { isStatusError } from '#apimachinery/errors.ts';
import type { BackoffPolicy } from '../backoff.ts';
import { ConnectionError, isConnectionRefused } from '../contract.ts';

/** Source: reflector.go defaultBackoff*. */
export const REFLECTOR_BACKOFF: BackoffPolicy = { initialMs: 800, maxMs: 30_000, factor: 2, jitter: 1, resetAfterMs: 120_000 };

/**
 * While nobody listens. Upstream waits as after any other fault; but to be refused costs the server nothing, all reflectors
 * of a transport share each attempt, and the sooner they are back, the less they have missed.
 */
export const REFUSED_BACKOFF: BackoffPolicy = { initialMs: 100, maxMs: 2_000, factor: 2, jitter: 1, resetAfterMs: 120_000 };

/** A watch that ended sooner, without an event, tells of a fault. Source: VeryShortWatchError. */
const VERY_SHORT_WATCH_MS = 1_000;

export interface ReflectorState {
  /** The copy is complete up to here; empty before the first list. */
  readonly resourceVersion: string;
  /** The server could not list at `resourceVersion` (compacted, or not reached yet): ask for the newest state. */
  readonly versionUnavailable: boolean;
  /** `refused`: the server does not know sendInitialEvents. */
  readonly streamingList: 'try' | 'refused';
  /** The first list came in pages: the server has no watch cache, so later lists are paged too. */
  readonly paginated: boolean;
}

export const INITIAL_STATE: ReflectorState = { resourceVersion: '', versionUnavailable: false, streamingList: 'try', paginated: false };

export type Step =
  /** A watch whose first events are the list; once synced it goes on as the watch. */
  | { readonly kind: 'stream-list'; readonly resourceVersion: string }
  /** `pageSize` 0: everything in one answer. */
  | { readonly kind: 'list'; readonly resourceVersion: string; readonly pageSize: number }
  | { readonly kind: 'watch'; readonly resourceVersion: string };

export type Outcome =
  | { readonly kind: 'listed'; readonly resourceVersion: string; readonly paginated: boolean }
  /**
   * The stream is over, for `error` if there is one. `synced`: the copy was complete (always so for a plain watch).
   * `resourceVersion`: as far as the copy is complete. `events`: how many came, bookmarks included.
   */
  | {
      readonly kind: 'ended';
      readonly synced: boolean;
      readonly resourceVersion: string;
      readonly events: number;
      readonly lastedMs: number;
      readonly error?: unknown;
    }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface Decision {
  readonly state: ReflectorState;
  readonly step: Step;
  readonly pause: 'none' | 'backoff' | 'refused';
}

export const PAUSES = { backoff: REFLECTOR_BACKOFF, refused: REFUSED_BACKOFF } as const;

/** Source: pager.go defaultPageSize. */
const PAGE_SIZE = 500;

const isExpired = (error: unknown): boolean => isStatusError(error, 'Expired') || isStatusError(error, 'Gone');

/** Source: isTooLargeResourceVersionError. */
const isTooLarge = (error: unknown): boolean =>
  isStatusError(error) && (error.details?.causes ?? []).some((cause) => cause.reason === 'ResourceVersionTooLarge');

/** The server did not answer or has no room: what was asked is still right. Source: isWatchErrorRetriable. */
const isTransient = (error: unknown): boolean => error instanceof ConnectionError || isStatusError(error, 'TooManyRequests');

/** The server says the request itself is wrong, as one that does not know streaming lists does. */
const isRefusal = (error: unknown): boolean => isStatusError(error, 'Invalid') || isStatusError(error, 'BadRequest');

/** Source: rewatchResourceVersion and relistResourceVersion. */
function listStep(state: ReflectorState): Step {
  const { resourceVersion, versionUnavailable, streamingList } = state;
  if (streamingList === 'try') return { kind: 'stream-list', resourceVersion: versionUnavailable ? '' : resourceVersion };
  return plainList(state);
}

function plainList({ resourceVersion, versionUnavailable, paginated }: ReflectorState): Step {
  const at = versionUnavailable ? '' : resourceVersion === '' ? '0' : resourceVersion;
  // A list at a version is served from the server's cache only when it is not paged.
  return { kind: 'list', resourceVersion: at, pageSize: paginated || at === '' || at === '0' ? PAGE_SIZE : 0 };
}

export const firstStep = (state: ReflectorState): Decision => ({ state, step: listStep(state), pause: 'none' });

/** The next step after `step` came to `outcome`. Source: Reflector.ListAndWatchWithContext, watchList, list, watch. */
export function decide(state: ReflectorState, step: Step, outcome: Outcome): Decision {
  const decision = decideStep(state, step, outcome);
  const refused = decision.pause === 'backoff' && outcome.kind !== 'listed' && isConnectionRefused(outcome.error);
  return refused ? { ...decision, pause: 'refused' } : decision;
}

function decideStep(state: ReflectorState, step: Step, outcome: Outcome): Decision {
  if (outcome.kind === 'listed') {
    const { resourceVersion } = outcome;
    const paginated = state.paginated || (outcome.paginated && step.resourceVersion === '0');
    return {
      state: { ...state, resourceVersion, versionUnavailable: false, paginated },
      step: { kind: 'watch', resourceVersion },
      pause: 'none',
    };
  }
  if (outcome.kind === 'ended' && outcome.synced) return afterWatch(state, outcome);
  const error = outcome.error ?? new ConnectionError('the stream ended before the list was complete');
  return afterFailedList(state, step, error);
}

function afterWatch(state: ReflectorState, ended: Outcome & { readonly kind: 'ended' }): Decision {
  const { resourceVersion, error, events, lastedMs } = ended;
  const at: ReflectorState = { ...state, resourceVersion, versionUnavailable: false };
  const resume: Step = { kind: 'watch', resourceVersion };
  const abrupt = events === 0 && lastedMs < VERY_SHORT_WATCH_MS;
  if (error === undefined) return abrupt ? { state: at, step: listStep(at), pause: 'backoff' } : { state: at, step: resume, pause: 'none' };
  if (error instanceof ConnectionError) return { state: at, step: resume, pause: abrupt ? 'backoff' : 'none' };
  if (isTransient(error)) return { state: at, step: resume, pause: 'backoff' };
  return { state: at, step: listStep(at), pause: 'backoff' };
}

function afterFailedList(state: ReflectorState, step: Step, error: unknown): Decision {
  if (isTransient(error)) return { state, step: listStep(state), pause: 'backoff' };
  if (isExpired(error) || isTooLarge(error)) {
    const next: ReflectorState = { ...state, versionUnavailable: true };
    const retried = step.resourceVersion === '' ? 'backoff' : 'none';
    return { state: next, step: step.kind === 'list' ? plainList(next) : listStep(next), pause: retried };
  }
  if (step.kind !== 'stream-list') return { state, step: listStep(state), pause: 'backoff' };
  const next: ReflectorState = isRefusal(error) ? { ...state, streamingList: 'refused' } : state;
  return { state: next, step: plainList(next), pause: 'none' };
}
