// A long-running `proa` command whose memory and CPU are read at the end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Scope } from '#test/harness/scope.ts';
import { defer } from '#test/harness/scope.ts';

/** Source: sysconf(_SC_CLK_TCK) on Linux. */
const TICKS_PER_SECOND = 100;
/** Of V8's old space: 150,000 pods do not fit into what Node takes by itself. MiB. */
const HEAP_MIB = 12_288;

interface Usage {
  readonly peakBytes: number;
  readonly cpuSeconds: number;
}

interface Measured {
  usage(): Usage;
}

export const thisProcess: Measured = { usage: () => usageOf(process.pid) };

/** Resolves when it says `saying`. @throws Error with the last it said when it ends before */
export async function startMeasured(
  scope: Scope,
  file: string,
  args: readonly string[],
  { saying, profile }: { readonly saying: string; readonly profile: string | undefined },
): Promise<Measured> {
  const options = [`--max-old-space-size=${HEAP_MIB}`, ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`])];
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
  return { usage: () => usageOf(child.pid as number) };
}

function usageOf(pid: number): Usage {
  const peakKiB = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  // Fields 14 and 15, counted behind the name, which may hold blanks.
  const fields = (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1] ?? '').split(' ');
  return { peakBytes: peakKiB * 1024, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
}
