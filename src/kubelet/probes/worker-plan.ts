// pure
// One probe of one container as a state machine: what to do next, and what a result means. Pure.
import type { Probe } from '#api/types.ts';
import type { ProbeVerdict } from '../pod-actions/plan.ts';

export type ProbeType = 'Liveness' | 'Readiness' | 'Startup';

/** The container as the pod's newest status shows it. */
export interface ProbedContainer {
  readonly containerID: string;
  readonly running: boolean;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Its startup probe has succeeded, or it has none. */
  readonly started: boolean;
}

export interface ProbeState {
  /** Container id the verdict is about; empty before the first. */
  readonly containerID: string;
  readonly verdict: ProbeVerdict;
  readonly lastResult: 'success' | 'failure' | undefined;
  /** When the container started, by Clock.monotonic(): a clock that is set back must not make it start later. */
  readonly startedAt: number;
  /** Equal results in a row. */
  readonly run: number;
  /** The container is to be restarted: nothing more until another one is there. */
  readonly onHold: boolean;
}

export const NEW_PROBE: ProbeState = {
  containerID: '',
  verdict: 'unknown',
  lastResult: undefined,
  startedAt: 0,
  run: 0,
  onHold: false,
};

/** Verdict before the first result. Source: newWorker initialValue. */
const INITIAL: Readonly<Record<ProbeType, ProbeVerdict>> = { Liveness: 'success', Readiness: 'failure', Startup: 'unknown' };

export type Next =
  | { readonly kind: 'probe' }
  /** Not yet: look again after `ms`. */
  | { readonly kind: 'wait'; readonly ms: number }
  /** Nothing to do until the container changes. */
  | { readonly kind: 'idle' };

export interface ProbeView {
  readonly type: ProbeType;
  readonly spec: Probe;
  readonly container: ProbedContainer | undefined;
  /** The pod is being deleted. */
  readonly deleting: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Clock.monotonic() at the same moment. */
  readonly monotonic: number;
}

/** State and next step now that the container looks like this. Source: worker doProbe. */
export function look(
  state: ProbeState,
  { type, spec, container, deleting, now, monotonic }: ProbeView,
): { readonly state: ProbeState; readonly next: Next } {
  const idle = (next: ProbeState): { readonly state: ProbeState; readonly next: Next } => ({ state: next, next: { kind: 'idle' } });
  if (container === undefined || container.containerID === '') return idle(state);
  const { containerID } = container;
  const startedAt = monotonic - Math.max(0, now - container.startedAt);
  const current = state.containerID === containerID ? state : { ...NEW_PROBE, containerID, verdict: INITIAL[type], startedAt };
  if (current.onHold) return idle(current);
  if (!container.running) return idle({ ...current, verdict: 'failure' });
  if (deleting && type !== 'Readiness') return idle({ ...current, verdict: 'success' });
  const delay = current.startedAt + (spec.initialDelaySeconds ?? 0) * 1000 - monotonic;
  if (delay > 0) return { state: current, next: { kind: 'wait', ms: delay } };
  if ((type === 'Startup') === container.started) return idle(current);
  return { state: current, next: { kind: 'probe' } };
}

/** State after a result; a verdict changes only when its threshold is reached. */
export function record(state: ProbeState, type: ProbeType, spec: Probe, result: 'success' | 'failure'): ProbeState {
  const run = state.lastResult === result ? state.run + 1 : 1;
  const threshold = result === 'failure' ? spec.failureThreshold : spec.successThreshold;
  if (run < threshold) return { ...state, lastResult: result, run };
  const hold = type !== 'Readiness' && result === 'failure';
  return { ...state, verdict: result, lastResult: result, run: hold ? 0 : run, onHold: hold };
}
