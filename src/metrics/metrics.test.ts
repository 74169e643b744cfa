import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyField, fieldEquals } from '#apimachinery/fields.ts';
import { everything, parseLabelSelector } from '#apimachinery/labels.ts';
import type { Node, Pod } from '#api/types.ts';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { fakeInformer } from '#client/testing.ts';
import { MetricsApi } from './metrics-api.ts';
import { parseScrape } from './parse-scrape.ts';
import { NO_SAMPLES, usageOf, withScrape } from './samples.ts';
import { Scraper } from './scraper.ts';

const START = Date.UTC(2026, 0, 1);

interface Figures {
  readonly at: number;
  readonly cpu: number;
  readonly memory?: number;
  readonly startedAt?: number;
}

/** As a kubelet says it; times in milliseconds since START. */
const text = ({ at, cpu, memory = 1 << 20, startedAt = -3600_000 }: Figures): string => `# HELP container_cpu_usage_seconds_total x
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="app",namespace="ns",pod="web"} ${cpu} ${START + at}
container_memory_working_set_bytes{container="app",namespace="ns",pod="web"} ${memory} ${START + at}
container_start_time_seconds{container="app",namespace="ns",pod="web"} ${(START + startedAt) / 1000}
container_cpu_usage_seconds_total{container="half",namespace="ns",pod="other"} 1 ${START + at}
node_cpu_usage_seconds_total ${cpu * 2} ${START + at}
node_memory_working_set_bytes ${memory * 2} ${START + at}
pod_cpu_usage_seconds_total{namespace="ns",pod="web"} 9 ${START + at}
resource_scrape_error 0
`;

test('parseScrape takes node and containers, and leaves out what lacks a value', () => {
  const { node, pods: found } = parseScrape(text({ at: 0, cpu: 1.5 }), START);
  assert.deepEqual(node, { at: START, startedAt: 0, cpuSeconds: 3, memory: 2 << 20 });
  assert.deepEqual([...found.keys()], ['ns/web']);
  assert.deepEqual(found.get('ns/web')?.get('app'), { at: START, startedAt: START - 3600_000, cpuSeconds: 1.5, memory: 1 << 20 });
  assert.deepEqual(parseScrape('nonsense\nnode_cpu_usage_seconds_total NaN\n', START), { node: undefined, pods: new Map() });
});

test('parseScrape takes no long look at labels that a kubelet made without end', () => {
  const labels = '0'.repeat(4 << 20);
  assert.equal(parseScrape(`container_memory_working_set_bytes{${labels}} 1 1\n`, START).pods.size, 0);
});

const usages = (...all: readonly Figures[]) => {
  const samples = all.reduce((before, figures) => withScrape(before, parseScrape(text(figures), START), 15_000), NO_SAMPLES);
  return usageOf(samples.pods.get('ns/web')?.get('app'));
};

for (const c of [
  { name: 'is unknown after one scrape', scrapes: [{ at: 0, cpu: 1 }], cpu: undefined },
  {
    name: 'is what was used between two',
    scrapes: [
      { at: 0, cpu: 1 },
      { at: 15_000, cpu: 4 },
    ],
    cpu: 200_000_000,
    windowMs: 15_000,
  },
  {
    name: 'follows the last two',
    scrapes: [
      { at: 0, cpu: 1 },
      { at: 15_000, cpu: 4 },
      { at: 30_000, cpu: 4.015 },
    ],
    cpu: 1_000_000,
    windowMs: 15_000,
  },
  {
    name: 'stays when a kubelet says the same again',
    scrapes: [
      { at: 0, cpu: 1 },
      { at: 15_000, cpu: 4 },
      { at: 15_000, cpu: 4 },
    ],
    cpu: 200_000_000,
    windowMs: 15_000,
  },
  {
    name: 'counts from the start of a young container',
    scrapes: [{ at: 12_000, cpu: 6, startedAt: 0 }],
    cpu: 500_000_000,
    windowMs: 12_000,
  },
  { name: 'waits for a container that has just begun', scrapes: [{ at: 5000, cpu: 6, startedAt: 0 }], cpu: undefined },
  {
    name: 'begins anew with a container that was restarted',
    scrapes: [
      { at: 0, cpu: 50 },
      { at: 20_000, cpu: 1, startedAt: 15_000 },
    ],
    cpu: undefined,
  },
] as readonly {
  readonly name: string;
  readonly scrapes: readonly Figures[];
  readonly cpu: number | undefined;
  readonly windowMs?: number;
}[]) {
  test(`use ${c.name}`, () => {
    const usage = usages(...c.scrapes);
    assert.deepEqual([usage?.cpu, usage?.windowMs], [c.cpu, c.windowMs]);
  });
}

