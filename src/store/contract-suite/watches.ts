// What a watch promises.
import assert from 'node:assert/strict';
import { StreamOverflow } from '#base/result-stream.ts';
import { CompactedError, type StoreEvent } from '../contract.ts';
import { declare, type Engine, putOf, type Steps, take, textOf } from './engine.ts';

export function declareWatches(engine: Engine): void {
  declare(engine, 'watch without a revision brings what is written from then on', async (steps) => {
    await steps.put('before');
    const watch = steps.watch();
    const first = await steps.put('a', '1');
    const second = await steps.put('a', '2');
    const third = await steps.delete('a');
    const events = await take(watch, 3);
    assert.deepEqual(
      events.map((event) => steps.showEvent(event)),
      [`${first} put a=1`, `${second} put a=2`, `${third} delete a=`],
    );
    await watch.return?.();
  });

  declare(engine, 'watch describes entries as a range does, and a delete by its revision alone', async (steps) => {
    const watch = steps.watch();
    const created = await steps.put('a', '1');
    const updated = await steps.put('a', '2');
    const entry = await steps.get('a');
    const deleted = await steps.delete('a');
    const [put, update, removal] = await take(watch, 3);
    assert.equal(put?.entry.createRevision, created);
    assert.equal(put?.entry.version, 1);
    assert.deepEqual({ ...update?.entry, value: null }, { ...entry, value: null });
    assert.equal(update?.entry.modRevision, updated);
    assert.equal(removal?.type, 'delete');
    assert.deepEqual([removal?.entry.key, removal?.entry.modRevision, removal?.entry.version], [steps.key('a'), deleted, 0]);
    assert.equal(removal?.entry.value.length, 0);
    assert.ok(
      [put, update, removal].every((event) => event?.previous === undefined),
      'not asked for',
    );
    await watch.return?.();
  });

  declare(engine, 'watch from a past revision brings everything since, that revision included', async (steps) => {
    await steps.put('a', '1');
    const from = await steps.put('b', '2');
    const third = await steps.put('a', '3');
    const fourth = await steps.delete('b');
    const watch = steps.watch({ revision: from });
    const fifth = await steps.put('c', '5');
    const events = await take(watch, 4);
    assert.deepEqual(
      events.map((event) => steps.showEvent(event)),
      [`${from} put b=2`, `${third} put a=3`, `${fourth} delete b=`, `${fifth} put c=5`],
    );
    await watch.return?.();
  });

  declare(engine, 'watch from a future revision waits for it', async (steps) => {
    const current = await steps.put('a', '0');
    const watch = steps.watch({ revision: current + 3 });
    for (const value of ['1', '2', '3', '4']) await steps.put('a', value);
    const events = await take(watch, 2);
    assert.deepEqual(
      events.map((event) => steps.showEvent(event)),
      [`${current + 3} put a=3`, `${current + 4} put a=4`],
    );
    await watch.return?.();
  });

  declare(engine, 'watch brings its own keys only', async (steps) => {
    const one = steps.store.watch({ start: steps.key('b') });
    const range = steps.watch({ start: steps.key('b'), end: steps.key('d') });
    for (const name of ['a', 'b', 'b/x', 'bb', 'c', 'd', 'b']) await steps.put(name);
    assert.deepEqual(
      (await take(one, 2)).map(({ entry }) => steps.show(entry)),
      ['b=b', 'b=b'],
    );
    assert.deepEqual(
      (await take(range, 5)).map(({ entry }) => steps.show(entry)),
      ['b=b', 'b/x=b/x', 'bb=bb', 'c=c', 'b=b'],
    );
    await one.return?.();
    await range.return?.();
  });

  declare(engine, 'watch brings every transaction whole', async (steps) => {
    const from = (await steps.put('start')) + 1;
    const live = steps.watch();
    const revisions: number[] = [];
    for (let i = 0; i < 20; i++) {
      revisions.push(await steps.commit(Array.from({ length: 7 }, (_, at) => putOf(steps.key(`k${at}`), `${i}`))));
    }
    const past = steps.watch({ revision: from });
    for (const watch of [live, past]) {
      const events = await take(watch, 140); // take refuses a transaction that is split over batches
      revisions.forEach((revision, i) => {
        const own = events.slice(i * 7, i * 7 + 7);
        assert.ok(own.every(({ entry }) => entry.modRevision === revision));
        assert.deepEqual(
          own.map(({ entry }) => steps.show(entry)).toSorted(),
          Array.from({ length: 7 }, (_, at) => `k${at}=${i}`),
        );
      });
      await watch.return?.();
    }
  });

  declare(engine, 'watch with previous brings the entry before each change, live and from the past', async (steps) => {
    const live = steps.watch({ previous: true });
    const from = await steps.put('a', '1');
    await steps.put('a', '2');
    await steps.delete('a');
    await steps.put('a', '3');
    const past = steps.watch({ revision: from, previous: true });
    for (const watch of [live, past]) {
      const events = await take(watch, 4);
      assert.deepEqual(
        events.map(({ previous }) => previous && steps.show(previous)),
        [undefined, 'a=1', 'a=2', undefined],
      );
      assert.equal(events[1]?.previous?.modRevision, from);
      assert.equal(events[2]?.previous?.version, 2);
      await watch.return?.();
    }
  });

  declare(engine, 'watch misses and doubles nothing between the past and the present, under concurrent writers', async (steps) => {
    const from = (await steps.put('start')) + 1;
    let writing = true;
    const written = new Map<number, string>();
    const writer = async (name: string): Promise<void> => {
      for (let i = 0; i < 150; i++) written.set(await steps.put(`${name}${i % 7}`, `${name}${i}`), `${name}${i}`);
    };
    const writers = Promise.all([...'abcdefgh'].map(writer)).then(() => (writing = false));
    const watchers: Promise<StoreEvent[]>[] = [];
    // Watches begin all the time while the writers write, each at the start, in the middle or near the end of the past.
    for (let i = 0; writing; i++) {
      await new Promise((resolve) => {
        setImmediate(resolve); // an engine may answer without ever leaving the turn
      });
      const current = await steps.revision();
      const revision = [from, Math.max(from, current - 20), Math.max(from, current - (i % 3)), current + 1][i % 4] as number;
      if (watchers.length < 60) watchers.push(collectFrom(steps, revision, from + 1199));
    }
    await writers;
    assert.equal(written.size, 1200);
    for (const watcher of watchers) {
      const events = await watcher;
      const first = events[0]?.entry.modRevision ?? from + 1200;
      assert.deepEqual(
        events.map(({ entry }) => [entry.modRevision, textOf(entry.value)]),
        Array.from({ length: from + 1200 - first }, (_, i) => [first + i, written.get(first + i)]),
      );
    }
  });

  declare(engine, 'watch that is left early ends and brings nothing more', async (steps) => {
    const watch = steps.watch();
    const first = await steps.put('a');
    for await (const { events } of watch) {
      if (events[0]?.entry.modRevision === first) break;
    }
    await steps.put('b');
    assert.deepEqual(await watch.next(), { value: undefined, done: true });
  });

  declare(engine, 'watch from a compacted revision ends with CompactedError', async (steps) => {
    const from = await steps.put('a', '1');
    await steps.put('a', '2');
    const third = await steps.put('a', '3');
    await steps.store.compact(third);
    await assert.rejects(take(steps.watch({ revision: from }), 1), (error: unknown) => {
      assert.ok(error instanceof CompactedError);
      assert.equal(error.compactRevision, third);
      return true;
    });
    const watch = steps.watch({ revision: third });
    assert.deepEqual(
      (await take(watch, 1)).map((event) => steps.showEvent(event)),
      [`${third} put a=3`],
    );
    await watch.return?.();
  });

  declare(engine, 'watch that is up to date survives a compaction', async (steps) => {
    const watch = steps.watch();
    const first = await steps.put('a', '1');
    const second = await steps.put('a', '2');
    assert.equal((await take(watch, 2)).length, 2);
    await steps.store.compact(second);
    const third = await steps.put('a', '3');
    assert.deepEqual(
      (await take(watch, 1)).map((event) => steps.showEvent(event)),
      [`${third} put a=3`],
    );
    assert.ok(first < second);
    await watch.return?.();
  });

  declare(
    engine,
    'watch whose reader falls behind is cut off with StreamOverflow, after what it had',
    async (steps) => {
      const slow = steps.watch();
      const quick = steps.watch();
      const first = await steps.put('k0');
      for (let i = 1; i < 40; i++) {
        await steps.put(`k${i}`);
        await take(quick, i === 1 ? 2 : 1);
      }
      const seen: number[] = [];
      await assert.rejects(async () => {
        for await (const { events } of slow) seen.push(...events.map(({ entry }) => entry.modRevision));
      }, StreamOverflow);
      assert.ok(seen.length >= 8 && seen.length < 40, `${seen.length} events came before the cut`);
      assert.deepEqual(
        seen,
        seen.map((_, i) => first + i),
      );
      await quick.return?.();
    },
    { watchQueue: 8 },
  );

  declare(engine, 'watch reports progress without events after status was asked for', async (steps) => {
    const idle = steps.watch({ start: steps.key('idle/'), end: steps.key('idle0') });
    const other = await steps.put('busy');
    const answer = idle.next();
    await steps.store.status();
    if (engine.name === 'etcd') {
      // A server may answer at its own pace; a write ends the wait there.
      await steps.put('idle/a');
    }
    const { value, done } = await answer;
    assert.equal(done, false);
    assert.ok(value.revision >= other);
    await idle.return?.();
  });

  declare(engine, 'watch ends when the store is closed, after everything that was accepted', async (steps) => {
    const watch = steps.watch();
    const a = await steps.put('a');
    const b = await steps.put('b');
    const events = await take(watch, 2);
    await steps.store.close();
    assert.deepEqual(
      events.map(({ entry }) => entry.modRevision),
      [a, b],
    );
    assert.deepEqual(await watch.next(), { value: undefined, done: true });
  });
}

async function collectFrom(steps: Steps, revision: number, last: number): Promise<StoreEvent[]> {
  const watch = steps.watch({ revision });
  const events = revision > last ? [] : await take(watch, last + 1 - revision);
  await watch.return?.();
  return events;
}
