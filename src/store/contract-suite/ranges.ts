// What a range promises.
import assert from 'node:assert/strict';
import { CompactedError, FutureRevisionError, prefixEnd } from '../contract.ts';
import { declare, type Engine, putOf, textOf } from './engine.ts';

export function declareRanges(engine: Engine): void {
  declare(engine, 'range returns every field of an entry', async (steps) => {
    const created = await steps.put('a', 'one');
    const updated = await steps.put('a', 'two');
    const entry = await steps.get('a');
    assert.deepEqual(
      { ...entry, value: textOf(entry?.value ?? new Uint8Array()) },
      {
        key: steps.key('a'),
        value: 'two',
        createRevision: created,
        modRevision: updated,
        version: 2,
        lease: 0,
      },
    );
  });

  declare(engine, 'range is ordered by the UTF-8 bytes of the keys', async (steps) => {
    // U+FFFD sorts below U+1F600 in UTF-8 and above it in UTF-16.
    const names = ['b', 'a/b', 'a', 'é', '\u{1f600}', '\ufffd', 'a0', 'a-', 'z', 'ab', '日本'];
    for (const name of names) await steps.put(name, '');
    const expected = names.map((name) => steps.key(name)).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const { entries } = await steps.store.range(steps.all);
    assert.deepEqual(
      entries.map(({ key }) => key),
      expected,
    );
  });

  declare(engine, 'range without an end reads that key alone', async (steps) => {
    for (const name of ['a', 'a/b', 'ab']) await steps.put(name);
    const { entries, count, more } = await steps.store.range({ start: steps.key('a') });
    assert.deepEqual([entries.map((entry) => steps.show(entry)), count, more], [['a=a'], 1, false]);
    const absent = await steps.store.range({ start: steps.key('b') });
    assert.deepEqual([absent.entries, absent.count, absent.more], [[], 0, false]);
  });

  declare(engine, 'range includes its start and excludes its end', async (steps) => {
    for (const name of ['a', 'b', 'c', 'd']) await steps.put(name);
    assert.deepEqual(await steps.list({ start: steps.key('b'), end: steps.key('d') }), ['b=b', 'c=c']);
    assert.deepEqual(await steps.list({ start: steps.key('aa'), end: steps.key('cc') }), ['b=b', 'c=c']);
  });

  declare(engine, 'range with an end that is not above its start is empty', async (steps) => {
    for (const name of ['a', 'b', 'c']) await steps.put(name);
    for (const [start, end] of [
      ['b', 'b'],
      ['c', 'a'],
    ] as const) {
      const { entries, count, more } = await steps.store.range({ start: steps.key(start), end: steps.key(end) });
      assert.deepEqual([entries, count, more], [[], 0, false]);
    }
  });

  declare(engine, 'prefixEnd ends a prefix exactly', async (steps) => {
    for (const name of ['pods', 'pods/', 'pods/a', 'pods/z~', 'pods0', 'podt']) await steps.put(name, '');
    const start = steps.key('pods/');
    assert.deepEqual(await steps.list({ start, end: prefixEnd(start) }), ['pods/=', 'pods/a=', 'pods/z~=']);
  });

  for (const { limit, names, more } of [
    { limit: 0, names: 'abcde', more: false },
    { limit: 1, names: 'a', more: true },
    { limit: 4, names: 'abcd', more: true },
    { limit: 5, names: 'abcde', more: false },
    { limit: 6, names: 'abcde', more: false },
  ]) {
    declare(engine, `range with limit ${limit} of five returns ${names.length}, and counts all`, async (steps) => {
      for (const name of 'abcde') await steps.put(name, '');
      const response = await steps.store.range({ ...steps.all, limit });
      assert.deepEqual(
        response.entries.map((entry) => steps.show(entry)),
        [...names].map((name) => `${name}=`),
      );
      assert.deepEqual([response.count, response.more], [5, more]);
    });
  }

  declare(engine, 'range with keysOnly leaves the values empty and the rest as it is', async (steps) => {
    await steps.put('a', 'one');
    const full = await steps.get('a');
    const { entries } = await steps.store.range({ ...steps.all, keysOnly: true });
    assert.equal(entries.length, 1);
    assert.equal(entries[0]?.value.length, 0);
    assert.deepEqual({ ...entries[0], value: null }, { ...full, value: null });
  });

  declare(engine, 'range with countOnly returns the count and no entries', async (steps) => {
    for (const name of 'abc') await steps.put(name);
    const { entries, count } = await steps.store.range({ ...steps.all, countOnly: true });
    assert.deepEqual([entries, count], [[], 3]);
  });

  declare(engine, 'range at a revision sees the store as it was', async (steps) => {
    const first = await steps.put('a', '1');
    const second = await steps.put('b', '1');
    const third = await steps.put('a', '2');
    const fourth = await steps.delete('b');
    const fifth = await steps.put('b', '3');
    const states: [number, string[]][] = [
      [first, ['a=1']],
      [second, ['a=1', 'b=1']],
      [third, ['a=2', 'b=1']],
      [fourth, ['a=2']],
      [fifth, ['a=2', 'b=3']],
      [0, ['a=2', 'b=3']],
    ];
    for (const [revision, expected] of states) {
      assert.deepEqual(await steps.list({ revision }), expected);
      const { count } = await steps.store.range({ ...steps.all, revision, countOnly: true });
      assert.equal(count, expected.length);
    }
  });

  declare(engine, 'range at a revision pages through the same keys whatever is written meanwhile', async (steps) => {
    for (let i = 10; i < 30; i++) await steps.put(`k${i}`, 'old');
    const revision = await steps.revision();
    const seen: string[] = [];
    let start = steps.all.start;
    for (let more = true; more;) {
      const page = await steps.store.range({ start, end: steps.all.end, revision, limit: 7 });
      seen.push(...page.entries.map((entry) => steps.show(entry)));
      assert.equal(page.count, 20 - (seen.length - page.entries.length));
      more = page.more;
      start = `${page.entries.at(-1)?.key}\0`;
      await steps.put(`k${10 + seen.length}`, 'new');
      await steps.delete(`k${29 - seen.length}`);
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 20 }, (_, i) => `k${10 + i}=old`),
    );
  });

  declare(engine, 'range answers with the current revision, not with the one it read', async (steps) => {
    const first = await steps.put('a', '1');
    const second = await steps.put('a', '2');
    const { revision } = await steps.store.range({ ...steps.all, revision: first });
    assert.ok(revision >= second);
  });

  declare(engine, 'range above the current revision is refused as future', async (steps) => {
    const current = await steps.put('a');
    await assert.rejects(steps.store.range({ ...steps.all, revision: current + 1000 }), (error: unknown) => {
      assert.ok(error instanceof FutureRevisionError);
      assert.ok(error.current >= current && error.current < current + 1000);
      return true;
    });
  });

  declare(engine, 'range below the compacted revision is refused as compacted', async (steps) => {
    const first = await steps.put('a', '1');
    const second = await steps.put('a', '2');
    await steps.store.compact(second);
    await assert.rejects(steps.store.range({ ...steps.all, revision: first }), (error: unknown) => {
      assert.ok(error instanceof CompactedError);
      assert.equal(error.compactRevision, second);
      return true;
    });
    assert.deepEqual(await steps.list({ revision: second }), ['a=2']);
  });

  declare(engine, 'range sees every acknowledged write, whoever made it', async (steps) => {
    const writer = async (name: string): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const revision = await steps.put(name, String(i));
        const entry = await steps.get(name);
        assert.ok(entry !== undefined && entry.modRevision === revision && textOf(entry.value) === String(i));
      }
    };
    await Promise.all([...'abcdefgh'].map(writer));
  });

  declare(engine, 'range returns thousands of entries and large values whole', async (steps) => {
    const large = 'x'.repeat(100_000);
    const names = Array.from({ length: 2000 }, (_, i) => `n${String(i).padStart(5, '0')}`);
    for (let i = 0; i < names.length; i += 100) {
      await steps.commit(names.slice(i, i + 100).map((name, at) => putOf(steps.key(name), at === 0 ? large : `${name}!`)));
    }
    const { entries, count } = await steps.store.range(steps.all);
    assert.deepEqual([entries.length, count], [names.length, names.length]);
    entries.forEach(({ key, value }, i) => {
      assert.equal(key, steps.key(names[i] as string));
      assert.equal(textOf(value), i % 100 === 0 ? large : `${names[i]}!`);
    });
  });
}
