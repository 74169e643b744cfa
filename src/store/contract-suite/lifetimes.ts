// What compaction, leases, snapshots, closing and coming back promise.
import assert from 'node:assert/strict';
import { CompactedError, FutureRevisionError, InvalidTransactionError, type Store, StoreUnavailableError } from '../contract.ts';
import { declare, type Engine, putOf, take } from './engine.ts';

const SECOND_MS = 1000;

export function declareCompaction(engine: Engine): void {
  declare(engine, 'compact keeps what is current at its revision and all that came after', async (steps) => {
    await steps.put('a', '1');
    await steps.put('deleted', '1');
    await steps.put('b', '1');
    await steps.delete('deleted');
    const at = await steps.put('a', '2');
    const later = await steps.put('b', '2');
    await steps.delete('a');
    await steps.store.compact(at);
    assert.deepEqual(await steps.list({ revision: at }), ['a=2', 'b=1']);
    assert.deepEqual(await steps.list({ revision: later }), ['a=2', 'b=2']);
    assert.deepEqual(await steps.list(), ['b=2']);
    await assert.rejects(steps.list({ revision: at - 1 }), CompactedError);
  });

  declare(engine, 'compact is reported by status', async (steps) => {
    await steps.put('a', '1');
    const second = await steps.put('a', '2');
    await steps.store.compact(second);
    const { revision, compactRevision, sizeBytes, engine: name } = await steps.store.status();
    assert.ok(revision >= second);
    assert.equal(compactRevision, second);
    assert.ok(sizeBytes > 0);
    assert.equal(name, engine.name);
  });

  declare(engine, 'compact may be repeated', async (steps) => {
    const first = await steps.put('a', '1');
    await steps.store.compact(first);
    await steps.store.compact(first);
    assert.deepEqual(await steps.list(), ['a=1']);
  });

  declare(engine, 'compact of a future revision is refused', async (steps) => {
    const first = await steps.put('a', '1');
    await assert.rejects(steps.store.compact(first + 1000), FutureRevisionError);
    assert.deepEqual(await steps.list({ revision: first }), ['a=1']);
  });

  declare(engine, 'compact is remembered after a restart', async (steps) => {
    const first = await steps.put('a', '1');
    const second = await steps.put('a', '2');
    const third = await steps.put('b', '3');
    await steps.store.compact(second);
    for (const come of ['reopen', 'crash'] as const) {
      steps.store = await steps.opened[come]();
      await assert.rejects(steps.list({ revision: first }), CompactedError);
      assert.deepEqual(await steps.list({ revision: second }), ['a=2']);
      assert.deepEqual(await steps.list({ revision: third }), ['a=2', 'b=3']);
    }
  });
}

export function declareLeases(engine: Engine): void {
  declare(engine, 'grantLease lets its keys live until it expires, and deletes them in one transaction', async (steps) => {
    const lease = await steps.store.grantLease(2);
    const written = await steps.commit(['a', 'b', 'c'].map((name) => putOf(steps.key(name), '', lease)));
    await steps.put('other');
    const watch = steps.watch({ revision: written + 2 });
    await steps.opened.elapse(2 * SECOND_MS - 1);
    assert.equal((await steps.get('a'))?.lease, lease);
    await steps.opened.elapse(1);
    const events = await take(watch, 3);
    assert.deepEqual(new Set(events.map(({ type, entry }) => `${entry.modRevision} ${type}`)).size, 1);
    assert.deepEqual(events.map(({ entry }) => steps.show(entry)).toSorted(), ['a=', 'b=', 'c=']);
    assert.deepEqual(await steps.list(), ['other=other']);
    await watch.return?.();
  });

  declare(engine, 'a key whose lease was taken off or changed does not go with the old one', async (steps) => {
    const [first, second] = [await steps.store.grantLease(60), await steps.store.grantLease(60)];
    await steps.commit(['gone', 'freed', 'moved'].map((name) => putOf(steps.key(name), '', first)));
    await steps.put('freed', '', 0);
    await steps.put('moved', '', second);
    await steps.store.revokeLease(first);
    assert.deepEqual(await steps.list(), ['freed=', 'moved=']);
    await steps.store.revokeLease(second);
    assert.deepEqual(await steps.list(), ['freed=']);
  });

  declare(engine, 'revokeLease deletes the keys in one transaction and forgets the lease', async (steps) => {
    const lease = await steps.store.grantLease(60);
    await steps.put('a', '', lease);
    const written = await steps.put('b', '', lease);
    await steps.store.revokeLease(lease);
    const watch = steps.watch({ revision: written + 1 });
    const events = await take(watch, 2);
    assert.deepEqual(
      events.map(({ type, entry }) => [type, entry.modRevision]),
      [
        ['delete', written + 1],
        ['delete', written + 1],
      ],
    );
    await watch.return?.();
    await assert.rejects(steps.put('c', '', lease), InvalidTransactionError);
  });

  declare(engine, 'revokeLease of an unknown or empty lease changes nothing', async (steps) => {
    const before = await steps.put('a');
    await steps.store.revokeLease(123_456_789);
    await steps.store.revokeLease(await steps.store.grantLease(60));
    assert.equal(await steps.revision(), before);
  });

  for (const seconds of [0, -1, 1.5, Number.NaN]) {
    declare(engine, `grantLease of ${seconds} seconds is refused`, async (steps) => {
      await assert.rejects(steps.store.grantLease(seconds), InvalidTransactionError);
    });
  }

  declare(engine, 'a lease survives a restart, and still expires', async (steps) => {
    const lease = await steps.store.grantLease(3);
    const written = await steps.put('a', '', lease);
    await steps.opened.elapse(2 * SECOND_MS);
    steps.store = await steps.opened.crash();
    assert.equal((await steps.get('a'))?.lease, lease);
    const watch = steps.watch({ revision: written + 1 });
    await steps.opened.elapse(3 * SECOND_MS - 1);
    await steps.opened.elapse(1);
    assert.deepEqual(
      (await take(watch, 1)).map(({ type }) => type),
      ['delete'],
    );
    await watch.return?.();
  });
}

