// Proa's own containerd: started once a boot, left running when Proa stops or dies, so containers never notice.
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { CriClient } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import { lastWords } from '../instance/last-words.ts';
import { textSince } from '../instance/log-files.ts';
import { type ContainerdConfig, containerdToml } from './containerd-config.ts';
import { systemdRuns } from '../instance/systemd-keeper.ts';
import { inOwnScope } from '../machine/own-scope.ts';
import { isRunning, onSearchPath, processIdentity, stopProcess } from '../machine/processes.ts';

/** Start-up takes about 150 ms; a machine under load may need far longer. */
const START_DEADLINE_MS = 60_000;
/** A containerd that is well answers in milliseconds, on a loaded machine later. */
const ANSWER_MS = 20_000;
/** Between attempts to connect to a socket that is about to appear. */
const CONNECT_EVERY_MS = 10;
/** After SIGTERM. */
const STOP_DEADLINE_MS = 10_000;
/** A containerd that dies again and again is restarted at most this often. */
const RESTART_PAUSE_MS = 1_000;

export class ContainerdError extends Error {
  override readonly name = 'ContainerdError';
}

const OTHER_RUNTIME = 'or name another runtime with --container-runtime-endpoint';

export interface ContainerdDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is kept in the pid file: enough to tell our process from a later one with the same pid. */
interface PidFile {
  readonly pid: number;
  readonly identity: string;
}

export class Containerd {
  readonly #config: ContainerdConfig;
  readonly #pidFile: string;
  readonly #logFile: string;
  readonly #deps: ContainerdDeps;
  #stopping = false;
  /** Whether the one that runs is of an earlier run of ours. */
  #adopted = false;
  /** Where in the log file the words of the containerd that was started last begin. Bytes. */
  #logStart = 0;

  constructor(config: ContainerdConfig, logFile: string, deps: ContainerdDeps) {
    this.#config = config;
    this.#pidFile = join(config.state, 'proa-containerd.json');
    this.#logFile = logFile;
    this.#deps = deps;
  }

  get endpoint(): string {
    return `unix://${this.#config.socket}`;
  }

  /** Of the one that runs; undefined when none does. */
  get pid(): number | undefined {
    return this.#adopt() ? this.#readPid()?.pid : undefined;
  }

  /**
   * Adopts the containerd of an earlier run, or starts one, and resolves once it accepts connections.
   * @throws ContainerdError with the way out when it cannot be started
   */
  async start(signal: AbortSignal): Promise<void> {
    this.#adopted = this.#adopt();
    if (this.#adopted) {
      this.#deps.logger.info('containerd is already running', { pid: this.#readPid()?.pid });
    } else {
      this.#launch(signal);
    }
    await this.#accepting(signal);
  }

