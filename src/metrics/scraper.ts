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
/** Most rounds that a node is left out after it did not answer again and again: it is asked every minute. */
const MAX_LEFT_OUT = 3;

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
  /** Nodes that did not answer the last time. */
  readonly #silent = new Map<string, { readonly failures: number; leftOut: number }>();
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
    for (const known of [this.#samples, this.#silent]) for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    const left = nodes.values();
    await Promise.all(
      Array.from({ length: Math.min(MAX_CONCURRENT, nodes.length) }, async () => {
        for (const node of left) if (this.#isAsked(node)) await this.#scrapeNode(node, signal);
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

  /** A silent node costs as much as one that answers: the second time it is left out for a round, then for three. */
  #isAsked({ metadata: { name } }: Node): boolean {
    const silent = this.#silent.get(name);
    if (silent === undefined || silent.leftOut === 0) return true;
    silent.leftOut--;
    return false;
  }

  async #scrapeNode(node: Node, signal: AbortSignal): Promise<void> {
    const { fetchMetrics, clock, logger } = this.#deps;
    const { name } = node.metadata;
    const late = new AbortController();
    const cancel = clock.after(SCRAPE_TIMEOUT_MS, () => late.abort(new Error('the kubelet did not answer in time')));
    try {
      const scrape = parseScrape(await fetchMetrics(node, AbortSignal.any([signal, late.signal])), clock.now());
      this.#samples.set(name, withScrape(this.#samples.get(name) ?? NO_SAMPLES, scrape, RESOLUTION_MS));
      this.#silent.delete(name);
    } catch (error) {
      if (signal.aborted) return;
      const failures = (this.#silent.get(name)?.failures ?? 0) + 1;
      this.#silent.set(name, { failures, leftOut: Math.min(2 ** (failures - 1) - 1, MAX_LEFT_OUT) });
      logger.warn('failed to scrape node', { node: name, failures, error });
    } finally {
      cancel();
    }
  }
}
