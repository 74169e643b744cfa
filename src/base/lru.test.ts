import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lru } from './lru.ts';

test('Lru drops the entry that was unused for longest', () => {
  const lru = new Lru<string, number>(2);
  lru.set('a', 1);
  lru.set('b', 2);
  assert.equal(lru.get('a'), 1);
  lru.set('c', 3);
  assert.deepEqual([lru.get('a'), lru.get('b'), lru.get('c'), lru.size], [1, undefined, 3, 2]);
});

test('Lru set replaces without growing and delete forgets', () => {
  const lru = new Lru<string, number>(2);
  lru.set('a', 1);
  lru.set('a', 2);
  assert.deepEqual([lru.size, lru.get('a'), lru.delete('a'), lru.delete('a'), lru.size], [1, 2, true, false, 0]);
});

test('Lru tells of what had to go, and of nothing that was replaced or deleted', () => {
  const dropped: number[] = [];
  const lru = new Lru<string, number>(2, (value) => dropped.push(value));
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['c', 4],
  ] as const)
    lru.set(key, value);
  assert.deepEqual(dropped, [2]);
  lru.delete('c');
  lru.clear();
  assert.deepEqual(dropped, [2, 3]);
});
