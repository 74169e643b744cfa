import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#api/types.ts';
import { CompressedRuns, type CompressedRun } from './compressed-runs.ts';
import { ObjectLayout, StoredObject } from './stored-object.ts';

const layout = new ObjectLayout({ apiVersion: 'v1', kind: 'ConfigMap', typedItems: false });
const stored = (name: string, revision = 1): StoredObject => {
  const object: KubeObject = {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  };
  return new StoredObject(layout, name, revision, layout.encode(object), object);
};
const run = (bytes: number): CompressedRun => ({ deflated: Buffer.alloc(bytes), crc: 1, length: 100 });
const [a, b, c] = [stored('a'), stored('b'), stored('c')];

test('CompressedRuns finds a run of the very same objects, wherever they stand', () => {
  const runs = new CompressedRuns(100);
  const kept = run(10);
  runs.keep('json', [b, c], kept);
  assert.equal(runs.find('json', [a, b, c], 1)?.run.deflated, kept.deflated);
  assert.equal(runs.find('json', [b, c, a], 0)?.count, 2);
  for (const [form, objects, from] of [
    ['protobuf', [b, c], 0],
    ['json', [a, b], 0],
    ['json', [a, b], 1],
    ['json', [b, a], 0],
    ['json', [b, stored('c', 2)], 0],
    ['json', [b, stored('d')], 0],
  ] as const)
    assert.equal(runs.find(form, objects, from), undefined, `${form} ${objects.map(({ key }) => key)} ${from}`);
});

test('CompressedRuns holds no more than it may, and lets go of what is dropped', () => {
  const runs = new CompressedRuns(100);
  runs.keep('json', [a, b], run(60));
  runs.keep('protobuf', [a, b], run(30));
  runs.keep('json', [b], run(11));
  assert.equal(runs.find('json', [b], 0), undefined);
  runs.keep('json', [a, c], run(70));
  assert.equal(runs.bytes, 100);
  assert.equal(runs.find('json', [a, b], 0), undefined);
  assert.equal(runs.find('json', [a, c], 0)?.count, 2);
  runs.drop(a);
  runs.drop(a);
  assert.equal(runs.bytes, 0);
  assert.equal(runs.find('protobuf', [a, b], 0), undefined);
});
