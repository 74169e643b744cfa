// The running cluster of this machine as other commands see it: is it up, start it, stop it.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import { isRunning, processIdentity, stopProcess } from '../machine/processes.ts';
import type { Paths } from './paths.ts';

/** Time for a shutdown in good order: watches end, the last writes are flushed. */
const STOP_DEADLINE_MS = 30_000;

export interface Keeper {
  readonly pid: number;
  readonly identity: string;
}

/** The keeper that runs now, or undefined. A file left by a crash or an earlier boot counts for nothing. */
export function runningKeeper(paths: Paths): Keeper | undefined {
  if (!existsSync(paths.keeper)) return undefined;
  const keeper = JSON.parse(readFileSync(paths.keeper, 'utf8')) as Keeper;
  return isRunning(keeper.pid, keeper.identity) ? keeper : undefined;
}

/** Starts `command` under a keeper that outlives this process. */
export function startKeeper(paths: Paths, command: readonly string[], env: NodeJS.ProcessEnv): Keeper {
  for (const file of [paths.keeper, paths.log]) mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  rmSync(paths.progress, { force: true });
  const log = openSync(paths.log, 'a', 0o600);
  const child = spawn(join(import.meta.dirname, 'keeper.sh'), [...command], { detached: true, stdio: ['ignore', log, log], env });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new Error(`the keeper ${join(import.meta.dirname, 'keeper.sh')} cannot be started`);
  const keeper = { pid: child.pid, identity: processIdentity(child.pid) };
  replaceJson(paths.keeper, keeper);
  return keeper;
}

/** @returns whether there was one to stop */
export async function stopKeeper(paths: Paths, clock: Clock): Promise<boolean> {
  const keeper = runningKeeper(paths);
  if (keeper !== undefined) await stopProcess(keeper.pid, clock, STOP_DEADLINE_MS);
  rmSync(paths.keeper, { force: true });
  return keeper !== undefined;
}

/** Readers see the old content or the new one. */
export function replaceJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify(value));
  renameSync(`${path}.new`, path);
}
