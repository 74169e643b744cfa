// How many pods a second the scheduler places, by the shapes of upstream's scheduler_perf; every node is scored:
// `node bench/scheduler.ts [--nodes 5000] [--pods 10000] [--shape basic]`. In one process with a server that binds at once,
// so what is measured is the scheduler: events in, decisions, bindings out.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { systemClock } from '#base/clock.ts';
import { createScheduler } from '#scheduler/scheduler.ts';
import { inProcess } from './scheduler/in-process.ts';
import { SHAPES, type Shape } from './scheduler/shapes.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '5000' },
    pods: { type: 'string', default: '10000' },
    shape: { type: 'string', default: 'basic' },
  },
});
const [nodes, pods] = [Number(values.nodes), Number(values.pods)];
const shape: Shape | undefined = SHAPES[values.shape];
if (shape === undefined || !(nodes > 0) || !(pods > 0)) {
  throw new Error(`--shape is one of ${Object.keys(SHAPES).join(', ')}; --nodes and --pods are positive numbers`);
}

const server = inProcess();
for (let i = 0; i < nodes; i++) server.addNode(shape.node(i, nodes));
const existing = shape.existing?.(0, nodes);
for (let i = 0; i < (existing?.pods ?? 0); i++) if (existing !== undefined) server.addPod(existing.pod(i));

const scheduler = createScheduler({
  client: server.client,
  informers: server.informers,
  clock: systemClock,
  ids: randomIds,
  logger: silentLogger,
  recorder: () => ({ event() {} }),
});
await scheduler.start();

const wanted = new Set(Array.from({ length: pods }, (_, i) => shape.pod(i).metadata?.name ?? ''));
const created = new Map<string, number>();
const latencies: number[] = [];
const done = Promise.withResolvers<void>();
server.onBound((name) => {
  if (!wanted.delete(name)) return;
  latencies.push(performance.now() - (created.get(name) ?? 0));
  if (wanted.size === 0) done.resolve();
});

const start = performance.now();
for (let i = 0; i < pods; i++) {
  const pod = shape.pod(i);
  created.set(pod.metadata?.name ?? '', performance.now());
  server.addPod(pod);
}
// Some shapes need more nodes than there are; what is bound until then counts.
const patience = systemClock.after(120_000, () => done.resolve());
const keepAlive = setInterval(() => {}, 1000);
await done.promise;
patience();
clearInterval(keepAlive);
const seconds = (performance.now() - start) / 1000;
await scheduler.stop();

const sorted = latencies.toSorted((a, b) => a - b);
const percentile = (p: number): string => `${Math.round(sorted[Math.floor((sorted.length - 1) * p)] ?? 0)} ms`;
console.log(`machine   ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}`);
console.log(`shape     ${values.shape}: ${pods} pods on ${nodes} nodes, all at once, all nodes scored`);
console.log(
  `placed    ${latencies.length} in ${seconds.toFixed(2)} s: ${Math.round(latencies.length / seconds)} pods/s (upstream's gate: ${shape.gate})`,
);
console.log(`waited    p50 ${percentile(0.5)}, p90 ${percentile(0.9)}, p99 ${percentile(0.99)} from creation to binding`);
console.log(`memory    ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB resident`);
