// The disk loses power, or the process is killed, at any call the engine makes to it; whatever was acknowledged is
// there afterwards, and nothing is half there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { type Ids, seededIds } from '#base/ids.ts';
import { type Store, type StoreEvent, StoreUnavailableError, type Transaction } from '../contract.ts';
import { openEmbeddedStore } from './store.ts';
import { diskError, MemoryDisk } from './testing/memory-disk.ts';

const ALL = { start: '/', end: '0' };
const HEADROOM_BYTES = 32 << 10;
const SEGMENT_BYTES = 6 << 10;
const GENERATIONS = 40;

/** What was tried over all generations, by a tag that is part of every value. */
interface Ledger {
  next: number;
  readonly tried: Map<string, Transaction>;
  /** Revision to tag of what was acknowledged, or shown: what was seen once stays. */
  readonly acknowledged: Map<number, string>;
  compacted: number;
}

for (const end of ['power loss', 'kill', 'kill or power loss'] as const) {
  for (const seed of [11, 12, 13, 14]) {
    test(`a store survives ${GENERATIONS} times ${end} at a random moment (seed ${seed})`, async () => {
      const ids = seededIds(seed);
      const ledger: Ledger = { next: 1, tried: new Map(), acknowledged: new Map(), compacted: 1 };
      let disk = new MemoryDisk();
      for (let generation = 0; generation < GENERATIONS; generation++) {
        const store = await open(disk);
        await compare(store, ledger);
        failAfter(disk, 5 + Math.floor(ids.fraction() * 150));
        await work(store, ids, ledger);
        const killed = end === 'kill' || (end !== 'power loss' && ids.fraction() < 0.5);
        disk = killed ? disk.afterKill() : disk.afterPowerLoss(ids);
        await store.close();
      }
      const store = await open(disk);
      await compare(store, ledger);
      assert.ok(ledger.acknowledged.size > GENERATIONS, `${ledger.acknowledged.size} were acknowledged`);
      await store.close();
    });
  }
}

function open(disk: MemoryDisk): Promise<Store> {
  return openEmbeddedStore({ dir: '/store', disk, clock: new ManualClock(), segmentBytes: SEGMENT_BYTES, headroomBytes: HEADROOM_BYTES });
}

/** From then on every call fails: what the engine does about that must not reach the disk. */
function failAfter(disk: MemoryDisk, calls: number): void {
  let left = calls;
  disk.onCall = (call, path) => {
    if (call !== 'read' && --left < 0) throw diskError('EIO', `${call} ${path}`);
  };
}

/** Writes, deletes and compacts from several sides until the disk fails. */
async function work(store: Store, ids: Ids, ledger: Ledger): Promise<void> {
  const writer = async (): Promise<void> => {
    for (;;) {
      const tag = `#${ledger.next++}`;
      const transaction = randomTransaction(ids, tag);
      ledger.tried.set(tag, transaction);
      const { revision } = await store.transact(transaction);
      ledger.acknowledged.set(revision, tag);
    }
  };
  let writing = true;
  const compactor = async (): Promise<void> => {
    while (writing) {
      for (let i = 0; i < 30; i++) await new Promise((resolve) => void setImmediate(resolve));
      const { revision, compactRevision } = await store.status();
      const target = compactRevision + Math.floor(ids.fraction() * (revision - compactRevision + 1));
      await store.compact(target);
      ledger.compacted = Math.max(ledger.compacted, target);
    }
  };
  const compacting = compactor();
  const results = [...(await Promise.allSettled([writer(), writer(), writer(), writer()]))];
  writing = false;
  results.push(...(await Promise.allSettled([compacting])));
  for (const result of results) {
    if (result.status === 'rejected' && !(result.reason instanceof StoreUnavailableError)) throw result.reason;
  }
}

function randomTransaction(ids: Ids, tag: string): Transaction {
  const keys = new Set(Array.from({ length: 1 + Math.floor(ids.fraction() * 4) }, () => `/k${Math.floor(ids.fraction() * 12)}`));
  const operations = [...keys].map((key, i): Transaction['operations'][number] =>
    i > 0 && ids.fraction() < 0.4
      ? { kind: 'delete', key }
      : { kind: 'put', key, value: Buffer.from(`${tag} ${ids.suffix(Math.floor(ids.fraction() * 400))}`) },
  );
  return { conditions: [], operations };
}

async function compare(store: Store, ledger: Ledger): Promise<void> {
  const { revision, compactRevision } = await store.status();
  assert.ok(compactRevision >= ledger.compacted, 'an acknowledged compaction is remembered');
  const last = Math.max(1, ...ledger.acknowledged.keys());
  assert.ok(revision >= last, `revision ${revision} is not below the last acknowledged ${last}`);
  const byRevision = Map.groupBy(await history(store, compactRevision, revision), ({ entry }) => entry.modRevision);
  const current = new Map((await store.range({ ...ALL, revision: compactRevision })).entries.map(({ key, value }) => [key, value]));
  for (let r = compactRevision; r <= revision; r++) {
    if (r === 1) continue;
    const events = byRevision.get(r) ?? [];
    if (r > compactRevision || events.length > 0) checkWhole(ledger, r, events);
    for (const { type, entry } of events) {
      if (type === 'put') current.set(entry.key, entry.value);
      else current.delete(entry.key);
    }
  }
  // What the history says and what the index says are the same.
  const { entries } = await store.range(ALL);
  const said = [...current].toSorted(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(
    entries.map(({ key, value }) => `${key}=${textOf(value)}`),
    said.map(([key, value]) => `${key}=${textOf(value)}`),
  );
}

function textOf(value: Uint8Array): string {
  return Buffer.from(value).toString();
}

async function history(store: Store, from: number, to: number): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  if (from > to || to === 1) return events;
  const watch = store.watch({ ...ALL, revision: from });
  for await (const batch of watch) {
    events.push(...batch.events);
    if (batch.revision >= to) break;
  }
  return events;
}

/** The events of a revision are all the writes of one transaction: the acknowledged one, where one was. */
function checkWhole(ledger: Ledger, revision: number, events: readonly StoreEvent[]): void {
  const put = events.find(({ type }) => type === 'put');
  const tag = textOf(put?.entry.value ?? Buffer.alloc(0)).split(' ')[0] ?? '';
  const transaction = ledger.tried.get(tag);
  assert.ok(transaction !== undefined, `revision ${revision} is of a transaction that was tried`);
  const acknowledged = ledger.acknowledged.get(revision);
  if (acknowledged !== undefined) assert.equal(tag, acknowledged);
  ledger.acknowledged.set(revision, tag);
  const byKey = new Map(events.map(({ type, entry }) => [entry.key, type === 'put' ? textOf(entry.value) : undefined]));
  for (const operation of transaction.operations) {
    // A delete of an absent key leaves no event.
    if (operation.kind === 'put') assert.equal(byKey.get(operation.key), textOf(operation.value));
    byKey.delete(operation.key);
  }
  assert.equal(byKey.size, 0, 'nothing else is at this revision');
}
