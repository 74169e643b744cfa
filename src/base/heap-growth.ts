// How far a heap grows before all of it is collected.
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** Bytes in use. */
const LARGE = 2 * 2 ** 30;
/** Percent of what is left after a collection. */
const GROWTH_OF_LARGE = 100;

export interface HeapGrowthDeps {
  readonly large?: number;
  readonly setFlags?: (flags: string) => void;
}

/**
 * Lets a heap double between collections of all of it, from 2 GiB on. V8 marks what is left within half a second by its plan,
 * however much that is, and has the main thread help until then: with 5 GB left requests crawl for five seconds, and that every
 * half a minute. A smaller heap is collected as the command line says, for memory's sake. Returns what ends it.
 */
export function letLargeHeapsGrow({ large = LARGE, setFlags = setFlagsFromString }: HeapGrowthDeps = {}): () => void {
  const observer = new PerformanceObserver((seen) => {
    const entries = seen.getEntries() as unknown as readonly { readonly detail: { readonly kind: number } }[];
    if (entries.every(({ detail }) => detail.kind !== constants.NODE_PERFORMANCE_GC_MAJOR)) return;
    if (getHeapStatistics().used_heap_size < large) return;
    observer.disconnect();
    setFlags(`--heap-growing-percent=${GROWTH_OF_LARGE}`);
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}
