// How fast a cluster starts and how little it holds: `npm run bench:startup -- [--rounds 3] [--idle 30]`. Each round makes a
// cluster in an empty folder and removes it: packages are installed and the disk is warm, nothing else is prepared.
import { PROA, startCluster } from '#test/harness/cluster.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock, wait } from '#base/clock.ts';
import { keepAlive } from '#base/keep-alive.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { pods } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import { waitFor } from '#client/wait-for.ts';
import { succeed } from '#test/harness/command.ts';
import { Scope } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' }, idle: { type: 'string', default: '30' } } });
const [rounds, idleSeconds] = [Number(values.rounds), Number(values.idle)];
if (!(rounds > 0) || !(idleSeconds >= 0)) throw new Error('--rounds and --idle (seconds) are positive numbers');

const MIB = 1024 * 1024;

interface Round {
  readonly readyMs: number;
  readonly podMs: number;
  readonly apiMs: number;
  /** Of Proa's own processes, bytes: everything resident, and with shared pages counted once. */
  readonly residentBytes: number;
  readonly proportionalBytes: number;
}

/** Proa's own: not containerd, shims and containers. */
function ownProcesses(): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return /main\.[jt]s run|keeper\.sh/.test(command) || command.includes('src/base/');
    } catch {
      return false; // it has just ended
    }
  });
}

function memory(field: 'Rss' | 'Pss'): number {
  const bytes = (pid: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
  return ownProcesses().reduce((sum, pid) => sum + bytes(pid), 0);
}

async function podRunning(kubeconfig: string): Promise<number> {
  const deps = { clock: systemClock, logger: silentLogger, env: process.env, stdin: 'none' } as const;
  const transport = httpsTransport(loadKubeconfig(deps, { path: kubeconfig }).https);
  const client = createClient(transport);
  const name = 'first';
  const start = performance.now();
  const container = { name, image: 'example.test/first:1', imagePullPolicy: 'Never' as const, command: ['sleep', '3600'] };
  await client.create(pods, { metadata: { name, namespace: 'default' }, spec: { containers: [container] } });
  await waitFor(
    client,
    pods,
    { name, namespace: 'default' },
    {
      until: (pod) => pod?.status.phase === 'Running',
      timeoutMs: 60_000,
      clock: systemClock,
      ids: randomIds,
    },
  );
  const took = performance.now() - start;
  await transport.close();
  return took;
}

/** From the command to an API server that answers, with no node beside it. */
async function apiAlone(scope: Scope): Promise<number> {
  const folder = temporaryFolder(scope);
  const start = performance.now();
  const child = spawn(PROA, ['server', `--data-dir=${join(folder, 'data')}`, `--run-dir=${join(folder, 'run')}`, '--port=7443'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('the API server serves')) resolve();
    });
  });
  const took = performance.now() - start;
  child.kill();
  await once(child, 'exit');
  return took;
}

async function round(first: boolean): Promise<Round> {
  await using scope = new Scope();
  const start = performance.now();
  const cluster = await startCluster(scope, [], { connect: first });
  const readyMs = performance.now() - start;
  await cluster.importImage({ name: 'example.test/first:1', programs: ['sleep'] });
  const podMs = await podRunning(cluster.kubeconfig);
  await wait(systemClock, idleSeconds * 1000);
  const [residentBytes, proportionalBytes] = [memory('Rss'), memory('Pss')];
  await cluster.proa('reset', '--yes');
  return { readyMs, podMs, apiMs: await apiAlone(scope), residentBytes, proportionalBytes };
}

async function main(): Promise<void> {
  const containerd = (await succeed('containerd', ['--version'])).trim();
  console.log(`${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / MIB)} MiB, Linux ${release()}, Node ${process.version}`);
  console.log(`${containerd}; ${idleSeconds} s idle before memory is read\n`);
  console.log('round  node Ready  first pod Running  API server alone  resident   proportional');
  for (let i = 1; i <= rounds; i++) {
    const { readyMs, podMs, apiMs, residentBytes, proportionalBytes } = await round(i === 1);
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
    const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
    console.log(
      [
        String(i).padEnd(6),
        seconds(readyMs).padEnd(11),
        seconds(podMs).padEnd(18),
        seconds(apiMs).padEnd(17),
        mib(residentBytes).padEnd(10),
        mib(proportionalBytes),
      ].join(' '),
    );
  }
}

await keepAlive(main());
