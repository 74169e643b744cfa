// A keeper that is a process of its own, detached from whoever started it.
import { spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, systemClock } from '#base/clock.ts';
import { isRunning, processIdentity, stopProcess } from '../machine/processes.ts';
import { readJson, replaceJson } from './json-file.ts';
import { clearForStart, type Keeper, KeeperError, keptCommand, STOP_DEADLINE_MS } from './keeper.ts';
import type { Paths } from './paths.ts';

/** What is written down: enough to tell our process from a later one with the same pid. */
export interface KeeperProcess {
  readonly pid: number;
  readonly identity: string;
  /** Data folder of its cluster, whose settings lie there; files of before there was this say nothing. */
  readonly dataDir?: string;
}

export class DetachedKeeper implements Keeper {
  readonly #paths: Paths;
  readonly #clock: Clock;

  constructor(paths: Paths, clock: Clock = systemClock) {
    this.#paths = paths;
    this.#clock = clock;
  }

  running(): boolean {
    return this.#process() !== undefined;
  }

  start(command: readonly string[]): void {
    clearForStart(this.#paths);
    const [program, ...args] = keptCommand(this.#paths, command);
    const log = openSync(this.#paths.log, 'a');
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    child.unref();
    if (child.pid === undefined) throw new KeeperError(`the keeper ${program} cannot be started`);
    replaceJson(this.#paths.keeper, {
      pid: child.pid,
      identity: processIdentity(child.pid),
      dataDir: this.#dataDir,
    } satisfies KeeperProcess);
  }

  async stop(): Promise<boolean> {
    const keeper = this.#process();
    if (keeper !== undefined) await stopProcess(keeper.pid, this.#clock, STOP_DEADLINE_MS);
    rmSync(this.#paths.keeper, { force: true });
    return keeper !== undefined;
  }

  remove(): void {
    // All it has is in the run folder.
  }

  /** @throws KeeperError when it is damaged: a keeper nobody knows of may run */
  #written(): KeeperProcess | undefined {
    try {
      return readJson<KeeperProcess>(this.#paths.keeper);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const { keeper, ended } = this.#paths;
      throw new KeeperError(`${keeper} is damaged: end the process "keeper.sh ${ended} …" if there is one, and remove the file`);
    }
  }

  /** @throws KeeperError when it is another cluster's, which nobody meant */
  #process(): KeeperProcess | undefined {
    const keeper = this.#written();
    if (keeper === undefined || !isRunning(keeper.pid, keeper.identity)) return undefined;
    const { dataDir = this.#dataDir } = keeper;
    if (dataDir === this.#dataDir) return keeper;
    throw new KeeperError(
      `${dirname(this.#paths.keeper)} is in use by the cluster in ${dataDir}: mean that one by --data-dir, or give this one another --run-dir`,
    );
  }

  get #dataDir(): string {
    return dirname(this.#paths.settings);
  }
}