  /** Starts it again if it is gone; called when its socket breaks. Safe to repeat. */
  async ensureRunning(signal: AbortSignal): Promise<void> {
    if (this.#stopping || this.#adopt()) return;
    this.#launch(signal);
    await this.#accepting(signal);
  }

  /**
   * Resolves once it answers as a kubelet needs it. One that was found running and hangs is started anew; what only came up
   * now finds its containers first. @throws ContainerdError with the way out when it never answers so
   */
  async answering(cri: CriClient, signal: AbortSignal): Promise<void> {
    if (this.#adopted) {
      if ((await answersWell(cri, this.#deps.clock, signal, ANSWER_MS)) === undefined) return;
      await this.restart(signal);
    }
    const problem = await answersWell(cri, this.#deps.clock, signal, START_DEADLINE_MS);
    if (problem !== undefined)
      throw new ContainerdError(
        `containerd does not answer within ${START_DEADLINE_MS / 1000} s (${problem}): mend it, ${OTHER_RUNTIME}; its log is ${this.#logFile}`,
      );
  }

  /** For one that hangs: ends it and starts another. Containers run on under their shims. @throws ContainerdError */
  async restart(signal: AbortSignal): Promise<void> {
    this.#deps.logger.warn('containerd does not answer and is started anew; its containers run on', { pid: this.pid });
    await this.#end();
    if (!this.#adopt()) this.#launch(signal);
    await this.#accepting(signal);
  }

  /** Ends containerd itself; containers go on under their shims. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    const { pid } = this;
    if (pid !== undefined) await stopProcess(pid, this.#deps.clock, STOP_DEADLINE_MS);
  }

  #readPid(): PidFile | undefined {
    try {
      return JSON.parse(readFileSync(this.#pidFile, 'utf8')) as PidFile;
    } catch {
      return undefined; // never started since boot, or cut short while written: then its socket is free as well
    }
  }

  #adopt(): boolean {
    const known = this.#readPid();
    return known !== undefined && isRunning(known.pid, known.identity);
  }

  #launch(signal: AbortSignal): void {
    const { root, state, socket, cniConfDir } = this.#config;
    for (const dir of [root, state, dirname(socket), cniConfDir, dirname(this.#logFile)]) mkdirSync(dir, { recursive: true, mode: 0o711 });
    const configFile = join(state, 'config.toml');
    writeFileSync(configFile, containerdToml(this.#config));
    if (!onSearchPath('containerd')) throw new ContainerdError(`containerd is not on PATH: apt-get install containerd, ${OTHER_RUNTIME}`);

    const log = openSync(this.#logFile, 'a', 0o600);
    this.#logStart = fstatSync(log).size;
    const [program, ...args] = inOwnScope(['containerd', '--config', configFile], 'containerd of Proa', systemdRuns());
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    child.on('error', (error) => this.#deps.logger.error('containerd cannot be started', { error }));
    if (child.pid === undefined) throw new ContainerdError(`containerd cannot be started: mend that, ${OTHER_RUNTIME}`);
    child.on('exit', (code, killedBy) => {
      if (this.#stopping || signal.aborted) return;
      this.#deps.logger.error('containerd ended', { code, signal: killedBy, log: this.#logFile });
      this.#deps.clock.after(RESTART_PAUSE_MS, () => {
        this.ensureRunning(signal).catch((error: unknown) => this.#deps.logger.error('containerd did not come back', { error }));
      });
    });
    child.unref();
    writeFileSync(this.#pidFile, JSON.stringify({ pid: child.pid, identity: processIdentity(child.pid) } satisfies PidFile));
    this.#deps.logger.info('containerd started', { pid: child.pid, socket });
  }

  async #accepting(signal: AbortSignal): Promise<void> {
    const deadline = this.#deps.clock.monotonic() + START_DEADLINE_MS;
    while (!(await connects(this.#config.socket))) {
      if (!this.#adopt()) {
        const words = lastWords(textSince(this.#logFile, this.#logStart)) ?? 'without a word';
        throw new ContainerdError(`containerd ended while starting (${words}): mend it, ${OTHER_RUNTIME}; its log is ${this.#logFile}`);
      }
      if (this.#deps.clock.monotonic() > deadline)
        throw new ContainerdError(
          `containerd does not listen on ${this.#config.socket} after ${START_DEADLINE_MS / 1000} s: mend it, ${OTHER_RUNTIME}; its log is ${this.#logFile}`,
        );
      await wait(this.#deps.clock, CONNECT_EVERY_MS, signal);
    }
  }
}

/**
 * Waits until the runtime answers as a kubelet needs it. One that has just come up first finds its containers again and says
 * of itself that it is not initialized. @returns what it said last when it did not within `patienceMs`
 * @throws ContainerdError with the way out when it never will
 */
async function answersWell(cri: CriClient, clock: Clock, signal: AbortSignal, patienceMs: number): Promise<string | undefined> {
  const deadline = clock.monotonic() + patienceMs;
  for (;;) {
    try {
      await cri.runtime.version({}, { timeoutMs: Math.max(1, deadline - clock.monotonic()), signal });
      return undefined;
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      if (error.code === 'Unimplemented')
        throw new ContainerdError(`containerd does not speak CRI v1: install containerd 1.6 or newer, ${OTHER_RUNTIME}`);
      if (clock.monotonic() >= deadline) return error.details;
      await wait(clock, CONNECT_EVERY_MS, signal);
    }
  }
}

function connects(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const attempt = connect(socket);
    attempt.once('connect', () => {
      attempt.destroy();
      resolve(true);
    });
    attempt.once('error', () => resolve(false));
  });
}
