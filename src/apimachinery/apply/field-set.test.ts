import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds, type Ids } from '#base/ids.ts';
import {
  difference,
  hasPath,
  inOrder,
  intersection,
  isEmptySet,
  parseFieldSet,
  pathsOf,
  recursiveDifference,
  setOfPaths,
  union,
  type FieldSet,
} from './field-set.ts';
import { canonicalElement, compareElements, FieldSetError, keyElement, pathString } from './path-element.ts';

const spec = ['f:spec'];
const replicas = ['f:spec', 'f:replicas'];
const web = keyElement([['name', 'web']]);
const image = ['f:spec', 'f:containers', web, 'f:image'];
const item = ['f:spec', 'f:containers', web];

const strings = (set: FieldSet): readonly string[] => pathsOf(set).map(pathString);

test('setOfPaths writes members with something below them with a dot', () => {
  assert.deepEqual(setOfPaths(image, item, replicas), {
    'f:spec': { 'f:containers': { [web]: { 'f:image': {}, '.': {} } }, 'f:replicas': {} },
  });
  assert.deepEqual(setOfPaths(item, image), { 'f:spec': { 'f:containers': { [web]: { '.': {}, 'f:image': {} } } } });
  assert.deepEqual(setOfPaths([]), {});
});

test('pathsOf gives the members of a node before what lies deeper', () => {
  const set = setOfPaths(image, item, replicas, ['f:metadata', 'f:finalizers', 'v:"x"'], ['f:status', 'i:0']);
  assert.deepEqual(strings(set), [
    '.metadata.finalizers[="x"]',
    '.spec.replicas',
    '.spec.containers[name="web"]',
    '.spec.containers[name="web"].image',
    '.status[0]',
  ]);
});

type Paths = readonly (readonly string[])[];

const OPERATIONS: readonly (readonly [name: string, operation: typeof union, a: Paths, b: Paths, out: Paths])[] = [
  ['union', union, [spec], [replicas], [spec, replicas]],
  ['union', union, [item], [image], [item, image]],
  ['union', union, [], [image], [image]],
  ['difference keeps what lies below', difference, [item, image], [item], [image]],
  ['difference keeps what lies above', difference, [item, image], [image], [item]],
  ['difference', difference, [replicas], [spec], [replicas]],
  ['difference', difference, [replicas], [replicas], []],
  ['recursiveDifference takes what lies below', recursiveDifference, [item, image, replicas], [item], [replicas]],
  ['recursiveDifference', recursiveDifference, [item, image], [image], [item]],
  ['intersection', intersection, [item, image, replicas], [image, spec], [image]],
  ['intersection', intersection, [item], [image], []],
];

for (const [name, operation, a, b, expected] of OPERATIONS) {
  test(`${name}: ${a.map(pathString).join(' ')} and ${b.map(pathString).join(' ')}`, () => {
    const out = operation(setOfPaths(...a), setOfPaths(...b));
    assert.deepEqual(strings(out).toSorted(), expected.map(pathString).toSorted());
    assert.equal(isEmptySet(out), expected.length === 0);
  });
}

const STEPS = ['f:a', 'f:b', 'k:{"name":"x"}', 'v:1', 'i:0'];

function randomSet(ids: Ids): FieldSet {
  const below = (n: number): number => Math.floor(ids.fraction() * n);
  const paths = Array.from({ length: below(6) }, () => Array.from({ length: 1 + below(3) }, () => STEPS[below(STEPS.length)] as string));
  return setOfPaths(...paths);
}

test('set operations obey the laws of sets', () => {
  const ids = seededIds(5);
  for (let i = 0; i < 2000; i++) {
    const [a, b] = [randomSet(ids), randomSet(ids)];
    const left = new Set(strings(a));
    const right = new Set(strings(b));
    assert.deepEqual(new Set(strings(union(a, b))), left.union(right));
    assert.deepEqual(new Set(strings(intersection(a, b))), left.intersection(right));
    assert.deepEqual(new Set(strings(difference(a, b))), left.difference(right));
    for (const path of pathsOf(a)) assert.equal(hasPath(union(a, b), path), true);
  }
});

test('set operations share what they leave alone', () => {
  const a = setOfPaths(image, replicas);
  assert.equal(union(a, setOfPaths(replicas)), a);
  assert.equal(difference(a, setOfPaths(spec)), a);
  assert.equal(difference(a, setOfPaths(replicas))['f:spec']?.['f:containers'], a['f:spec']?.['f:containers']);
});

test('parseFieldSet reads back what inOrder wrote', () => {
  const ids = seededIds(9);
  for (let i = 0; i < 500; i++) {
    const set = inOrder(randomSet(ids));
    const copy = JSON.parse(JSON.stringify(set)) as FieldSet;
    assert.equal(parseFieldSet(copy), copy);
    assert.deepEqual(strings(copy), strings(set));
    assert.equal(inOrder(copy), copy);
  }
});

test('parseFieldSet makes elements canonical and ignores kinds it does not know', () => {
  assert.deepEqual(parseFieldSet({ 'f:a': { 'k:{ "protocol":"TCP", "port":80}': { '.': {} } }, 'x:y': {}, '.': {} }), {
    'f:a': { 'k:{"port":80,"protocol":"TCP"}': {} },
  });
});

for (const [text, message] of [
  ['a', /2 characters/],
  ['fa', /missing colon/],
  ['i:x', /invalid syntax/],
  ['k:[]', /not an object/],
  ['v:{', /path element/],
] as const) {
  test(`canonicalElement refuses ${text}`, () => {
    assert.throws(
      () => canonicalElement(text),
      (error) => error instanceof FieldSetError && message.test(error.message),
    );
  });
}

test('compareElements orders fields, keys, values and indexes', () => {
  const sorted = ['f:a', 'f:b', 'k:{"a":1}', 'k:{"a":2}', 'k:{"a":2,"b":1}', 'k:{"b":1}', 'v:2', 'v:10', 'v:"a"', 'v:true', 'i:2', 'i:10'];
  for (const [i, a] of sorted.entries()) {
    for (const [j, b] of sorted.entries()) assert.equal(Math.sign(compareElements(a, b)), Math.sign(i - j), `${a} ${b}`);
  }
});
