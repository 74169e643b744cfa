// The store as simply as it can be written down: all states of all keys, for ever. And a test that does the same at
// random to an engine and to this, and compares.
import assert from 'node:assert/strict';
import { type Ids, seededIds } from '#base/ids.ts';
import {
  CompactedError,
  type Condition,
  type KeyValue,
  type RangeRequest,
  type StoreEvent,
  type Transaction,
  type TransactionResult,
} from '../contract.ts';
import { declare, type Engine, type Steps, textOf } from './engine.ts';

type Entry = Omit<KeyValue, 'value'> & { readonly value: string };

/** One key's life: what it was from each revision on; undefined where it did not exist. */
type Life = { readonly revision: number; readonly entry: Entry | undefined }[];

export class Model {
  readonly #lives = new Map<string, Life>();
  /** `revision type key value`, in order. */
  readonly events: { readonly revision: number; readonly text: string }[] = [];

  entryAt(key: string, revision: number): Entry | undefined {
    return this.#lives.get(key)?.findLast((moment) => moment.revision <= revision)?.entry;
  }

  /** Whether the conditions hold in the state at `revision`. */
  holds(conditions: readonly Condition[], revision: number): boolean {
    return conditions.every(({ key, modRevision }) => (this.entryAt(key, revision)?.modRevision ?? 0) === modRevision);
  }

  apply({ operations }: Transaction, revision: number): void {
    for (const operation of operations) {
      const { key } = operation;
      const before = this.entryAt(key, revision - 1);
      if (operation.kind === 'delete' && before === undefined) continue;
      const value = operation.kind === 'put' ? textOf(operation.value) : '';
      const entry =
        operation.kind === 'delete'
          ? undefined
          : {
              key,
              value,
              createRevision: before?.createRevision ?? revision,
              modRevision: revision,
              version: (before?.version ?? 0) + 1,
              lease: 0,
            };
      const life = this.#lives.get(key);
      if (life === undefined) this.#lives.set(key, [{ revision, entry }]);
      else life.push({ revision, entry });
      this.events.push({ revision, text: `${revision} ${operation.kind} ${key}=${value}` });
    }
  }

