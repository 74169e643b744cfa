import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { IndexStore, type Placed, type StoreChange } from './index-store.ts';

interface Thing extends Placed {
  readonly colour: string;
}

let version = 0;
const thing = (name: string, colour = 'red', namespace = 'ns', uid = name): Thing => ({
  colour,
  metadata: { name, uid, resourceVersion: String(++version), ...(namespace === '' ? {} : { namespace }) },
});

const kinds = (changes: readonly StoreChange<Thing>[]): string[] => changes.map(({ kind, object }) => `${kind} ${object.metadata.name}`);

test('IndexStore finds an object by name, key, namespace and index', () => {
  const store = new IndexStore<Thing>();
  store.addIndex('colour', ({ colour }) => [colour]);
  const [a, b, node] = [thing('a'), thing('b', 'blue', 'other'), thing('n', 'blue', '')];
  for (const object of [a, b, node]) store.put(object);
  assert.equal(store.get('a', 'ns'), a);
  assert.equal(store.byKey('other/b'), b);
  assert.equal(store.byKey('n'), node);
  assert.deepEqual([...store.list('ns')], [a]);
  assert.deepEqual(store.byIndex('colour', 'blue'), [b, node]);
  assert.deepEqual(store.byIndex('colour', 'green'), []);
  assert.equal(store.size, 3);
});

test('IndexStore addIndex files what is already here and refuses a name twice', () => {
  const store = new IndexStore<Thing>();
  const a = thing('a');
  store.put(a);
  store.addIndex('colour', ({ colour }) => [colour, colour]);
  assert.deepEqual(store.byIndex('colour', 'red'), [a]);
  assert.throws(() => store.addIndex('colour', () => []), /already exists/);
  assert.throws(() => store.byIndex('shape', 'round'), /Index with name shape does not exist/);
});

test('IndexStore put says nothing for the version it has', () => {
  const store = new IndexStore<Thing>();
  const a = thing('a');
  assert.deepEqual(store.put(a), [{ kind: 'added', object: a }]);
  assert.deepEqual(store.put({ ...a }), []);
  assert.equal(store.get('a', 'ns'), a);
});

test('IndexStore shows a remake under the same name as deletion and addition', () => {
  const store = new IndexStore<Thing>();
  store.addIndex('colour', ({ colour }) => [colour]);
  const [old, remade] = [thing('a', 'red', 'ns', 'uid-1'), thing('a', 'blue', 'ns', 'uid-2')];
  store.put(old);
  assert.deepEqual(store.replace([remade]), [
    { kind: 'deleted', object: old },
    { kind: 'added', object: remade },
  ]);
  assert.deepEqual([store.byIndex('colour', 'red'), store.byIndex('colour', 'blue')], [[], [remade]]);
});

test('IndexStore replace tells deletions, then updates and additions', () => {
  const store = new IndexStore<Thing>();
  const [a, b, c] = [thing('a'), thing('b'), thing('c')];
  for (const object of [a, b, c]) store.put(object);
  const changes = store.replace([{ ...b }, thing('c', 'blue'), thing('d')]);
  assert.deepEqual(kinds(changes), ['deleted a', 'updated c', 'added d']);
  assert.equal(changes[0]?.object, a);
});

test('IndexStore byIndex results are not changed by later writes', () => {
  const store = new IndexStore<Thing>();
  store.addIndex('colour', ({ colour }) => [colour]);
  for (let i = 0; i < 40; i++) {
    const before = store.byIndex('colour', 'red');
    store.put(thing(`t${i}`));
    assert.equal(before.length, i);
    assert.equal(store.byIndex('colour', 'red').length, i + 1);
  }
});

test('IndexStore agrees with a scan after any sequence of writes', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const ids = seededIds(seed);
    const pick = <T>(choices: readonly T[]): T => choices[Math.floor(ids.fraction() * choices.length)] as T;
    const store = new IndexStore<Thing>();
    const model = new Map<string, Thing>();
    const colours = ['red', 'blue', 'green'];
    const names = Array.from({ length: 60 }, (_, i) => `t${i}`);
    if (seed % 2 === 0) store.addIndex('colour', ({ colour }) => [colour]);
    for (let step = 0; step < 400; step++) {
      const object = thing(pick(names), pick(colours), pick(['x', 'y']));
      const key = `${object.metadata.namespace}/${object.metadata.name}`;
      if (ids.fraction() < 0.6) {
        store.put(object);
        model.set(key, object);
      } else if (ids.fraction() < 0.95) {
        store.remove(object);
        model.delete(key);
      } else {
        const kept = [...model.entries()].filter(() => ids.fraction() < 0.5);
        store.replace(kept.map(([, each]) => each));
        model.clear();
        for (const [each, value] of kept) model.set(each, value);
      }
      if (step === 200 && seed % 2 === 1) store.addIndex('colour', ({ colour }) => [colour]);
    }
    const sorted = (objects: Iterable<Thing>): Thing[] =>
      [...objects].toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
    assert.deepEqual(sorted(store.list()), sorted(model.values()), `seed ${seed}`);
    assert.equal(store.size, model.size);
    for (const colour of colours) {
      assert.deepEqual(
        sorted(store.byIndex('colour', colour)),
        sorted([...model.values()].filter((each) => each.colour === colour)),
        `seed ${seed}`,
      );
    }
    for (const namespace of ['x', 'y']) {
      assert.deepEqual(
        sorted(store.list(namespace)),
        sorted([...model.values()].filter(({ metadata }) => metadata.namespace === namespace)),
      );
    }
  }
});
