import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectGarbage } from '#test/harness/collect-garbage.ts';
import { Change, History } from './history.ts';
import { HeapBytes } from './heap-bytes.ts';
import { ObjectLayout, StoredObject } from './stored-object.ts';

const change = (revision: number): Change =>
  new Change({ revision, key: 'a/b', next: undefined, previous: undefined, at: revision * 60_000 });

test('what a history has forgotten is not kept in memory', async () => {
  const history = new History(0);
  const first = new WeakRef(change(1));
  history.add(first.deref() as Change);
  for (let revision = 2; revision <= 110; revision++) history.add(change(revision));
  assert.deepEqual([history.size, history.oldest, history.after(1)], [100, 10, undefined]);
  await new Promise(setImmediate); // a WeakRef holds its target until the turn is over
  collectGarbage();
  assert.equal(first.deref(), undefined);
});

test('a history gives what follows a revision, in order, however much it has forgotten', () => {
  const history = new History(0);
  for (let revision = 1; revision <= 5_000; revision++) history.add(change(revision));
  assert.deepEqual(
    history.after(4_990)?.map(({ revision }) => revision),
    [4_991, 4_992, 4_993, 4_994, 4_995, 4_996, 4_997, 4_998, 4_999, 5_000],
  );
});

test('a history keeps of old versions their bytes alone, and of the latest what was decoded', () => {
  const layout = new ObjectLayout({ apiVersion: 'v1', kind: 'ConfigMap', typedItems: false });
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', managedFields: [{ manager: 'm' }] } };
  const bytes = layout.encode(object as never).toBuffer();
  const history = new History(0);
  const versions: StoredObject[] = [];
  for (let revision = 1; revision <= 1_000; revision++) {
    const previous = versions.at(-1);
    const next = layout.read('a', revision, bytes);
    versions.push(next);
    history.add(new Change({ revision, key: 'a', next, previous, at: 0 }));
  }
  const decoded = versions.map((version) => version.trimmed);
  for (let revision = 1_001; revision <= 2_000; revision++)
    history.add(new Change({ revision, key: 'b', next: layout.read('b', revision, bytes), previous: undefined, at: 0 }));
  const kept = versions.filter((version, i) => version.trimmed === decoded[i]);
  assert.deepEqual(kept, [versions.at(-1)]);
  assert.equal(history.size, 2_000);
});

test('of what a history has forgotten nothing stays among the latest decoded, whether it ended by age or at once', async () => {
  const layout = new ObjectLayout({ apiVersion: 'v1', kind: 'ConfigMap', typedItems: false });
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' } };
  const value = HeapBytes.from(layout.encode(object as never).toBuffer());
  const history = new History(0);
  const versions: WeakRef<StoredObject>[] = [];
  const write = (revision: number): void => {
    const next = new StoredObject(layout, 'a', revision, value, { ...object, metadata: { name: 'a' } } as never);
    next.hold();
    history.add(new Change({ revision, key: 'a', next, previous: versions.at(-1)?.deref(), at: revision * 60_000 }));
    versions.push(new WeakRef(next));
  };
  for (let revision = 1; revision <= 200; revision++) write(revision);
  await new Promise(setImmediate);
  collectGarbage();
  assert.equal(
    versions.findIndex((version) => version.deref() !== undefined),
    99,
    'a hundred changes, and what the first ended',
  );
  history.reset(200);
  await new Promise(setImmediate);
  collectGarbage();
  assert.equal(
    versions.findIndex((version) => version.deref() !== undefined),
    199,
    'what is there now',
  );
});

test('an object that no cache has is kept by who has it alone', async () => {
  const layout = new ObjectLayout({ apiVersion: 'v1', kind: 'ConfigMap', typedItems: false });
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' } } as never;
  const rehearsed = new WeakRef(new StoredObject(layout, 'a', 0, layout.encode(object), object));
  assert.equal(rehearsed.deref()?.object.metadata.name, 'a');
  await new Promise(setImmediate);
  collectGarbage();
  assert.equal(rehearsed.deref(), undefined);
});
