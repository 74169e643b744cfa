// pure
// The last two points of everything, and the use between them. Source: metrics-server pkg/storage node.go, pod.go, types.go.
import type { Point, Scrape, Usage } from './contract.ts';

/** Younger containers than this have no use yet. Source: freshContainerMinMetricsResolution. */
const FRESH_MIN_MS = 10_000;

interface Pair {
  readonly last: Point;
  readonly previous: Point | undefined;
}

/** Of one kubelet. Immutable: each scrape makes the next. */
export interface Samples {
  readonly node: Pair | undefined;
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Pair>>;
}

export const NO_SAMPLES: Samples = { node: undefined, pods: new Map() };

/** What the scrape does not name is forgotten. `resolutionMs`: time between scrapes. */
export function withScrape(before: Samples, { node, pods }: Scrape, resolutionMs: number): Samples {
  const known = (pod: string, container: string): Pair | undefined => before.pods.get(pod)?.get(container);
  return {
    node: node === undefined ? undefined : next(before.node, node, resolutionMs),
    pods: new Map(
      [...pods].map(([pod, containers]) => [
        pod,
        new Map([...containers].map(([name, point]) => [name, next(known(pod, name), point, resolutionMs)])),
      ]),
    ),
  };
}

/** A container that was started since counts from its start; one that was started anew begins anew. */
function next(before: Pair | undefined, point: Point, resolutionMs: number): Pair {
  const age = point.at - point.startedAt;
  if (age >= FRESH_MIN_MS && age < resolutionMs) return { last: point, previous: { ...point, at: point.startedAt, cpuSeconds: 0 } };
  if (before === undefined || point.startedAt >= before.last.at) return { last: point, previous: undefined };
  return point.at > before.last.at ? { last: point, previous: before.last } : { last: point, previous: before.previous };
}

/** Undefined until there are two points. */
export function usageOf(pair: Pair | undefined): Usage | undefined {
  const { last, previous } = pair ?? {};
  if (last === undefined || previous === undefined || last.at <= previous.at || last.cpuSeconds < previous.cpuSeconds) return undefined;
  const windowMs = last.at - previous.at;
  return { at: last.at, windowMs, cpu: Math.round(((last.cpuSeconds - previous.cpuSeconds) / windowMs) * 1e12), memory: last.memory };
}