  range(start: string, end: string, revision: number): Entry[] {
    const keys = [...this.#lives.keys()].filter((key) => compareBytes(key, start) >= 0 && compareBytes(key, end) < 0);
    return keys
      .toSorted(compareBytes)
      .map((key) => this.entryAt(key, revision))
      .filter((entry) => entry !== undefined);
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const NAMES = ['a', 'a/', 'a/1', 'a/2', 'a/10', 'b', 'b/é', 'b/\ufffd', 'b/\u{1f600}', 'c', 'c/x/y', 'd~'];
const ROUNDS = 60;
const AT_ONCE = 8;

export function declareModel(engine: Engine): void {
  for (const seed of [1, 2, 3]) {
    declare(engine, `random transactions leave the same states and events as the model (seed ${seed})`, (steps) =>
      compareWithModel(steps, seed),
    );
  }
}

async function compareWithModel(steps: Steps, seed: number): Promise<void> {
  const ids = seededIds(seed);
  const model = new Model();
  const first = (await steps.revision()) + 1;
  const log: StoreEvent[] = [];
  const watch = steps.watch({ revision: first });
  const catchUp = async (): Promise<void> => {
    while (log.length < model.events.length) log.push(...((await watch.next()).value?.events ?? []));
  };

  let current = first - 1;
  let oldest = first - 1;
  for (let round = 0; round < ROUNDS; round++) {
    const transactions = Array.from({ length: pick(ids, AT_ONCE) + 1 }, () => randomTransaction(steps, ids, model, current));
    const results = await Promise.all(transactions.map((transaction) => steps.store.transact(transaction)));
    current = follow(model, transactions, results, current);
    if (pick(ids, 15) === 0) {
      await catchUp(); // a watch that has not read what is compacted would rightly end
      oldest = oldest + pick(ids, current - oldest + 1);
      await steps.store.compact(oldest);
    }
    for (let i = 0; i < 3; i++) await compareRange(steps, ids, model, { current, oldest });
    if (pick(ids, 10) === 0) await compareRefusal(steps, { oldest, first });
  }

  await catchUp();
  await watch.return?.();
  const seen = log.map((event) => `${event.entry.modRevision} ${event.type} ${event.entry.key}=${textOf(event.entry.value)}`);
  assert.deepEqual(
    seen,
    model.events.map(({ text }) => text),
  );
}

function pick(ids: Ids, below: number): number {
  return Math.floor(ids.fraction() * below);
}

function randomKey(steps: Steps, ids: Ids): string {
  return steps.key(NAMES[pick(ids, NAMES.length)] as string);
}

/** Always with a put: then a committed transaction has a revision of its own, by which they can be put in order. */
function randomTransaction(steps: Steps, ids: Ids, model: Model, current: number): Transaction {
  const keys = new Set(Array.from({ length: 1 + pick(ids, 3) }, () => randomKey(steps, ids)));
  const operations = [...keys].map((key, i): Transaction['operations'][number] =>
    i > 0 && pick(ids, 2) === 0 ? { kind: 'delete', key } : { kind: 'put', key, value: Buffer.from(ids.suffix(pick(ids, 40))) },
  );
  const conditions = Array.from({ length: pick(ids, 3) }, () => {
    const key = randomKey(steps, ids);
    return { key, modRevision: pick(ids, 4) === 0 ? current : (model.entryAt(key, current)?.modRevision ?? 0) };
  });
  return { conditions, operations, readOnFailure: pick(ids, 2) === 0 ? [randomKey(steps, ids)] : [] };
}

/** Checks what transactions that ran at the same time were answered, in the order the engine gave them. */
function follow(model: Model, transactions: readonly Transaction[], results: readonly TransactionResult[], before: number): number {
  const answered = transactions.map((transaction, i) => ({ transaction, result: results[i] as TransactionResult }));
  let current = before;
  for (const { transaction, result } of answered
    .filter((each) => each.result.committed)
    .toSorted((a, b) => a.result.revision - b.result.revision)) {
    assert.equal(result.revision, current + 1);
    assert.ok(model.holds(transaction.conditions, current), 'conditions hold where a transaction is committed');
    current = result.revision;
    model.apply(transaction, current);
  }
  for (const { transaction, result } of answered) {
    if (result.committed) continue;
    assert.ok(!model.holds(transaction.conditions, result.revision), 'a condition fails at the revision that is answered');
    const expected = (transaction.readOnFailure ?? []).map((key) => model.entryAt(key, result.revision));
    assert.deepEqual(
      result.present.map((entry) => entry && plain(entry)),
      expected,
    );
  }
  return current;
}

function plain(entry: KeyValue): Entry {
  return { ...entry, value: textOf(entry.value) };
}

interface Bounds {
  readonly current: number;
  readonly oldest: number;
}

async function compareRange(steps: Steps, ids: Ids, model: Model, { current, oldest }: Bounds): Promise<void> {
  const revision = pick(ids, 3) === 0 ? 0 : oldest + pick(ids, current - oldest + 1);
  const start = randomKey(steps, ids);
  const end = pick(ids, 2) === 0 ? steps.all.end : randomKey(steps, ids);
  const limit = pick(ids, 3) === 0 ? 1 + pick(ids, 5) : 0;
  const request: RangeRequest = { start, end, limit, revision };
  const response = await steps.store.range(request);
  const expected = model.range(start, end, revision === 0 ? current : revision);
  const wanted = limit === 0 ? expected : expected.slice(0, limit);
  assert.deepEqual(response.entries.map(plain), wanted, JSON.stringify(request));
  assert.deepEqual([response.count, response.more], [expected.length, expected.length > wanted.length]);
}

async function compareRefusal(steps: Steps, { oldest, first }: { readonly oldest: number; readonly first: number }): Promise<void> {
  if (oldest <= first) return;
  await assert.rejects(steps.list({ revision: oldest - 1 }), CompactedError);
}
