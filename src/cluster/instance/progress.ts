// What the node process has reached while it starts; `proa up` shows it and waits for its end.
import { existsSync, readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '#base/clock.ts';
import { replaceJson } from './keeper.ts';
import type { Paths } from './paths.ts';

/** In the order they are reached. */
export const STEPS = ['certificates', 'API server', 'control plane', 'container runtime', 'node agent', 'node ready'] as const;

export type Step = (typeof STEPS)[number];

export interface Progress {
  readonly pid: number;
  /** Steps done, each with the milliseconds since the process started. */
  readonly done: readonly { readonly step: Step; readonly afterMs: number }[];
  /** Set when start-up failed: one line, and what to do about it. */
  readonly failure?: string;
}

export class ProgressReport {
  #progress: Progress;
  readonly #path: string;
  readonly #clock: Clock;

  constructor(paths: Paths, clock: Clock, pid: number) {
    this.#path = paths.progress;
    this.#clock = clock;
    this.#progress = { pid, done: [] };
    this.#publish();
  }

  reached(step: Step): void {
    this.#progress = { ...this.#progress, done: [...this.#progress.done, { step, afterMs: Math.round(this.#clock.monotonic()) }] };
    this.#publish();
  }

  failed(failure: string): void {
    this.#progress = { ...this.#progress, failure };
    this.#publish();
  }

  #publish(): void {
    replaceJson(this.#path, this.#progress);
  }
}

export function readProgress(paths: Paths): Progress | undefined {
  return existsSync(paths.progress) ? (JSON.parse(readFileSync(paths.progress, 'utf8')) as Progress) : undefined;
}

/** Calls `changed` whenever the progress may have changed, at once and then on every write, until the signal aborts. */
export function followProgress(paths: Paths, changed: (progress: Progress | undefined) => void, signal: AbortSignal): void {
  const tell = (): void => changed(readProgress(paths));
  watch(dirname(paths.progress), { signal }, tell).on('error', () => {
    // AbortError when the signal fires; the folder itself is ours and stays
  });
  tell();
}
