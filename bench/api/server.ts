// The server under load: one of our own in a process of its own, or whatever a kubeconfig leads to.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePorts } from '#test/harness/ports.ts';
import { defer, type Owner } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';

const PROA = join(import.meta.dirname, '..', '..', 'bin', 'proa');

export interface OwnServer {
  readonly kubeconfig: string;
  readonly pid: number;
}

/** `proa server`: store, API server, controllers and scheduler, durable, as a user runs it. `profile`: folder for a CPU profile. @throws Error with what it said */
export async function startOwnServer(owner: Owner, profile?: string): Promise<OwnServer> {
  const folder = temporaryFolder(owner);
  const data = join(folder, 'data');
  const [port] = await freePorts(1);
  const flags = [`--data-dir=${data}`, `--run-dir=${join(folder, 'run')}`, `--port=${port}`];
  const env = profile === undefined ? process.env : { ...process.env, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` };
  const child = spawn(PROA, ['server', ...flags], { stdio: ['ignore', 'ignore', 'pipe'], env });
  const ended = once(child, 'exit');
  defer(owner, async () => {
    child.kill();
    await ended;
  });
  const said: string[] = [];
  const ready = new Promise<void>((resolve) => {
    createInterface(child.stderr).on('line', (line) => {
      if (said.length < 100) said.push(line);
      if (line.includes('"msg":"ready"')) resolve();
    });
  });
  const early = ended.then(() => Promise.reject(new Error(`the server ended:\n${said.join('\n')}`)));
  early.catch(() => {}); // it ends at last, too
  await Promise.race([ready, early]);
  return { kubeconfig: join(data, 'admin.kubeconfig'), pid: child.pid as number };
}

/** What the processes of a server use together, from `/proc` of the machine it shares with the load. */
export class ServerProcesses {
  readonly #pids: readonly number[];

  constructor(pids: readonly number[]) {
    this.#pids = pids;
  }

  /** Whether there is anything to say; without any process all figures are NaN. */
  get known(): boolean {
    return this.#pids.length > 0;
  }

  /** Resident bytes. */
  resident(): number {
    return this.#sum((pid) => statusBytes(pid, 'VmRSS'));
  }

  /** Resident bytes at most since `forgetPeak`; of several processes the sum of each one's most. */
  peak(): number {
    return this.#sum((pid) => statusBytes(pid, 'VmHWM'));
  }

  /** Source: proc(5), clear_refs. */
  forgetPeak(): void {
    for (const pid of this.#pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
  }

  /** Processor seconds used since they began. */
  processorSeconds(): number {
    return this.#sum(processorSeconds);
  }

  #sum(figure: (pid: number) => number): number {
    return this.known ? this.#pids.reduce((sum, pid) => sum + figure(pid), 0) : Number.NaN;
  }
}

function statusBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
}

/** Processor seconds a process has used. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
