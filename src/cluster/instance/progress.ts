// What the node process has reached while it starts; `proa up` shows it and waits for its end.
import { existsSync, readFileSync, unwatchFile, watch, watchFile } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '#base/clock.ts';
import { isSystemError } from '#base/system-error.ts';
import { isRunning, processIdentity } from '../machine/processes.ts';
import { readJsonIfWhole, replaceJson } from './json-file.ts';
import type { Paths } from './paths.ts';

/** In the order they are reached. */
export const STEPS = ['certificates', 'API server', 'control plane', 'container runtime', 'node agent', 'node ready'] as const;

/** Where nothing tells of a change. Milliseconds. */
const LOOK_EVERY_MS = 100;

export type Step = (typeof STEPS)[number];

export interface Progress {
  readonly pid: number;
  /** With the pid, tells its process from all others: the file outlives it. */
  readonly identity: string;
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
    this.#progress = { pid, identity: processIdentity(pid), done: [] };
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

/** Undefined when nothing tells of it, or nothing whole. */
export function readProgress({ progress }: Pick<Paths, 'progress'>): Progress | undefined {
  return readJsonIfWhole<Progress>(progress);
}

/** Whether the process that tells of itself still runs. */
export function isAlive({ pid, identity }: Progress): boolean {
  return isRunning(pid, identity);
}

/** Whether it runs and has done it all. */
export function isReady(progress: Progress | undefined): boolean {
  return progress?.done.length === STEPS.length && isAlive(progress);
}

/** A start as it is seen from outside. */
export interface Start {
  readonly progress: Progress | undefined;
  /** Exit status of a process that ended by itself before it was told to, by what its keeper says; 128 and more: a signal. */
  readonly ended: number | undefined;
}

/** Calls `changed` whenever the start may have changed, at once and then on every write, until the signal aborts. */
export function followStart(paths: Paths, changed: (start: Start) => void, signal: AbortSignal): void {
  const ended = (): number | undefined => (existsSync(paths.ended) ? Number(readFileSync(paths.ended, 'utf8')) : undefined);
  const tell = (): void => changed({ progress: readProgress(paths), ended: ended() });
  try {
    watch(dirname(paths.progress), { signal }, tell).on('error', () => {
      // AbortError when the signal fires; the folder itself is ours and stays
    });
  } catch (error) {
    if (!isSystemError(error)) throw error; // the kernel watches no more: others of this machine watch too much
    for (const file of [paths.progress, paths.ended]) {
      watchFile(file, { interval: LOOK_EVERY_MS }, tell);
      signal.addEventListener('abort', () => unwatchFile(file, tell), { once: true });
    }
  }
  tell();
}
