// A long-running `proa` command whose memory and CPU are read at the end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { Scope } from '#test/harness/scope.ts';
import { defer } from '#test/harness/scope.ts';

/** Source: sysconf(_SC_CLK_TCK) on Linux. */
const TICKS_PER_SECOND = 100;
/** Of V8's old space: 150,000 pods do not fit into what Node takes by itself. MiB. */
const HEAP_MIB = 12_288;

interface Usage {
  readonly peakBytes: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
}

export interface Measured {
  usage(): Usage;
  /** CPU seconds of the threads that are there, by what they do. */
  threads(): ReadonlyMap<string, number>;
}

export const thisProcess: Measured = measured(process.pid);

/** Resolves when it says `saying`. @throws Error with the last it said when it ends before */
export async function startMeasured(
  scope: Scope,
  file: string,
  args: readonly string[],
  { saying, profile }: { readonly saying: string; readonly profile: string | undefined },
): Promise<Measured> {
  const options = [
    process.env['NODE_OPTIONS'] ?? '',
    `--max-old-space-size=${HEAP_MIB}`,
    ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
  ];
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, NODE_OPTIONS: options.join(' ') } });
  const ended = once(child, 'exit');
  defer(scope, async () => {
    child.kill();
    await ended;
  });
  let said = '';
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-10_000);
    if (said.includes(saying)) resolve();
  });
  child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}: ${said}`)));
  await promise;
  return measured(child.pid as number);
}

function measured(pid: number): Measured {
  return { usage: () => usageOf(pid), threads: () => threadsOf(pid) };
}

function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { peakBytes: bytes('VmHWM'), residentBytes: bytes('VmRSS'), cpuSeconds: cpuSeconds(`/proc/${pid}/stat`) };
}

/** As Node names its threads. */
const THREADS: Readonly<Record<string, string>> = {
  'node-MainThread': 'main',
  'node-V8Worker': 'garbage collection and compiling',
  'libuv-worker': 'disk',
};

function threadsOf(pid: number): ReadonlyMap<string, number> {
  const used = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const place = `/proc/${pid}/task/${thread}`;
    const name = THREADS[readFileSync(`${place}/comm`, 'utf8').trim()] ?? 'other';
    used.set(name, (used.get(name) ?? 0) + cpuSeconds(`${place}/stat`));
  }
  return used;
}

/** Fields 14 and 15, counted behind the name, which may hold blanks. */
function cpuSeconds(stat: string): number {
  const fields = (readFileSync(stat, 'utf8').split(') ')[1] ?? '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