function world(answer?: (node: string) => Promise<string>) {
  const nodeInformer = fakeInformer<Node>();
  const podInformer = fakeInformer<Pod>();
  nodeInformer.put({ metadata: { name: 'n1', uid: 'n1', labels: { zone: 'a' } }, status: {} } as never);
  nodeInformer.put({ metadata: { name: 'n2', uid: 'n2' }, status: {} } as never);
  podInformer.put({ metadata: { name: 'web', namespace: 'ns', uid: 'p', labels: { app: 'web' } }, status: { phase: 'Running' } } as never);
  const figures: Figures[] = [
    { at: 0, cpu: 1 },
    { at: 15_000, cpu: 4 },
  ];
  const clock = new ManualClock(START);
  const scraper = new Scraper({
    nodes: nodeInformer,
    clock,
    logger: silentLogger,
    fetchMetrics: ({ metadata: { name } }) =>
      answer !== undefined
        ? answer(name)
        : name === 'n1'
          ? Promise.resolve(text(figures.shift() as Figures))
          : Promise.reject(new Error('away')),
  });
  return { scraper, clock, api: new MetricsApi({ nodes: nodeInformer, pods: podInformer, usage: scraper }), podInformer };
}

test('the API shows nodes and pods that were seen twice, by selectors, and a node that is away hurts no other', async () => {
  const { scraper, api, clock, podInformer } = world();
  const { signal } = new AbortController();
  await scraper.scrape(signal);
  const all = { labels: everything, fields: everyField };
  assert.deepEqual(api.listPods(all).items, []);
  assert.throws(() => api.getPod('ns', 'web'), /podmetrics|pods.metrics.k8s.io "ns\/web" not found/);
  await scraper.scrape(signal);
  assert.equal(clock.pending, 0);
  const pod = api.getPod('ns', 'web');
  assert.deepEqual(pod.containers, [{ name: 'app', usage: { cpu: '200m', memory: '1Mi' } }]);
  assert.deepEqual([pod.window, pod.timestamp, pod.metadata.labels], ['15s', '2026-01-01T00:00:15Z', { app: 'web' }]);
  assert.deepEqual(
    api.listNodes(all).items.map(({ metadata, usage }) => [metadata.name, usage['cpu']]),
    [['n1', '400m']],
  );
  assert.equal(api.listPods({ ...all, namespace: 'other' }).items.length, 0);
  assert.equal(api.listPods({ ...all, labels: parseLabelSelector('app!=web') }).items.length, 0);
  assert.equal(api.listPods({ ...all, fields: fieldEquals('metadata.name', 'web') }).items.length, 1);
  podInformer.put({ metadata: { name: 'web', namespace: 'ns', uid: 'p', resourceVersion: '2' }, status: { phase: 'Succeeded' } } as never);
  assert.equal(api.listPods(all).items.length, 0);
});

test('a node that does not answer is asked less and less often, and each round once it answers', async () => {
  const asked: number[] = [];
  let answers = false;
  const { scraper } = world((name) => {
    if (name !== 'n2') return Promise.resolve('');
    asked.push(round);
    return answers ? Promise.resolve('') : Promise.reject(new Error('away'));
  });
  let round = 0;
  for (; round < 14; round++) {
    answers = round >= 10;
    await scraper.scrape(new AbortController().signal);
  }
  assert.deepEqual(asked, [0, 1, 3, 7, 11, 12, 13]);
});