export function declareRestarts(engine: Engine): void {
  declare(engine, 'everything acknowledged is there after close and open, and after a crash', async (steps) => {
    const first = await steps.put('a', '1');
    await steps.put('deleted');
    await steps.delete('deleted');
    const last = await steps.put('a', '2');
    const entry = await steps.get('a');
    for (const come of ['reopen', 'crash'] as const) {
      steps.store = await steps.opened[come]();
      assert.deepEqual(await steps.list(), ['a=2']);
      assert.deepEqual(await steps.list({ revision: first }), ['a=1']);
      assert.deepEqual({ ...(await steps.get('a')), value: null }, { ...entry, value: null });
      assert.ok((await steps.revision()) >= last);
      const events = await take(steps.watch({ revision: first }), 4);
      assert.deepEqual(
        events.map(({ type }) => type),
        ['put', 'put', 'delete', 'put'],
      );
    }
    assert.equal(await steps.put('b'), last + 1);
  });

  declare(engine, 'restore brings a snapshot back: entries, revision and leases', async (steps) => {
    const lease = await steps.store.grantLease(60);
    await steps.put('a', '1');
    await steps.put('a', '2');
    await steps.put('leased', '', lease);
    await steps.put('deleted');
    const last = await steps.delete('deleted');
    const before = (await steps.store.range(steps.all)).entries;
    const snapshot: Uint8Array[] = [];
    for await (const piece of steps.store.snapshot()) snapshot.push(piece);
    await steps.put('after');

    const restored = await steps.opened.restore(piecesOf(snapshot));
    const { entries, revision } = await restored.range(steps.all);
    assert.deepEqual(
      entries.map((entry) => ({ ...entry, value: steps.show(entry) })),
      before.map((entry) => ({ ...entry, value: steps.show(entry) })),
    );
    assert.ok(revision >= last);
    await restored.revokeLease(lease);
    assert.deepEqual(
      (await restored.range(steps.all)).entries.map((entry) => steps.show(entry)),
      ['a=2'],
    );
    const put = await restored.transact({ conditions: [], operations: [putOf(steps.key('b'), '')] });
    assert.ok(put.committed && put.revision > last);
  });

  declare(engine, 'a snapshot is of one moment, whatever is written while it is read', async (steps) => {
    const value = 'x'.repeat(10_000);
    for (let i = 0; i < 100; i++) await steps.put(`k${i}`, value);
    const pieces: Uint8Array[] = [];
    let written = 0;
    for await (const piece of steps.store.snapshot()) {
      pieces.push(piece);
      if (written < 40)
        await steps.commit([putOf(steps.key(`k${written++}`), 'changed'), { kind: 'delete', key: steps.key(`k${99 - written}`) }]);
    }
    const restored = await steps.opened.restore(piecesOf(pieces));
    const { entries } = await restored.range(steps.all);
    assert.equal(entries.length, 100);
    assert.ok(entries.every((entry) => entry.value.length === value.length));
  });

  declare(engine, 'close finishes what was accepted and refuses what comes later', async (steps) => {
    const accepted = Array.from({ length: 50 }, (_, i) => steps.put(`k${String(i).padStart(2, '0')}`, ''));
    const closing = steps.store.close();
    const revisions = await Promise.all(accepted);
    await closing;
    await steps.store.close();
    for (const call of refusedCalls) await assert.rejects(call(steps.store, steps.key('a')), StoreUnavailableError);
    steps.store = await steps.opened.reopen();
    assert.equal((await steps.list()).length, 50);
    assert.equal(new Set(revisions).size, 50);
  });
}

const refusedCalls: readonly ((store: Store, key: string) => Promise<unknown>)[] = [
  (store, start) => store.range({ start }),
  (store, key) => store.transact({ conditions: [], operations: [putOf(key, '')] }),
  (store, start) => store.watch({ start }).next(),
  (store) => store.compact(1),
  (store) => store.grantLease(5),
  (store) => store.revokeLease(5),
  (store) => store.status(),
  (store) => store.snapshot()[Symbol.asyncIterator]().next(),
];

async function* piecesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
