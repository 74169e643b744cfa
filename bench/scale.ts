// A cluster of hollow nodes under load: `npm run bench:scale -- [--nodes 1000] [--pods-per-node 30]`. The control plane
// (`proa server`) and the nodes (`proa hollow`) are processes of their own; what is measured goes over HTTPS.
import { connectMachine, PROA } from '#test/harness/cluster.ts';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '#base/clock.ts';
import { keepAlive } from '#base/keep-alive.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import { Scope } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { latencyTable } from './scale/latencies.ts';
import { startMeasured } from './scale/measured-process.ts';
import { PHASES } from './scale/phases.ts';
import { observeCluster } from './scale/observed.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1000' },
    'pods-per-node': { type: 'string', default: '30' },
    /** Folder for CPU profiles of both processes. */
    profile: { type: 'string' },
  },
});
const [nodeCount, perNode] = [Number(values.nodes), Number(values['pods-per-node'])];
if (!(nodeCount > 0) || !(perNode > 0)) throw new Error('--nodes and --pods-per-node are positive numbers');

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
  console.log(`registered ${nodeCount} nodes in ${((performance.now() - began) / 1000).toFixed(1)} s`);

  const observed = await observeCluster(scope, client);
  console.log('\nphase       time      pods    pods/s  pod start p50     p90     p99');
  for (const { name, run } of PHASES) {
    observed.startPhase();
    const start = performance.now();
    const pods = await run({ client, observed, nodeCount, total: nodeCount * perNode });
    const seconds = (performance.now() - start) / 1000;
    const ms = (p: number): string => `${Math.round(observed.startMs(p))} ms`.padStart(8);
    console.log(
      `${name.padEnd(11)} ${seconds.toFixed(1).padStart(6)} s ${String(pods).padStart(7)} ${(pods / seconds).toFixed(0).padStart(8)}      ${ms(0.5)}${ms(0.9)}${ms(0.99)}`,
    );
  }
  console.log(`\n${latencyTable(await client.getPath<string>('/metrics'))}\n`);
  for (const [name, { peakBytes, cpuSeconds }] of [
    ['control plane', server.usage()],
    ['hollow nodes', hollow.usage()],
  ] as const)
    console.log(`${name.padEnd(14)} peak ${Math.round(peakBytes / 2 ** 20)} MiB resident, ${cpuSeconds.toFixed(0)} s of CPU`);
}

await keepAlive(main());
