// The loads: each does the same to any store and says how much of it was done, how fast.
import { prefixEnd, type Store } from '#store/contract.ts';

export interface Measured {
  /** The figure that is compared. */
  readonly rate: number;
  readonly unit: string;
  /** Latencies in milliseconds, where single operations were timed. */
  readonly median?: number;
  readonly p99?: number;
}

export interface LoadOptions {
  /** Milliseconds a load runs, where it is not a fixed amount of work. */
  readonly milliseconds: number;
  readonly value: Uint8Array;
  /** Keys that exist. */
  readonly keys: number;
}

export const PREFIX = '/bench/pods/';

export function keyOf(number: number): string {
  return `${PREFIX}default/web-5d9c7b6f4-${String(number).padStart(6, '0')}`;
}

/** Puts `keys` keys, so that every load finds the same. */
export async function fill(store: Store, { keys, value }: LoadOptions): Promise<void> {
  let next = 0;
  await together(64, async () => {
    for (let number = next++; number < keys; number = next++) await put(store, number, value);
  });
}

function put(store: Store, number: number, value: Uint8Array): Promise<unknown> {
  return store.transact({ conditions: [], operations: [{ kind: 'put', key: keyOf(number), value }] });
}

async function together(count: number, each: (number: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, number) => each(number)));
}

/** Runs `operation` from `count` sides at once until the time is over. */
async function repeat(
  count: number,
  milliseconds: number,
  unit: string,
  operation: (number: number) => Promise<unknown>,
): Promise<Measured> {
  const latencies: number[] = [];
  const start = performance.now();
  let next = 0;
  await together(count, async () => {
    for (let before = performance.now(); before - start < milliseconds;) {
      await operation(next++);
      const now = performance.now();
      latencies.push(now - before);
      before = now;
    }
  });
  const seconds = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (part: number): number => latencies[Math.floor((latencies.length - 1) * part)] ?? Number.NaN;
  return { rate: latencies.length / seconds, unit, median: at(0.5), p99: at(0.99) };
}

/** Durable puts over existing keys. */
export function writes(writers: number): (store: Store, options: LoadOptions) => Promise<Measured> {
  return (store, { milliseconds, value, keys }) => repeat(writers, milliseconds, 'writes/s', (number) => put(store, number % keys, value));
}

/** Reads a key and writes it on condition that nobody else has: what an update of an object is. */
export async function updates(store: Store, { milliseconds, value, keys }: LoadOptions): Promise<Measured> {
  return repeat(32, milliseconds, 'updates/s', async (number) => {
    const key = keyOf((number * 7919) % keys);
    const { entries } = await store.range({ start: key });
    const conditions = [{ key, modRevision: entries[0]?.modRevision ?? 0 }];
    await store.transact({ conditions, operations: [{ kind: 'put', key, value }] });
  });
}

export async function gets(store: Store, { milliseconds, keys }: LoadOptions): Promise<Measured> {
  return repeat(32, milliseconds, 'gets/s', (number) => store.range({ start: keyOf((number * 7919) % keys) }));
}

/** All keys at once. */
export async function lists(store: Store, { milliseconds, keys }: LoadOptions): Promise<Measured> {
  const { rate, ...rest } = await repeat(1, milliseconds, 'entries/s', () => store.range({ start: PREFIX, end: prefixEnd(PREFIX) }));
  return { ...rest, rate: rate * keys };
}

/** Pages of 500 at one revision. */
export async function pages(store: Store, { milliseconds, keys }: LoadOptions): Promise<Measured> {
  const limit = 500;
  const { revision } = await store.status();
  const starts = Math.max(1, keys - limit);
  const { rate, ...rest } = await repeat(1, milliseconds, 'entries/s', (number) =>
    store.range({ start: keyOf((number * limit) % starts), end: prefixEnd(PREFIX), limit, revision }),
  );
  return { ...rest, rate: rate * Math.min(limit, keys) };
}

/** Events brought to readers: every watch sees every write of 32 writers. */
export function fanOut(watchers: number, events: number): (store: Store, options: LoadOptions) => Promise<Measured> {
  return async (store, { value, keys }) => {
    const watches = Array.from({ length: watchers }, () => store.watch({ start: PREFIX, end: prefixEnd(PREFIX) }));
    await settle(watches, store, value);
    const start = performance.now();
    const readers = watches.map(async (watch) => {
      for (let left = events; left > 0;) left -= (await watch.next()).value?.events.length ?? 0;
    });
    let next = 0;
    await together(32, async () => {
      for (let number = next++; number < events; number = next++) await put(store, number % keys, value);
    });
    await Promise.all(readers);
    const seconds = (performance.now() - start) / 1000;
    for (const watch of watches) await watch.return?.();
    return { rate: (events * watchers) / seconds, unit: 'events/s' };
  };
}

/** Waits until every watch has brought a first event: then all of them have begun. */
async function settle(
  watches: readonly AsyncIterator<{ readonly events: readonly unknown[] }>[],
  store: Store,
  value: Uint8Array,
): Promise<void> {
  await put(store, 0, value);
  for (const watch of watches) {
    for (let seen = 0; seen === 0;) seen = ((await watch.next()).value as { readonly events: readonly unknown[] }).events.length;
  }
}
