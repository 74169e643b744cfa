import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { deepEqual, type JsonObject } from './json-value.ts';
import { thing } from './patch-fixture.ts';
import { StrategicPatchError, strategicMergePatch } from './strategic-merge-patch.ts';
import { createTwoWayMergePatch } from './two-way-diff.ts';

const live = {
  kind: 'Thing',
  metadata: { name: 't', labels: { a: '1', b: '2' }, finalizers: ['f1', 'f2'] },
  spec: {
    containers: [
      { name: 'c1', image: 'i1', env: [{ name: 'A', value: '1' }] },
      { name: 'c2', image: 'i2', args: ['x'] },
    ],
    volumes: [{ name: 'v', a: { p: 'q' } }],
    selector: { x: '1' },
    replicas: 1,
  },
};
const merged = (patch: JsonObject): typeof live => strategicMergePatch(live, patch, thing) as typeof live;

for (const [name, patch, pick, want] of [
  ['merges maps', { metadata: { labels: { b: null, c: '3' } } }, (o: typeof live) => o.metadata.labels, { a: '1', c: '3' }],
  [
    'merges lists by key',
    { spec: { containers: [{ name: 'c2', image: 'n' }] } },
    (o: typeof live) => o.spec.containers[1],
    { name: 'c2', image: 'n', args: ['x'] },
  ],
  [
    'puts new items first',
    { spec: { containers: [{ name: 'c3' }] } },
    (o: typeof live) => o.spec.containers.map((c) => c.name),
    ['c3', 'c1', 'c2'],
  ],
  [
    'deletes items',
    { spec: { containers: [{ $patch: 'delete', name: 'c1' }] } },
    (o: typeof live) => o.spec.containers.map((c) => c.name),
    ['c2'],
  ],
  [
    'replaces a list',
    { spec: { containers: [{ $patch: 'replace' }, { name: 'n' }] } },
    (o: typeof live) => o.spec.containers,
    [{ name: 'n' }],
  ],
  ['replaces an object', { metadata: { labels: { $patch: 'replace', z: '1' } } }, (o: typeof live) => o.metadata.labels, { z: '1' }],
  ['empties an object', { metadata: { labels: { $patch: 'delete' } } }, (o: typeof live) => o.metadata.labels, {}],
  ['replaces by strategy', { spec: { selector: { y: '2' } } }, (o: typeof live) => o.spec.selector, { y: '2' }],
  ['replaces atomic lists', { spec: { containers: [{ name: 'c2', args: ['y'] }] } }, (o: typeof live) => o.spec.containers[1]?.args, ['y']],
  ['joins scalar sets', { metadata: { finalizers: ['f3', 'f1'] } }, (o: typeof live) => o.metadata.finalizers, ['f3', 'f1', 'f2']],
  [
    'deletes from scalar sets',
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['f1'] } },
    (o: typeof live) => o.metadata.finalizers,
    ['f2'],
  ],
  [
    'orders items',
    { spec: { '$setElementOrder/containers': [{ name: 'c2' }, { name: 'c1' }] } },
    (o: typeof live) => o.spec.containers.map((c) => c.name),
    ['c2', 'c1'],
  ],
  [
    'retains keys',
    { spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'b'], b: { k: '1' } }] } },
    (o: typeof live) => o.spec.volumes[0],
    { name: 'v', b: { k: '1' } },
  ],
  ['drops nulls of what is new', { status: { a: null, b: '1' } }, (o: typeof live) => (o as { status?: unknown }).status, { b: '1' }],
] as const) {
  test(`strategicMergePatch ${name}`, () => assert.deepEqual(pick(merged(patch)), want));
}

for (const [patch, message] of [
  [{ $patch: 'frob' }, 'unknown patch type: frob in map: map[$patch:frob]'],
  [{ spec: { containers: [{ image: 'x' }] } }, 'map: map[image:x] does not contain declared merge key: name'],
  [{ spec: { containers: [{ $patch: 'merge', name: 'x' }] } }, 'merging lists cannot yet be specified in the patch'],
  [{ spec: { volumes: [{ name: 'v', $retainKeys: ['name'], a: {} }] } }, 'invalid patch format of retainKeys'],
  [
    { spec: { containers: [{ name: 'c1' }, { name: 'c2' }], '$setElementOrder/containers': [{ name: 'c2' }, { name: 'c1' }] } },
    "The order in patch list:\n[map[name:c1] map[name:c2]]\n doesn't match $setElementOrder list:\n[map[name:c2] map[name:c1]]\n",
  ],
  [{ metadata: { '$setElementOrder/nope': [] } }, 'unable to find api field in struct Meta for the json field "nope"'],
] as const) {
  test(`strategicMergePatch refuses ${JSON.stringify(patch)}`, () => {
    assert.throws(
      () => merged(patch),
      (error: unknown) => error instanceof StrategicPatchError && error.message === message,
    );
  });
}

test('strategicMergePatch keeps the identity of what stays', () => {
  const before = JSON.stringify(live);
  assert.equal(merged({ metadata: { labels: { a: '1' } }, spec: { containers: [{ name: 'c1', image: 'i1' }], replicas: 1 } }), live);
  const changed = merged({ spec: { containers: [{ name: 'c2', image: 'n' }] } });
  assert.equal(changed.metadata, live.metadata);
  assert.equal(changed.spec.containers[0], live.spec.containers[0]);
  assert.equal(JSON.stringify(live), before);
});

test('merging a two-way diff reaches its target', () => {
  const ids = seededIds(11);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(ids.fraction() * values.length)] as T;
  const some = <T>(values: readonly T[]): T[] => values.filter(() => ids.fraction() < 0.6).toSorted(() => ids.fraction() - 0.5);
  const random = (): JsonObject => ({
    kind: 'Thing',
    metadata: {
      name: 't',
      labels: Object.fromEntries(some(['a', 'b', 'c']).map((k) => [k, pick(['1', '2'])])),
      finalizers: some(['f1', 'f2', 'f3']),
    },
    spec: {
      containers: some(['c1', 'c2', 'c3']).map((name) => ({
        name,
        image: pick(['i', 'j']),
        env: some(['A', 'B']).map((key) => ({ name: key, value: pick(['1', '2']) })),
        args: some(['x', 'y']),
      })),
      volumes: some(['v1', 'v2']).map((name) => ({ name, [pick(['a', 'b'])]: { k: pick(['1', '2']) } })),
      ...(ids.fraction() < 0.5 ? { selector: { [pick(['x', 'y'])]: '1' } } : {}),
    },
  });
  for (let i = 0; i < 500; i++) {
    const [from, to] = [random(), random()];
    const patch = createTwoWayMergePatch(from, to, thing);
    const reached = strategicMergePatch(from, patch, thing);
    assert.ok(
      deepEqual(reached, to),
      `${JSON.stringify(from)} → ${JSON.stringify(to)} by ${JSON.stringify(patch)} gave ${JSON.stringify(reached)}`,
    );
  }
});
