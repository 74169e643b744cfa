// pure
// A kubelet's `/metrics/resource`. Source: metrics-server pkg/scraper/client/resource/decode.go.
import type { Point, Scrape } from './contract.ts';

interface Draft {
  at: number;
  startedAt: number;
  cpuSeconds: number | undefined;
  memory: number | undefined;
}

/** A name, labels, a value, a time in milliseconds. */
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})? (\S+)(?: (\d+))?$/;
const LABEL = /(?<!\w)(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Lines that are none of ours are passed over. `now`: for samples without a time. A container without one of its values is left out. */
export function parseScrape(text: string, now: number): Scrape {
  const node = draft();
  const pods = new Map<string, Map<string, Draft>>();
  for (const line of text.split('\n')) {
    const [, name = '', labelText = '', valueText = '', at] = LINE.exec(line) ?? [];
    const set = SETTERS[name];
    const value = Number(valueText);
    if (set === undefined || !Number.isFinite(value)) continue;
    const { namespace, pod, container } = Object.fromEntries(
      [...labelText.matchAll(LABEL)].map(([, key = '', label = '']) => [key, label]),
    ) as Partial<Record<string, string>>;
    if (name.startsWith('node_')) set(node, value, at === undefined ? now : Number(at));
    else if (namespace !== undefined && pod !== undefined && container !== undefined)
      set(draftOf(pods, `${namespace}/${pod}`, container), value, at === undefined ? now : Number(at));
  }
  const complete = [...pods].map(([pod, containers]): [string, ReadonlyMap<string, Point>] => [
    pod,
    new Map(
      [...containers].flatMap(([name, one]) => {
        const point = pointOf(one);
        return point === undefined || one.startedAt === 0 ? [] : [[name, point] as const];
      }),
    ),
  ]);
  return { node: pointOf(node), pods: new Map(complete.filter(([, containers]) => containers.size > 0)) };
}

const draft = (): Draft => ({ at: 0, startedAt: 0, cpuSeconds: undefined, memory: undefined });

type Setter = (draft: Draft, value: number, at: number) => void;

const cpu: Setter = (one, value, at) => {
  one.cpuSeconds = value;
  one.at = at;
};
const memory: Setter = (one, value, at) => {
  one.memory = value;
  one.at = Math.max(one.at, at);
};

const SETTERS: Readonly<Record<string, Setter>> = {
  node_cpu_usage_seconds_total: cpu,
  container_cpu_usage_seconds_total: cpu,
  node_memory_working_set_bytes: memory,
  container_memory_working_set_bytes: memory,
  container_start_time_seconds: (one, value) => {
    one.startedAt = value * 1000;
  },
};

function draftOf(pods: Map<string, Map<string, Draft>>, pod: string, container: string): Draft {
  const containers = pods.get(pod) ?? new Map<string, Draft>();
  pods.set(pod, containers);
  const one = containers.get(container) ?? draft();
  containers.set(container, one);
  return one;
}

function pointOf({ at, startedAt, cpuSeconds, memory: bytes }: Draft): Point | undefined {
  return cpuSeconds === undefined || bytes === undefined || at === 0 ? undefined : { at, startedAt, cpuSeconds, memory: bytes };
}
