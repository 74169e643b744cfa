// What an API server does in a second and what it holds: pods created, read, updated, patched, deleted, listed and watched,
// in JSON and protobuf. `npm run bench:api -- [--kubeconfig F] [--clients 1,16,128] [--seconds 2] [--warm-up 2] [--pods 10000,100000]
// [--watchers 1000,10000] [--writes 50] [--connections 4] [--encodings json,protobuf] [--pids P,Q]`. Without --kubeconfig a
// `proa server` is started; any other Kubernetes is measured by the same command, and with --pids what its processes on this
// machine use. The load is this process. Both are warm before anything counts: what a server does in its first seconds is start.
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
import { fillPods, makeNamespace, PodRequests, removePods } from './api/pods.ts';
import { ServerProcesses, startOwnServer } from './api/server.ts';
import { measureVerbs } from './api/verbs.ts';

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    clients: { type: 'string', default: '1,16,128' },
    seconds: { type: 'string', default: '2' },
    'warm-up': { type: 'string', default: '2' },
    pods: { type: 'string', default: '10000' },
    watchers: { type: 'string', default: '1000' },
    writes: { type: 'string', default: '50' },
    connections: { type: 'string', default: '4' },
    encodings: { type: 'string', default: 'json,protobuf' },
    pids: { type: 'string', default: '' },
  },
});
const clientCounts = values.clients.split(',').map(Number);
const [podCounts, watcherCounts] = [values.pods.split(',').map(Number), values.watchers.split(',').map(Number)];
const [seconds, warmUp] = [Number(values.seconds), Number(values['warm-up'])];
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
const LIST_ROUNDS = 5;
/** Clients while everything gets warm. */
const WARMING = 16;
/** Of more pods than this a list is asked for fewer times. */
const MANY_PODS = 20_000;
const ROUNDS_OF_MANY = 3;

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const milliseconds = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const row = (...cells: readonly string[]): void =>
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(28) : cell.padStart(16))).join(' '));

const microseconds = (value: number): string => (Number.isNaN(value) ? '-' : `${whole(value * 1e6)} us`);

async function main(): Promise<void> {
  await using scope = new Scope();
  const own = values.kubeconfig === undefined ? await startOwnServer(scope) : undefined;
  const server = new ServerProcesses(own === undefined ? values.pids.split(',').filter(Boolean).map(Number) : [own.pid]);
  const deps = { clock: systemClock, logger: silentLogger, env: process.env, stdin: 'none' } as const;
  const { https } = loadKubeconfig(deps, { path: own?.kubeconfig ?? (values.kubeconfig as string) });
  const connections = await Connections.open(https, connectionCount);
  scope.after(() => connections.close());
  const version = JSON.parse((await connections.succeed({ method: 'GET', path: '/version', accept: 'application/json' })).toString());
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model}, ${whole(totalmem() / MIB)} MiB, Linux ${release()}, load from Node ${process.version}`,
  );
  console.log(`${https.server}, Kubernetes ${(version as { gitVersion: string }).gitVersion}; ${connectionCount} HTTP/2 connections\n`);

  const namespaceUid = await makeNamespace(connections);
  const bench: Bench = { connections, server, all: encodings.map((encoding) => new PodRequests(encoding, namespaceUid)) };
  if (warmUp > 0) for (const requests of bench.all) await warm(connections, requests);
  for (const requests of bench.all) await verbs(bench, requests);
  await lists(bench);
  for (const count of watcherCounts) if (count > 0) await fanOut(bench, https, count);
  if (own === undefined) await removePods(connections);
  if (server.known) console.log(`server's memory at the end: ${whole(server.resident() / MIB)} MiB resident`);
}

interface Bench {
  readonly connections: Connections;
  readonly server: ServerProcesses;
  /** One for each encoding. */
  readonly all: readonly PodRequests[];
}

