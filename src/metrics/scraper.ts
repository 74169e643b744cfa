// Asks every kubelet what its node and pods use, and keeps what two answers say. Source: metrics-server pkg/scraper, pkg/server.
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Node } from '#api/types.ts';
import type { Lister } from '#client/informer-contract.ts';
import type { Usage } from './contract.ts';
import type { UsageReader } from './metrics-api.ts';
import { parseScrape } from './parse-scrape.ts';
import { NO_SAMPLES, type Samples, usageOf, withScrape } from './samples.ts';

/** Milliseconds. Source: --metric-resolution of metrics-server's components.yaml. */
const RESOLUTION_MS = 15_000;
/** Source: scrapeTimeout, 90 % of the resolution. */
const SCRAPE_TIMEOUT_MS = RESOLUTION_MS * 0.9;
/** Kubelets asked at a time. */
const MAX_CONCURRENT = 64;

export interface ScraperDeps {
  readonly nodes: Lister<Node>;
  /** The text of a kubelet's `/metrics/resource`. @throws Error when it cannot be had */
  readonly fetchMetrics: (node: Node, signal: AbortSignal) => Promise<string>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const NONE: ReadonlyMap<string, Usage> = new Map();

export class Scraper implements UsageReader {
  readonly #deps: ScraperDeps;
  readonly #samples = new Map<string, Samples>();
  /** Which node a pod's samples are with. */
  #nodeOfPod = new Map<string, string>();

  constructor(deps: ScraperDeps) {
    this.#deps = deps;
  }

  /** Until the signal aborts. A node that does not answer keeps nothing but its last points. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      const started = clock.monotonic();
      await this.scrape(signal);
      await wait(clock, Math.max(0, RESOLUTION_MS - (clock.monotonic() - started)), signal).catch((reason: unknown) => {
        if (!signal.aborted) throw reason;
      });
    }
  }

  /** All nodes once. */
  async scrape(signal: AbortSignal): Promise<void> {
    const nodes = [...this.#deps.nodes.list()];
    const names = new Set(nodes.map(({ metadata }) => metadata.name));
    for (const name of this.#samples.keys()) if (!names.has(name)) this.#samples.delete(name);
    const left = nodes.values();
    await Promise.all(
      Array.from({ length: Math.min(MAX_CONCURRENT, nodes.length) }, async () => {
        for (const node of left) await this.#scrapeNode(node, signal);
      }),
    );
    this.#nodeOfPod = new Map([...this.#samples].flatMap(([name, { pods }]) => [...pods.keys()].map((pod) => [pod, name] as const)));
  }

  node(name: string): Usage | undefined {
    return usageOf(this.#samples.get(name)?.node);
  }

  pod(namespace: string, name: string): ReadonlyMap<string, Usage> {
    const pod = `${namespace}/${name}`;
    const pairs = this.#samples.get(this.#nodeOfPod.get(pod) ?? '')?.pods.get(pod);
    const usages = [...(pairs ?? [])].map(([container, pair]) => [container, usageOf(pair)] as const);
    const known = usages.filter((entry): entry is readonly [string, Usage] => entry[1] !== undefined);
    // Part of a pod would look like little of it.
    return known.length === usages.length && known.length > 0 ? new Map(known) : NONE;
  }

  async #scrapeNode(node: Node, signal: AbortSignal): Promise<void> {
    const { fetchMetrics, clock, logger } = this.#deps;
    const { name } = node.metadata;
    const late = new AbortController();
    const cancel = clock.after(SCRAPE_TIMEOUT_MS, () => late.abort(new Error('the kubelet did not answer in time')));
    try {
      const scrape = parseScrape(await fetchMetrics(node, AbortSignal.any([signal, late.signal])), clock.now());
      this.#samples.set(name, withScrape(this.#samples.get(name) ?? NO_SAMPLES, scrape, RESOLUTION_MS));
    } catch (error) {
      if (!signal.aborted) logger.warn('failed to scrape node', { node: name, error });
    } finally {
      cancel();
    }
  }
}
