// A cluster of hollow nodes under load: `npm run bench:scale -- [--nodes 1000] [--pods-per-node 30] [--rest 10]
// [--phases "roll out,scale down"] [--steady 120] [--churn 20] [--profile FOLDER]`. The control plane (`proa server`: API server, controllers, scheduler) and
// the nodes (`proa hollow`) are processes of their own; what is measured goes over HTTPS.
import { connectMachine, PROA } from '#test/harness/cluster.ts';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '#base/clock.ts';
import { keepAlive } from '#base/keep-alive.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import { Scope } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { latencyTable, requestsPerPod } from './scale/latencies.ts';
import { type Measured, startMeasured, thisProcess } from './scale/measured-process.ts';
import { PHASES } from './scale/phases.ts';
import { observeCluster, type Step } from './scale/observed.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1000' },
    'pods-per-node': { type: 'string', default: '30' },
    /** Seconds for which nodes alone are looked at: their leases. */
    rest: { type: 'string', default: '10' },
    /** Seconds of steady churn, and its changes a second. */
    steady: { type: 'string', default: '120' },
    churn: { type: 'string', default: '20' },
    phases: { type: 'string', default: PHASES.map(({ name }) => name).join(',') },
    /** Folder for CPU profiles of both processes; below `.cache`, for the rest of the machine's files can only be read. */
    profile: { type: 'string' },
  },
});
const [nodeCount, perNode, restSeconds] = [Number(values.nodes), Number(values['pods-per-node']), Number(values.rest)];
const churn = { changesPerSecond: Number(values.churn), seconds: Number(values.steady) };
if (!(churn.changesPerSecond > 0) || !(churn.seconds > 0)) throw new Error('--churn and --steady are positive numbers');
if (!(nodeCount > 0) || !(perNode > 0) || !(restSeconds >= 0))
  throw new Error('--nodes and --pods-per-node are positive numbers, --rest may be 0');

const asked = values.phases.split(',');
const phases = PHASES.filter(({ name }) => asked.includes(name));
if (phases.length !== asked.length || phases[0] !== PHASES[0])
  throw new Error(`--phases are the first and others of: ${PHASES.map(({ name }) => name).join(', ')}`);
if (values.profile !== undefined) {
  mkdirSync(values.profile, { recursive: true });
  accessSync(values.profile, constants.W_OK);
}

/** Room for 32,768 nodes with 254 addresses each, apart from the Service network. */
const POD_CIDR = '10.128.0.0/9';

async function main(): Promise<void> {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  await connectMachine();
  const profile = values.profile;
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 20)} MiB, Linux ${release()}, Node ${process.version}`,
  );
  console.log(`${nodeCount} nodes, ${perNode} pods each\n`);

  const data = join(folder, 'data');
  const place = [`--data-dir=${data}`, `--run-dir=${join(folder, 'run')}`];
  const serverFlags = ['--port=7443', `--pod-cidr=${POD_CIDR}`];
  const server = await startMeasured(scope, PROA, ['server', ...place, ...serverFlags], { saying: '"ready"', profile });
  const kubeconfig = join(data, 'admin.kubeconfig');
  const deps = { clock: systemClock, logger: silentLogger, env: process.env, stdin: 'none' } as const;
  const transport = httpsTransport(loadKubeconfig(deps, { path: kubeconfig }).https);
  scope.after(() => transport.close());
  const client = createClient(transport);

  const began = performance.now();
  const hollowFlags = [`--kubeconfig=${kubeconfig}`, `--nodes=${nodeCount}`, '--keep'];
  const hollow = await startMeasured(scope, PROA, ['hollow', ...hollowFlags], { saying: 'hollow nodes are registered', profile });
  const observed = await observeCluster(scope, client);
  const { nodes } = observed;
  // A node is born with a taint, and without a pod network; pods that find no other would count as unschedulable.
  await observed.until(
    () =>
      nodes.size === nodeCount && [...nodes.list()].every(({ spec }) => spec?.podCIDR !== undefined && (spec.taints ?? []).length === 0),
  );
  console.log(`registered ${nodeCount} nodes in ${((performance.now() - began) / 1000).toFixed(1)} s`);

  const parts = { 'control plane': server, 'hollow nodes': hollow, 'this client': thisProcess };
  await rest(parts, client);
  console.log(
    '\nphase            time    pods  pods/s   bound p50       p99   started p50     p90     p99   ready p99   CPU ms a pod: control plane, hollow nodes',
  );
  let before = await client.getPath<string>('/metrics');
  const writes: string[] = [];
  let steadyTable = '';
  for (const { name, run } of phases) {
    observed.startPhase();
    const cpuBefore = [server, hollow].map((part) => part.usage().cpuSeconds);
    const start = performance.now();
    const pods = await run({ client, observed, nodeCount, total: nodeCount * perNode, churn });
    const seconds = (performance.now() - start) / 1000;
    const cpu = [server, hollow].map((part, i) => ((1000 * (part.usage().cpuSeconds - (cpuBefore[i] ?? 0))) / pods).toFixed(2));
    const ms = (step: Step, share: number): string => `${Math.round(observed.took(step, share))} ms`.padStart(10);
    const bound = [0.5, 0.99].map((share) => ms('bound', share)).join('');
    const started = [0.5, 0.9, 0.99].map((share) => ms('started', share)).join('');
    const ready = ms('ready', 0.99);
    console.log(
      `${name.padEnd(11)} ${seconds.toFixed(1).padStart(7)} s ${String(pods).padStart(7)} ${(pods / seconds).toFixed(0).padStart(7)}  ${bound}    ${started}  ${ready}   ${cpu.map((each) => each.padStart(8)).join(' ')}`,
    );
    const after = await client.getPath<string>('/metrics');
    writes.push(`${name}: ${requestsPerPod(before, after, pods)}`);
    if (name === 'steady') steadyTable = latencyTable(after, before);
    before = after;
  }
  console.log(`\nrequests a pod\n${writes.join('\n')}`);
  if (steadyTable !== '') console.log(`\nsteady, ${churn.changesPerSecond} changes a second for ${churn.seconds} s\n${steadyTable}`);
  console.log(`\nall phases\n${latencyTable(before)}\n`);
  for (const [name, part] of Object.entries(parts)) {
    const { peakBytes, residentBytes, cpuSeconds } = part.usage();
    const threads = [...part.threads()].map(([what, seconds]) => `${what} ${seconds.toFixed(0)} s`).join(', ');
    console.log(
      `${name.padEnd(14)} peak ${mebibytes(peakBytes)}, at the end ${mebibytes(residentBytes)} resident; ${cpuSeconds.toFixed(0)} s of CPU: ${threads}`,
    );
  }
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

/** What nodes cost that have no pods. */
async function rest(parts: Readonly<Record<string, Measured>>, client: Client): Promise<void> {
  if (restSeconds === 0) return;
  const before = await client.getPath<string>('/metrics');
  const used = Object.values(parts).map((part) => part.usage().cpuSeconds);
  await setTimeout(restSeconds * 1000);
  const shares = Object.entries(parts).map(([name, part], i) => {
    const { cpuSeconds, residentBytes } = part.usage();
    return `${name} ${((100 * (cpuSeconds - (used[i] ?? 0))) / restSeconds).toFixed(1)} % of a core, ${mebibytes(residentBytes)}`;
  });
  console.log(
    `at rest: ${shares.join('; ')}; requests a second: ${requestsPerPod(before, await client.getPath<string>('/metrics'), restSeconds)}`,
  );
}

await keepAlive(main());
