import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#api/types.ts';
import { EncodedItems } from './encoded-items.ts';
import { ObjectLayout, StoredObject } from './stored-object.ts';

const layout = new ObjectLayout({ apiVersion: 'v1', kind: 'ConfigMap', typedItems: false });
const stored = (name: string): StoredObject => {
  const object: KubeObject = {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  };
  return new StoredObject(layout, name, 1, layout.encode(object), object);
};

test('EncodedItems encodes an object once, until it is dropped', () => {
  const items = new EncodedItems();
  const asked: string[] = [];
  const encode = ({ metadata }: KubeObject): Uint8Array => {
    asked.push(metadata.name);
    return Buffer.from(metadata.name);
  };
  const a = stored('a');
  assert.equal(items.of(a, encode).toString(), 'a');
  assert.equal(items.of(a, encode), items.of(a, encode));
  assert.equal(items.held(a), items.of(a, encode));
  assert.deepEqual([asked, items.bytes, items.encoded], [['a'], 1, 1]);
  items.drop(a);
  items.drop(a);
  assert.equal(items.bytes, 0);
  assert.equal(items.held(a), undefined);
  items.of(a, encode);
  assert.deepEqual(asked, ['a', 'a']);
});
