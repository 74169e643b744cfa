// One run of a shape: how fast its pods are placed, by the clock and by the processor.
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { systemClock } from '#base/clock.ts';
import type { Metrics } from '#scheduler/metrics/metrics.ts';
import { createScheduler } from '#scheduler/scheduler.ts';
import { inProcess, type InProcess } from './in-process.ts';
import { plainNode, type Shape } from './shape.ts';

export interface Run {
  readonly nodes: number;
  readonly pods: number;
  readonly placed: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Milliseconds of each attempt, in order of size. */
  readonly attempts: readonly number[];
}

export interface Size {
  readonly nodes: number;
  readonly pods: number;
}

/** Some shapes need more nodes than there are: what is bound until nothing more is bound for so long counts. Milliseconds. */
const PATIENCE_MS = 15_000;

export async function measure(shape: Shape, { nodes, pods }: Size): Promise<Run> {
  const server = inProcess();
  const { node = plainNode } = shape;
  for (let i = 0; i < nodes; i++) server.addNode(node(i));
  shape.prepare?.(server, nodes, pods);
  const existing = shape.existing?.(nodes);
  for (let i = 0; i < (existing?.pods ?? 0); i++) if (existing !== undefined) server.addPod(existing.pod(i));

  const attempts: number[] = [];
  const metrics: Metrics = {
    count() {},
    countEach() {},
    observe(figure, _, value) {
      if (figure === 'scheduler_scheduling_attempt_duration_seconds') attempts.push(value * 1000);
    },
    follow() {},
  };
  const { client, informers } = server;
  const recorder = () => ({ event() {} });
  const scheduler = createScheduler({ client, informers, clock: systemClock, ids: randomIds, logger: silentLogger, metrics, recorder });
  await scheduler.start();
  attempts.length = 0;

  const { done, placed } = follow(shape, server, { nodes, pods });
  const start = performance.now();
  const cpu = process.cpuUsage();
  const stopChurn = churn(shape, server);
  const last = await done(start);
  stopChurn();
  const { user, system } = process.cpuUsage(cpu);
  await scheduler.stop();
  const seconds = (last - start) / 1000;
  return { nodes, pods, placed: placed(), seconds, cpuSeconds: (user + system) / 1e6, attempts: attempts.toSorted((a, b) => a - b) };
}

/** Brings the pods, all at once or as others go; `done` gives when the last of them was bound. */
function follow(shape: Shape, server: InProcess, { nodes, pods }: Size) {
  const finished = Promise.withResolvers<void>();
  const waiting = new Map<string, number>();
  let [next, bound, last] = [0, 0, 0];
  const bring = (): void => {
    const i = next++;
    const pod = shape.pod(i, nodes);
    waiting.set(pod.metadata?.name ?? '', i);
    shape.before?.(server, i);
    server.addPod(pod);
  };
  server.onBound((name) => {
    const i = waiting.get(name);
    if (i === undefined) return;
    waiting.delete(name);
    last = performance.now();
    shape.meanwhile?.(server, ++bound, nodes);
    if (shape.steady !== undefined) {
      // Its binding is over first.
      setImmediate(() => shape.steady?.gone(server, i));
      setImmediate(() => next < pods && bring());
    }
    if (next === pods && waiting.size === 0) finished.resolve();
  });
  const done = async (start: number): Promise<number> => {
    const watchdog = setInterval(() => {
      if (performance.now() - Math.max(last, start) > PATIENCE_MS) finished.resolve();
    }, 500);
    for (let i = 0; i < Math.min(pods, shape.steady?.pods ?? pods); i++) bring();
    await finished.promise;
    clearInterval(watchdog);
    return last;
  };
  return { done, placed: () => next - waiting.size };
}

function churn({ churn: wanted }: Shape, server: InProcess): () => void {
  if (wanted === undefined) return () => {};
  let i = 0;
  const timer = setInterval(() => wanted.act(server, i++), wanted.everyMs);
  return () => clearInterval(timer);
}
