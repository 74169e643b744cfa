// What keeps the cluster process of a machine running, and what every keeper has in common: keeper.sh with a log to write
// to and nothing left of an earlier start.
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CHECKOUT } from '../checkout.ts';
import type { Paths } from './paths.ts';

/**
 * Keeps one command running for one data folder, and starts it again whenever it ends, until it is stopped. Every command of Proa
 * may make a Keeper of its own: what it knows is on the machine, not in the object.
 */
export interface Keeper {
  /** Whether the command is being kept running now. What a crash or an earlier boot left behind counts for nothing. */
  running(): boolean;
  /**
   * Begins to keep `command`, beyond the life of this process; `paths.progress` and `paths.ended` begin empty, its output
   * goes to `paths.log`. Not to be called while one is running. @throws KeeperError
   */
  start(command: readonly string[]): void;
  /**
   * Ends the command in good order and the keeping with it, also across a reboot. Safe to repeat.
   * @returns whether there was one to stop
   */
  stop(): Promise<boolean>;
  /** Takes away what `start` put on the machine outside of Proa's own folders. After `stop`; safe to repeat. */
  remove(): void;
}

export class KeeperError extends Error {
  override readonly name = 'KeeperError';
}

/** Time for a shutdown in good order: watches end, the last writes are flushed. */
export const STOP_DEADLINE_MS = 30_000;

/** The command line that keeps `command` running. */
export function keptCommand({ ended }: Pick<Paths, 'ended'>, command: readonly string[]): readonly [string, ...string[]] {
  return [join(CHECKOUT, 'src/cluster/instance/keeper.sh'), ended, ...command];
}

export function clearForStart({ progress, ended, log }: Paths): void {
  for (const file of [progress, log]) mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  for (const file of [progress, ended]) rmSync(file, { force: true });
  closeSync(openSync(log, 'a', 0o600)); // it may tell secrets: nobody else may be the one to make it
}
