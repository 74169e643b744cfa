import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { keyRange, KeyTree } from './key-tree.ts';
import { Segment } from './segment.ts';
import { Version } from './version.ts';

const segment = new Segment({ first: 1, last: 1 });

function version(key: string, modRevision: number, older: Version | undefined, exists = true): Version {
  const fields = { key, modRevision, createRevision: exists ? modRevision : 0, version: exists ? 1 : 0, lease: 0 };
  return new Version(fields, { segment, offset: 0 }, 0, older);
}

/** A key's versions, ascending. */
type Lives = Map<string, Version[]>;

function expected(lives: Lives, start: string, end: string, revision: number): Version[] {
  return [...lives]
    .filter(([key]) => key >= start && key < end)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, versions]) => versions.findLast(({ modRevision }) => modRevision <= revision))
    .filter((each) => each !== undefined && each.exists) as Version[];
}

for (const { name, keys, steps } of [
  { name: 'few keys', keys: 40, steps: 3000 },
  { name: 'many keys', keys: 4000, steps: 20_000 },
]) {
  test(`KeyTree agrees with a sorted map through random puts, deletes and removals (${name})`, () => {
    const ids = seededIds(7);
    const pick = (below: number): number => Math.floor(ids.fraction() * below);
    const randomKey = (): string => `k${String(pick(keys)).padStart(pick(2) * 6, '0')}`;
    const tree = new KeyTree();
    const lives: Lives = new Map();
    for (let revision = 1; revision <= steps; revision++) {
      const key = randomKey();
      const versions = lives.get(key) ?? [];
      // Phases of growth and of shrinking, so that nodes are split and joined.
      const shrinking = Math.floor(revision / (steps / 6)) % 2 === 1;
      if (shrinking && pick(3) > 0) {
        tree.delete(key);
        lives.delete(key);
      } else {
        const next = version(key, revision, versions.at(-1), pick(5) > 0);
        assert.equal(tree.get(key), versions.at(-1));
        tree.set(next);
        lives.set(key, [...versions, next]);
      }
      if (revision % Math.ceil(steps / 200) !== 0) continue;
      assert.equal(tree.size, lives.size);
      const { start, end } = { start: randomKey(), end: randomKey() };
      const at = pick(2) === 0 ? revision : 1 + pick(revision);
      const all = expected(lives, start, end, at);
      assert.deepEqual(tree.collect({ start, end }, at, 0), all);
      assert.equal(tree.count({ start, end }, at), all.length);
      const limit = 1 + pick(10);
      assert.deepEqual(tree.collect({ start, end }, at, limit), all.slice(0, limit));
    }
    const whole = expected(lives, '', '~', steps);
    assert.equal(tree.live, whole.length);
    assert.deepEqual(tree.collect({ start: '', end: '~' }, steps, 0), whole);
    const visited: string[] = [];
    tree.forEach(({ key }) => visited.push(key));
    assert.deepEqual(visited, [...lives.keys()].toSorted());
  });
}

test('KeyTree is empty again after everything was deleted, and can be filled anew', () => {
  const tree = new KeyTree();
  for (const round of [1, 2]) {
    for (let i = 0; i < 1000; i++) tree.set(version(`k${i}`, round * 1000 + i, undefined));
    assert.equal(tree.live, 1000);
    for (let i = 999; i >= 0; i--) tree.delete(`k${i}`);
    assert.deepEqual([tree.size, tree.live, tree.count({ start: '', end: '~' }, 9999)], [0, 0, 0]);
    assert.deepEqual(tree.collect({ start: '', end: '~' }, 9999, 0), []);
  }
});

test('keyRange without an end holds the key and nothing else', () => {
  const { start, end } = keyRange('a', undefined);
  assert.deepEqual(
    ['a', 'a/', 'a\x01', 'aa', 'b', '`'].map((key) => key >= start && key < end),
    [true, false, false, false, false, false],
  );
});
