// What an engine brings to be put through the suite, and the few steps all its tests are made of.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type KeyValue,
  prefixEnd,
  type RangeRequest,
  type Store,
  type StoreEvent,
  type Transaction,
  type Watch,
  type WatchRequest,
} from '../contract.ts';

export interface OpenOptions {
  /** Unread batches a watch may hold. */
  readonly watchQueue?: number;
}

/** A store with nothing under `prefix`. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Keys of this test start with it; other tests' keys never do. */
  readonly prefix: string;
  /** Closes the store and opens it again. */
  reopen(): Promise<Store>;
  /** The store as it comes back when the process that serves it is killed now. */
  crash(): Promise<Store>;
  /** A store of its own, made from a snapshot. */
  restore(snapshot: AsyncIterable<Uint8Array>): Promise<Store>;
  /** Lets leases age; where the engine's time is real, nothing needs to be done but wait for the event. */
  elapse(milliseconds: number): Promise<void>;
  /** Frees everything. */
  dispose(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  open(options?: OpenOptions): Promise<StoreUnderTest>;
  /** After the last test. */
  stop?(): Promise<void>;
}

/** A test of one promise, with a store of its own and the steps on it. */
export type PromiseTest = (steps: Steps, context: TestContext) => Promise<void>;

/** Declares the test for an engine. */
export function declare(engine: Engine, name: string, body: PromiseTest, options: OpenOptions = {}): void {
  void test(name, async (context) => {
    const opened = await engine.open(options);
    try {
      await body(new Steps(opened), context);
    } finally {
      await opened.dispose();
    }
  });
}

/** Short forms of what tests do all the time; keys are given without the prefix. */
export class Steps {
  readonly opened: StoreUnderTest;
  store: Store;

  constructor(opened: StoreUnderTest) {
    this.opened = opened;
    this.store = opened.store;
  }

  key(name: string): string {
    return this.opened.prefix + name;
  }

  /** All keys of the test. */
  get all(): { readonly start: string; readonly end: string } {
    return { start: this.opened.prefix, end: prefixEnd(this.opened.prefix) };
  }

  /** Commits a transaction that must succeed; returns its revision. */
  async commit(operations: Transaction['operations'], conditions: Transaction['conditions'] = []): Promise<number> {
    const result = await this.store.transact({ conditions, operations });
    assert.equal(result.committed, true);
    return result.revision;
  }

  /** Puts one key; returns the revision. */
  put(name: string, value = name, lease?: number): Promise<number> {
    return this.commit([putOf(this.key(name), value, lease)]);
  }

  delete(name: string): Promise<number> {
    return this.commit([{ kind: 'delete', key: this.key(name) }]);
  }

  async get(name: string, revision = 0): Promise<KeyValue | undefined> {
    const { entries } = await this.store.range({ start: this.key(name), revision });
    return entries[0];
  }

  /** `name=value` of what a range finds, without the prefix. */
  async list(request: Partial<RangeRequest> = {}): Promise<string[]> {
    const { entries } = await this.store.range({ ...this.all, ...request });
    return entries.map((entry) => this.show(entry));
  }

  async revision(): Promise<number> {
    return (await this.store.status()).revision;
  }

  watch(request: Partial<WatchRequest> = {}): Watch {
    return this.store.watch({ ...this.all, ...request });
  }

  /** `name=value`, without the prefix. */
  show({ key, value }: KeyValue): string {
    return `${key.slice(this.opened.prefix.length)}=${textOf(value)}`;
  }

  /** `revision type name=value`, without the prefix. */
  showEvent({ type, entry }: StoreEvent): string {
    return `${entry.modRevision} ${type} ${this.show(entry)}`;
  }
}

export function putOf(key: string, value: string, lease?: number): Transaction['operations'][number] {
  return { kind: 'put', key, value: Buffer.from(value), ...(lease === undefined ? {} : { lease }) };
}

export function textOf(value: Uint8Array): string {
  return Buffer.from(value).toString();
}

/** Reads a watch until it has brought `count` events, checking the order of its batches. */
export async function take(watch: Watch, count: number): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  let last = 0;
  while (events.length < count) {
    const { value, done } = await watch.next();
    assert.notEqual(done, true, `the watch ended after ${events.length} of ${count} events`);
    assert.ok(value.revision > last || (value.events.length === 0 && value.revision >= last), 'batches go forward');
    for (const { entry } of value.events) {
      assert.ok(entry.modRevision > last, 'a transaction is in one batch, and comes once');
      assert.ok(entry.modRevision <= value.revision, 'a batch says how far it goes');
    }
    last = value.revision;
    events.push(...value.events);
  }
  assert.equal(events.length, count);
  return events;
}
