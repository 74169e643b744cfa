// What a transaction promises.
import assert from 'node:assert/strict';
import { InvalidTransactionError, type Transaction } from '../contract.ts';
import { declare, type Engine, putOf, type Steps, textOf } from './engine.ts';

/** Longest key, in bytes. Source: the contract. */
const MAX_KEY_BYTES = 1024;

export function declareTransactions(engine: Engine): void {
  declare(engine, 'transact gives every write the next revision', async (steps) => {
    const first = await steps.put('a');
    assert.equal(await steps.put('b'), first + 1);
    assert.equal(await steps.delete('a'), first + 2);
    assert.equal(await steps.commit([putOf(steps.key('a'), '1'), putOf(steps.key('c'), '2')]), first + 3);
    assert.equal(await steps.revision(), first + 3);
  });

  declare(engine, 'transact keeps createRevision and version through the life of a key', async (steps) => {
    const life = async (): Promise<unknown[]> => {
      const entry = await steps.get('a');
      return [entry?.createRevision, entry?.modRevision, entry?.version];
    };
    const created = await steps.put('a', '1');
    assert.deepEqual(await life(), [created, created, 1]);
    const updated = await steps.put('a', '2');
    assert.deepEqual(await life(), [created, updated, 2]);
    await steps.delete('a');
    assert.equal(await steps.get('a'), undefined);
    const again = await steps.put('a', '3');
    assert.deepEqual(await life(), [again, again, 1]);
  });

  declare(engine, 'transact writes all keys at one revision', async (steps) => {
    await steps.put('gone');
    const operations: Transaction['operations'] = [
      putOf(steps.key('a'), '1'),
      { kind: 'delete', key: steps.key('gone') },
      putOf(steps.key('b'), '2'),
    ];
    const revision = await steps.commit(operations);
    const { entries } = await steps.store.range(steps.all);
    assert.deepEqual(
      entries.map((entry) => [steps.show(entry), entry.modRevision]),
      [
        ['a=1', revision],
        ['b=2', revision],
      ],
    );
  });

  declare(engine, 'transact commits when every condition holds', async (steps) => {
    const a = await steps.put('a', '1');
    const conditions = [
      { key: steps.key('a'), modRevision: a },
      { key: steps.key('absent'), modRevision: 0 },
    ];
    await steps.commit([putOf(steps.key('a'), '2')], conditions);
    assert.deepEqual(await steps.list(), ['a=2']);
  });

  for (const [name, conditionsOf] of [
    ['a key was written since', (steps: Steps, a: number) => [{ key: steps.key('a'), modRevision: a - 1 }]],
    ['a key should be absent and is not', (steps: Steps) => [{ key: steps.key('a'), modRevision: 0 }]],
    ['a key should exist and does not', (steps: Steps, a: number) => [{ key: steps.key('absent'), modRevision: a }]],
    [
      'one of several conditions fails',
      (steps: Steps, a: number) => [
        { key: steps.key('a'), modRevision: a },
        { key: steps.key('b'), modRevision: a },
      ],
    ],
    ['a deleted key is expected at its deletion', (steps: Steps, a: number) => [{ key: steps.key('deleted'), modRevision: a }]],
  ] as const) {
    declare(engine, `transact writes nothing when ${name}`, async (steps) => {
      await steps.put('deleted');
      await steps.delete('deleted');
      const a = await steps.put('a', '1');
      const before = await steps.revision();
      const result = await steps.store.transact({
        conditions: conditionsOf(steps, a),
        operations: [putOf(steps.key('a'), 'x'), putOf(steps.key('b'), 'x')],
      });
      assert.deepEqual(result, { committed: false, revision: before, present: [] });
      assert.deepEqual(await steps.list(), ['a=1']);
      assert.equal(await steps.revision(), before);
    });
  }

  declare(engine, 'transact holds for a deleted key at modRevision 0', async (steps) => {
    await steps.put('a');
    await steps.delete('a');
    await steps.commit([putOf(steps.key('a'), '2')], [{ key: steps.key('a'), modRevision: 0 }]);
  });

  declare(engine, 'transact returns what readOnFailure names, in its order, when a condition fails', async (steps) => {
    await steps.put('a', '1');
    const b = await steps.put('b', '2');
    const readOnFailure = ['b', 'absent', 'a'].map((name) => steps.key(name));
    const result = await steps.store.transact({ conditions: [{ key: steps.key('a'), modRevision: 0 }], operations: [], readOnFailure });
    assert.ok(!result.committed);
    assert.deepEqual(
      result.present.map((entry) => entry && steps.show(entry)),
      ['b=2', undefined, 'a=1'],
    );
    assert.equal(result.present[0]?.modRevision, b);
  });

  declare(engine, 'transact returns on failure an entry written just before', async (steps) => {
    const conflicts = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const key = steps.key('a');
        return steps.store.transact({ conditions: [{ key, modRevision: 0 }], operations: [putOf(key, String(i))], readOnFailure: [key] });
      }),
    );
    const winners = conflicts.filter(({ committed }) => committed);
    assert.equal(winners.length, 1);
    for (const result of conflicts) {
      if (result.committed) continue;
      assert.equal(result.present[0]?.modRevision, winners[0]?.revision);
      assert.ok(result.revision >= (winners[0]?.revision ?? Infinity));
    }
  });

  declare(engine, 'transact that deletes an absent key writes nothing', async (steps) => {
    const before = await steps.put('a');
    assert.equal(await steps.delete('absent'), before);
    assert.equal(await steps.commit([]), before);
    assert.equal(await steps.revision(), before);
    assert.equal(await steps.put('b'), before + 1);
  });

  declare(engine, 'transact lets exactly one of many writers win each round', async (steps) => {
    const counter = steps.key('counter');
    await steps.put('counter', '0');
    const increment = async (): Promise<void> => {
      for (;;) {
        const entry = await steps.get('counter');
        assert.ok(entry !== undefined);
        const operations = [putOf(counter, String(Number(textOf(entry.value)) + 1))];
        const result = await steps.store.transact({ conditions: [{ key: counter, modRevision: entry.modRevision }], operations });
        if (result.committed) return;
      }
    };
    const writer = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) await increment();
    };
    await Promise.all(Array.from({ length: 12 }, writer));
    assert.deepEqual(await steps.list(), ['counter=60']);
    assert.equal((await steps.get('counter'))?.version, 61);
  });

  declare(engine, 'transact gives concurrent writers consecutive revisions and keeps all they write', async (steps) => {
    const before = await steps.revision();
    const revisions = await Promise.all(Array.from({ length: 200 }, (_, i) => steps.put(`k${i}`, String(i))));
    assert.deepEqual(
      revisions.toSorted((a, b) => a - b),
      Array.from({ length: 200 }, (_, i) => before + 1 + i),
    );
    const { entries } = await steps.store.range(steps.all);
    const byName = new Map(entries.map((entry) => [entry.key, entry.modRevision]));
    revisions.forEach((revision, i) => assert.equal(byName.get(steps.key(`k${i}`)), revision));
  });

  declare(engine, 'transact takes the longest key and the largest value', async (steps) => {
    const name = 'k'.repeat(MAX_KEY_BYTES - Buffer.byteLength(steps.key('')));
    const value = 'v'.repeat(steps.store.maxValueBytes);
    await steps.put(name, value);
    const entry = await steps.get(name);
    assert.equal(textOf(entry?.value ?? new Uint8Array()) === value, true);
  });

  declare(engine, 'transact takes an empty value', async (steps) => {
    await steps.put('a', '');
    assert.deepEqual(await steps.list(), ['a=']);
  });

  for (const [name, operationsOf] of [
    ['a key written twice', (steps: Steps) => [putOf(steps.key('a'), '1'), putOf(steps.key('a'), '2')]],
    ['a key put and deleted', (steps: Steps) => [putOf(steps.key('a'), '1'), { kind: 'delete' as const, key: steps.key('a') }]],
    ['a value that is too large', (steps: Steps) => [putOf(steps.key('a'), 'v'.repeat(steps.store.maxValueBytes + 1))]],
    ['a key that is too long', (steps: Steps) => [putOf(steps.key('é'.repeat(MAX_KEY_BYTES / 2)), '1')]],
    ['an empty key', () => [putOf('', '1')]],
    ['a key with a NUL', (steps: Steps) => [putOf(steps.key('a\0b'), '1')]],
    ['a key with half a surrogate pair', (steps: Steps) => [putOf(steps.key('\ud800'), '1')]],
    ['an unknown lease', (steps: Steps) => [putOf(steps.key('a'), '1', 987_654_321)]],
  ] as const) {
    declare(engine, `transact with ${name} is refused whole`, async (steps) => {
      const before = await steps.put('before');
      const operations = [putOf(steps.key('other'), '1'), ...operationsOf(steps)];
      await assert.rejects(steps.store.transact({ conditions: [], operations }), InvalidTransactionError);
      assert.deepEqual(await steps.list(), ['before=before']);
      assert.equal(await steps.revision(), before);
    });
  }
}