/** So many seconds of each verb, and a list. */
async function warm(connections: Connections, requests: PodRequests): Promise<void> {
  for await (const _figures of measureVerbs({ connections, requests, clients: WARMING, seconds: warmUp }));
  await fillPods(connections, requests, 0, WARMING);
  for (const form of forms(requests.encoding)) await measureList(connections, form, WARMING, LIST_ROUNDS);
  await removePods(connections);
}

async function verbs({ connections, server }: Bench, requests: PodRequests): Promise<void> {
  const { name } = requests.encoding;
  row(`${name}, ${whole(requests.status('web-5d9c7b6f4-0000000', 0).body.length)} B a pod`, 'requests/s', 'median', 'p99', 'CPU a request');
  for (const clients of clientCounts) {
    let before = server.processorSeconds();
    for await (const { verb, requests: count, perSecond, median, p99 } of measureVerbs({ connections, requests, clients, seconds })) {
      const after = server.processorSeconds();
      const processor = microseconds((after - before) / count);
      before = after;
      row(`${verb}, ${clients} client${clients === 1 ? '' : 's'}`, whole(perSecond), milliseconds(median), milliseconds(p99), processor);
    }
    await removePods(connections);
  }
  console.log();
}

/** Of each number of pods in turn, which are added to those there are. */
async function lists({ connections, server, all }: Bench): Promise<void> {
  const filling = all.find(({ encoding }) => encoding.name === 'protobuf') ?? all[0];
  if (filling === undefined) return;
  const before = server.resident();
  let filled = 0;
  for (const podCount of podCounts.filter((count) => count > 0).toSorted((a, b) => a - b)) {
    const began = performance.now();
    await fillPods(connections, filling, filled, podCount);
    const writesPerSecond = (2 * (podCount - filled)) / ((performance.now() - began) / 1000);
    filled = podCount;
    const grown = server.resident() - before;
    const held = server.known ? `; the server grew by ${whole(grown / MIB)} MiB, ${whole(grown / podCount)} B a pod` : '';
    console.log(`${whole(podCount)} pods, filled by ${whole(writesPerSecond)} writes/s${held}`);
    row('LIST', 'median', 'first', 'bytes', 'MB/s', 'CPU', 'peak memory');
    const rounds = podCount > MANY_PODS ? ROUNDS_OF_MANY : LIST_ROUNDS;
    for (const { encoding } of all) {
      for (const form of forms(encoding)) {
        if (server.known) server.forgetPeak();
        const [rest, used] = [server.resident(), server.processorSeconds()];
        const { bytes, median, first } = await measureList(connections, form, podCount, rounds);
        const processor = server.known ? milliseconds(((server.processorSeconds() - used) / rounds) * 1_000) : '-';
        const peak = server.known ? `+${whole((server.peak() - rest) / MIB)} MiB` : '-';
        const rate = whole(bytes / 1_000 / median);
        row(`${encoding.name}, ${form.name}`, milliseconds(median), milliseconds(first), whole(bytes), rate, processor, peak);
      }
    }
    console.log();
  }
}

async function fanOut({ connections: writer, server, all }: Bench, https: HttpsOptions, watchers: number): Promise<void> {
  const connections = await Connections.open(https, Math.ceil(watchers / WATCHES_PER_CONNECTION));
  try {
    row(`${whole(watchers)} watchers`, 'events/s', 'all', 'one event to all', 'CPU an event', 'memory');
    for (const requests of all) {
      const [rest, used] = [server.resident(), server.processorSeconds()];
      const { eventsPerSecond, elapsed, alone, events } = await measureFanOut({ connections, writer, requests, watchers, writes });
      const processor = microseconds((server.processorSeconds() - used) / events);
      const memory = server.known ? `+${whole((server.resident() - rest) / MIB)} MiB` : '-';
      const name = `${requests.encoding.name}, ${writes} writes`;
      row(name, whole(eventsPerSecond), milliseconds(elapsed), milliseconds(alone), processor, memory);
    }
    console.log();
  } finally {
    connections.close();
  }
}

await keepAlive(main());
