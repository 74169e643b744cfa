// The stages of a pod's life on a node, and what is kept about each pod while it lasts.
import type { CancelTimer } from '#base/clock.ts';
import type { Pod } from '#api/types.ts';
import type { Verdict } from '../status/pod-status.ts';

/**
 * - `syncing`: brought to what its spec says.
 * - `terminating`: its containers are being stopped.
 * - `terminated`: nothing runs; volumes and cgroups are given back.
 * - `finished`: nothing is left but the pod's object.
 */
export type PodStage = 'syncing' | 'terminating' | 'terminated' | 'finished';

/** What a pass found out. */
export type PassOutcome =
  /** Nothing to do until something changes. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'again'; readonly inMs: number }
  /** All containers have ended and none will be started, or the verdict ends them: the pod is over. */
  | { readonly kind: 'over'; readonly verdict: Verdict | undefined };

export interface PodSteps {
  /** Brings the pod to its spec. `signal` aborts when the pod is to be ended. */
  sync(pod: Pod, signal: AbortSignal): Promise<PassOutcome>;
  /** Stops all containers within `graceSeconds`. `signal` aborts when there is less time than was thought. */
  terminate(pod: Pod, stop: Stop, signal: AbortSignal): Promise<void>;
  /** Gives back what the pod used on the node. */
  release(pod: Pod): Promise<void>;
  /** The worker is gone: the pod's object, its source or its containers are no more. */
  forget(pod: Pod): Promise<void>;
}

export interface Stop {
  readonly graceSeconds: number;
  /** Why the kubelet ends the pod of its own accord. */
  readonly verdict: Verdict | undefined;
}

export interface StopRequest {
  readonly graceSeconds?: number;
  readonly verdict?: Verdict;
}

export interface Worker {
  pod: Pod;
  stage: PodStage;
  /** No source has the pod any more; or it is back, but what was there before ends first. */
  removed: boolean;
  /** It is back: a static pod whose manifest went and came again. Source: podSyncStatus restartRequested. */
  returned: boolean;
  override: number | undefined;
  verdict: Verdict | undefined;
  /** Seconds, once it is terminating. */
  grace: number | undefined;
  wanted: boolean;
  /** What a source said since the last pass: that there is the pod, or that it is another. */
  changed: 'create' | 'update' | undefined;
  running: boolean;
  abort: AbortController;
  timer: CancelTimer | undefined;
  failures: number;
  /** Resolves when it has left `terminating`. */
  readonly stopped: PromiseWithResolvers<void>;
  /** Resolves when what it used on the node was given back. */
  readonly released: PromiseWithResolvers<void>;
}

/** Least time a pod gets. Source: calculateEffectiveGracePeriod. */
export const MIN_GRACE_SECONDS = 1;

/** Seconds; Source: calculateEffectiveGracePeriod. */
export function effectiveGrace({ pod, override }: Worker): number {
  const own = pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? MIN_GRACE_SECONDS;
  return Math.max(MIN_GRACE_SECONDS, Math.min(Number(own), override ?? Infinity));
}

export function newWorker(pod: Pod): Worker {
  return {
    pod,
    stage: 'syncing',
    removed: false,
    returned: false,
    override: undefined,
    verdict: undefined,
    grace: undefined,
    wanted: false,
    changed: undefined,
    running: false,
    abort: new AbortController(),
    timer: undefined,
    failures: 0,
    stopped: Promise.withResolvers(),
    released: Promise.withResolvers(),
  };
}
