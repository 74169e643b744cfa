// What an API server does in a second and what it holds: pods created, read, updated, patched, deleted, listed and watched,
// in JSON and protobuf. `npm run bench:api -- [--kubeconfig F] [--clients 1,16,128] [--seconds 2] [--pods 10000,100000]
// [--watchers 1000,10000] [--writes 50] [--connections 4] [--encodings json,protobuf]`. Without --kubeconfig a `proa server` is
// started; any other Kubernetes with a controller manager can be measured by the same command. The load is this process.
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { systemClock } from '#base/clock.ts';
import { keepAlive } from '#base/keep-alive.ts';
import { silentLogger } from '#base/log.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import type { HttpsOptions } from '#client/https/transport.ts';
import { Scope } from '#test/harness/scope.ts';
import { Connections } from './api/connections.ts';
import { ENCODINGS } from './api/encodings.ts';
import { measureFanOut } from './api/fan-out.ts';
import { forms, measureList } from './api/lists.ts';
import { fillPods, makeNamespace, PodTemplate, removePods } from './api/pods.ts';
import { forgetPeak, processorSeconds, residentMemory, startOwnServer } from './api/server.ts';
import { measureVerbs } from './api/verbs.ts';

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    clients: { type: 'string', default: '1,16,128' },
    seconds: { type: 'string', default: '2' },
    pods: { type: 'string', default: '10000' },
    watchers: { type: 'string', default: '1000' },
    writes: { type: 'string', default: '50' },
    connections: { type: 'string', default: '4' },
    encodings: { type: 'string', default: 'json,protobuf' },
  },
});
const clientCounts = values.clients.split(',').map(Number);
const [podCounts, watcherCounts] = [values.pods.split(',').map(Number), values.watchers.split(',').map(Number)];
const seconds = Number(values.seconds);
const [writes, connectionCount] = [Number(values.writes), Number(values.connections)];
const encodings = ENCODINGS.filter(({ name }) => values.encodings.split(',').includes(name));
if (
  ![...clientCounts, seconds, writes, connectionCount].every((value) => value > 0) ||
  ![...podCounts, ...watcherCounts].every((value) => value >= 0)
) {
  throw new Error('--clients, --seconds, --writes, --connections must be positive numbers, --pods and --watchers may be 0');
}

const MIB = 1024 * 1024;
/** Streams a server allows on one connection. Source: apiserver DefaultHTTP2MaxStreamsPerConnection. */
const WATCHES_PER_CONNECTION = 100;
const LIST_ROUNDS = 7;

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const milliseconds = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const row = (...cells: readonly string[]): void =>
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(28) : cell.padStart(16))).join(' '));

async function main(): Promise<void> {
  await using scope = new Scope();
  const own = values.kubeconfig === undefined ? await startOwnServer(scope) : undefined;
  const deps = { clock: systemClock, logger: silentLogger, env: process.env, stdin: 'none' } as const;
  const { https } = loadKubeconfig(deps, { path: own?.kubeconfig ?? (values.kubeconfig as string) });
  const connections = await Connections.open(https, connectionCount);
  scope.after(() => connections.close());
  const version = JSON.parse((await connections.succeed({ method: 'GET', path: '/version', accept: 'application/json' })).toString());
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, ${whole(totalmem() / MIB)} MiB, Linux ${release()}, load from Node ${process.version}`,
  );
  console.log(`${https.server}, Kubernetes ${(version as { gitVersion: string }).gitVersion}; ${connectionCount} HTTP/2 connections\n`);

  await makeNamespace(connections);
  const template = await PodTemplate.learn(connections);
  for (const encoding of encodings) {
    const size = `${encoding.name}, ${whole(template.bytes(encoding, 'x', 0).length)} B a pod`;
    row(size, 'requests/s', 'median', 'p99', 'CPU a request');
    for (const clients of clientCounts) {
      let before = own === undefined ? 0 : processorSeconds(own.pid);
      for await (const { verb, requests, perSecond, median, p99 } of measureVerbs({ connections, template, encoding, clients, seconds })) {
        const after = own === undefined ? 0 : processorSeconds(own.pid);
        const processor = own === undefined ? '-' : `${whole(((after - before) / requests) * 1e6)} us`;
        before = after;
        row(`${verb}, ${clients} client${clients === 1 ? '' : 's'}`, whole(perSecond), milliseconds(median), milliseconds(p99), processor);
      }
      await removePods(connections);
    }
    console.log();
  }
  await lists(connections, template, own?.pid);
  for (const watchers of watcherCounts) if (watchers > 0) await fanOut(connections, template, https, watchers);
  await removePods(connections);
  if (own !== undefined) console.log(`server's memory at the end: ${whole(residentMemory(own.pid).now / MIB)} MiB resident`);
}

/** Of each number of pods in turn, which are added to those there are. */
async function lists(connections: Connections, template: PodTemplate, pid: number | undefined): Promise<void> {
  const memory = (field: 'now' | 'peak'): number => (pid === undefined ? Number.NaN : residentMemory(pid)[field]);
  const filling = encodings.find(({ name }) => name === 'protobuf') ?? encodings[0];
  if (filling === undefined) return;
  const before = memory('now');
  let filled = 0;
  for (const podCount of podCounts.filter((count) => count > 0).toSorted((a, b) => a - b)) {
    await fillPods(connections, template, filling, { from: filled, to: podCount });
    filled = podCount;
    const grown = memory('now') - before;
    const held = Number.isNaN(grown) ? '' : `; the server grew by ${whole(grown / MIB)} MiB, ${whole(grown / podCount)} B a pod`;
    console.log(`${whole(podCount)} pods${held}`);
    row('LIST', 'median', 'first', 'bytes', 'MB/s', 'CPU', 'peak memory');
    for (const encoding of encodings) {
      for (const { name, accept, query } of forms(encoding)) {
        if (pid !== undefined) forgetPeak(pid);
        const rest = memory('now');
        const used = pid === undefined ? 0 : processorSeconds(pid);
        const { bytes, median, first } = await measureList(connections, accept, query, LIST_ROUNDS);
        const processor = pid === undefined ? '-' : milliseconds(((processorSeconds(pid) - used) / LIST_ROUNDS) * 1_000);
        const peak = pid === undefined ? '-' : `+${whole((memory('peak') - rest) / MIB)} MiB`;
        const rate = whole(bytes / 1_000 / median);
        row(`${encoding.name}, ${name}`, milliseconds(median), milliseconds(first), whole(bytes), rate, processor, peak);
      }
    }
    console.log();
  }
}

async function fanOut(writer: Connections, template: PodTemplate, https: HttpsOptions, watchers: number): Promise<void> {
  const connections = await Connections.open(https, Math.ceil(watchers / WATCHES_PER_CONNECTION));
  try {
    row(`${whole(watchers)} watchers`, 'events/s', 'all', 'one event to all');
    for (const encoding of encodings) {
      const figures = await measureFanOut({ connections, writer, template, encoding, watchers, writes });
      const { eventsPerSecond, elapsed, alone } = figures;
      row(`${encoding.name}, ${writes} writes`, whole(eventsPerSecond), milliseconds(elapsed), milliseconds(alone));
    }
    console.log();
  } finally {
    connections.close();
  }
}

await keepAlive(main());
