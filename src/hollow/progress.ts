// pure
// How far a pod on a hollow node has come, and what comes next. What it says of that to the API: ./pod-status.ts.
import { parseTime } from '#apimachinery/time.ts';
import { findCondition } from '#api/conditions.ts';
import { isPodTerminal } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import { draw, runOf, type Stages } from './stages.ts';

/** All times are milliseconds since the epoch. */
export interface Run {
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
}

interface Started {
  /** When the node took the pod in. */
  readonly takenAt: number;
  readonly restarts: number;
  /** How the containers ended the last time. */
  readonly last?: Run;
}

export type Progress =
  | (Started & { readonly at: 'waiting'; readonly due: number })
  | (Started & { readonly at: 'running'; readonly startedAt: number; readonly due: number; readonly endsAt: number })
  | (Started & { readonly at: 'ready'; readonly startedAt: number; readonly readyAt: number; readonly endsAt: number })
  | (Started & { readonly at: 'ended'; readonly last: Run });

export type Step =
  /** Nothing will happen by itself. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'wait'; readonly until: number }
  /** This is how far it has come; the API must be told. */
  | { readonly kind: 'tell'; readonly progress: Progress };

/** Pauses before containers that ended again and again start anew, doubled each time. Source: kubelet backOffPeriod, MaxContainerBackOff. */
const BACKOFF_MIN_MS = 10_000;
const BACKOFF_MAX_MS = 300_000;

export interface Moment {
  readonly stages: Stages;
  readonly now: number;
  /** A number in [0, 1), drawn anew each time. */
  readonly chance: () => number;
}

/** A pod that is seen for the first time: new, or begun by an earlier process. */
export function begin(pod: Pod, { stages, now, chance }: Moment): Progress {
  const { startTime, containerStatuses = [], conditions } = pod.status ?? {};
  const [first] = containerStatuses;
  const takenAt = startTime === undefined || startTime === null ? now : parseTime(startTime);
  const restarts = first?.restartCount ?? 0;
  const ended = first?.state?.terminated;
  if (isPodTerminal(pod))
    return {
      at: 'ended',
      takenAt,
      restarts,
      last: { startedAt: takenAt, finishedAt: timeOf(ended?.finishedAt, now), exitCode: ended?.exitCode ?? 0 },
    };
  const startedAt = timeOf(first?.state?.running?.startedAt, undefined);
  if (startedAt === undefined) return { at: 'waiting', takenAt, restarts, due: now + draw(stages.start, chance()) };
  const ready = findCondition(conditions, 'Ready');
  const endsAt = startedAt + lengthOf(pod, stages, chance);
  return ready?.status === 'True'
    ? { at: 'ready', takenAt, restarts, startedAt, readyAt: timeOf(ready.lastTransitionTime, now), endsAt }
    : { at: 'running', takenAt, restarts, startedAt, due: now + draw(stages.ready, chance()), endsAt };
}

/** What is due for a pod that has come so far. */
export function nextStep(pod: Pod, progress: Progress, moment: Moment): Step {
  const due = dueOf(progress);
  if (due === Infinity) return { kind: 'rest' };
  if (moment.now < due) return { kind: 'wait', until: due };
  return { kind: 'tell', progress: advance(pod, progress, moment) };
}

function dueOf(progress: Progress): number {
  switch (progress.at) {
    case 'waiting':
      return progress.due;
    case 'running':
      return Math.min(progress.due, progress.endsAt);
    case 'ready':
      return progress.endsAt;
    case 'ended':
      return Infinity;
  }
}

/** Stages that take no time are passed at once, so that one write tells of them all. */
function advance(pod: Pod, progress: Progress, moment: Moment): Progress {
  const { stages, now, chance } = moment;
  switch (progress.at) {
    case 'waiting': {
      const { due: _, ...started } = progress;
      const readyAt = now + draw(stages.ready, chance());
      const running: Progress = { ...started, at: 'running', startedAt: now, due: readyAt, endsAt: now + lengthOf(pod, stages, chance) };
      return readyAt > now ? running : advance(pod, running, moment);
    }
    case 'running': {
      if (now >= progress.endsAt) return finish(pod, progress, moment);
      const { due: _, ...running } = progress;
      return { ...running, at: 'ready', readyAt: now };
    }
    case 'ready':
      return finish(pod, progress, moment);
    case 'ended':
      return progress;
  }
}

function finish(pod: Pod, { takenAt, restarts, startedAt }: Extract<Progress, { readonly startedAt: number }>, moment: Moment): Progress {
  const { stages, now, chance } = moment;
  const exitCode = chance() < stages.failureRate ? stages.failureExitCode : stages.exitCode;
  const last: Run = { startedAt, finishedAt: now, exitCode };
  const { restartPolicy } = pod.spec;
  if (restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && exitCode === 0)) return { at: 'ended', takenAt, restarts, last };
  // The first restart comes at once.
  const pause = restarts === 0 ? 0 : Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** (restarts - 1));
  return { at: 'waiting', takenAt, restarts: restarts + 1, last, due: now + pause + draw(stages.start, chance()) };
}

/** How long the containers run, milliseconds. */
function lengthOf(pod: Pod, stages: Stages, chance: () => number): number {
  const run = runOf(pod, stages);
  return run === undefined ? Infinity : draw(run, chance());
}

function timeOf<F>(text: string | null | undefined, fallback: F): number | F {
  return text === undefined || text === null ? fallback : parseTime(text);
}
