import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { OrderedMap } from './ordered-map.ts';

test('OrderedMap agrees with a sorted array under random inserts and deletes', () => {
  const ids = seededIds(7);
  const map = new OrderedMap<number>();
  const model = new Map<string, number>();
  for (let step = 0; step < 20_000; step++) {
    const key = `ns-${Math.floor(ids.fraction() * 5)}/pod-${Math.floor(ids.fraction() * 3_000)}`;
    if (ids.fraction() < 0.6) {
      map.set(key, step);
      model.set(key, step);
    } else {
      assert.equal(map.delete(key), model.delete(key));
    }
  }
  const sorted = [...model].toSorted(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual([...map.range('')], sorted);
  assert.equal(map.size, sorted.length);
  const within = sorted.filter(([key]) => key >= 'ns-2/' && key < 'ns-20');
  assert.deepEqual([...map.range('ns-2/', 'ns-20')], within);
  assert.equal(map.count('ns-2/', 'ns-20'), within.length);
  assert.equal(map.count('', undefined), sorted.length);
});

test('OrderedMap keeps order for ascending inserts across chunks', () => {
  const map = new OrderedMap<number>();
  const keys = Array.from({ length: 5_000 }, (_, i) => String(i).padStart(6, '0'));
  for (const [i, key] of keys.entries()) map.set(key, i);
  assert.deepEqual(
    [...map.range('')].map(([key]) => key),
    keys,
  );
  for (const key of keys) map.delete(key);
  assert.deepEqual([...map.range('')], []);
  assert.equal(map.count('a'), 0);
});
