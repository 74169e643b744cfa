// How many pods a second the scheduler places, by the shapes of upstream's scheduler_perf; every node is scored:
// `npm run bench:scheduler -- [--nodes 5000] [--pods 10000] [--shape NAME|all]`. In one process with a server that binds at
// once, so what is measured is the scheduler: events in, decisions, bindings out.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { systemClock } from '#base/clock.ts';
import type { Metrics } from '#scheduler/metrics/metrics.ts';
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
const names = values.shape === 'all' ? Object.keys(SHAPES) : [values.shape];
if (names.some((name) => SHAPES[name] === undefined) || !(nodes > 0) || !(pods > 0)) {
  throw new Error(`--shape is all or one of ${Object.keys(SHAPES).join(', ')}; --nodes and --pods are positive numbers`);
}

/** Some shapes need more nodes than there are: what is bound until nothing more is bound for so long counts. Milliseconds. */
const PATIENCE_MS = 60_000;

console.log(`machine   ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}`);
for (const name of names) await measure(name, SHAPES[name] as Shape);

async function measure(name: string, shape: Shape): Promise<void> {
  const server = inProcess();
  for (let i = 0; i < nodes; i++) server.addNode(shape.node(i));
  shape.prepare?.(server, nodes);
  const existing = shape.existing?.(nodes);
  for (let i = 0; i < (existing?.pods ?? 0); i++) if (existing !== undefined) server.addPod(existing.pod(i));

  const attempts: number[] = [];
  const metrics: Metrics = {
    count() {},
    observe(figure, _, value) {
      if (figure === 'scheduler_scheduling_attempt_duration_seconds') attempts.push(value * 1000);
    },
    follow() {},
  };
  const scheduler = createScheduler({
    client: server.client,
    informers: server.informers,
    clock: systemClock,
    ids: randomIds,
    logger: silentLogger,
    metrics,
    recorder: () => ({ event() {} }),
  });
  await scheduler.start();

  const wanted = new Set(Array.from({ length: pods }, (_, i) => shape.pod(i).metadata?.name ?? ''));
  const done = Promise.withResolvers<void>();
  let bound = 0;
  let last = performance.now();
  server.onBound((pod) => {
    if (!wanted.delete(pod)) return;
    last = performance.now();
    shape.meanwhile?.(server, ++bound, nodes);
    if (wanted.size === 0) done.resolve();
  });

  const start = performance.now();
  const cpu = process.cpuUsage();
  for (let i = 0; i < pods; i++) server.addPod(shape.pod(i));
  const watchdog = setInterval(() => {
    if (performance.now() - Math.max(last, start) > PATIENCE_MS) done.resolve();
  }, 500);
  await done.promise;
  clearInterval(watchdog);
  const seconds = (last - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await scheduler.stop();

  const placed = pods - wanted.size;
  const sorted = attempts.toSorted((a, b) => a - b);
  const percentile = (p: number): string => `${(sorted[Math.floor((sorted.length - 1) * p)] ?? 0).toFixed(2)} ms`;
  const rate = placed / seconds;
  const gate = shape.gate === undefined ? 'none' : `${shape.gate} pods/s, ${(rate / shape.gate).toFixed(1)} times that`;
  console.log(`shape     ${name}: ${pods} pods on ${nodes} nodes, all at once, all nodes scored`);
  console.log(
    `placed    ${placed} in ${seconds.toFixed(2)} s: ${Math.round(rate)} pods/s; ${Math.round((placed * 1e6) / (user + system))} a CPU second`,
  );
  console.log(`gate      ${gate} (upstream, on large machines; Source: scheduler_perf ${shape.source})`);
  console.log(`attempts  p50 ${percentile(0.5)}, p99 ${percentile(0.99)} from taking the pod to its binding or refusal`);
  console.log(`memory    ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB resident`);
}
