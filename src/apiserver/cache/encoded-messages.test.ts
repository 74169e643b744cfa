import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#api/types.ts';
import { EncodedMessages } from './encoded-messages.ts';
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

test('EncodedMessages encodes an object once, until it is dropped', () => {
  const messages = new EncodedMessages(100);
  const asked: string[] = [];
  const encode = ({ metadata }: KubeObject): Uint8Array => {
    asked.push(metadata.name);
    return Buffer.from(metadata.name);
  };
  const a = stored('a');
  assert.equal(messages.of(a, encode).toString(), 'a');
  assert.equal(messages.of(a, encode), messages.of(a, encode));
  assert.deepEqual([asked, messages.bytes], [['a'], 1]);
  messages.drop(a);
  messages.drop(a);
  assert.equal(messages.bytes, 0);
  messages.of(a, encode);
  assert.deepEqual(asked, ['a', 'a']);
});

test('EncodedMessages holds no more than it may, and what it holds stays', () => {
  const messages = new EncodedMessages(100);
  const objects = Array.from({ length: 50 }, (_, i) => stored(`object-${i}`));
  const encode = (): Uint8Array => Buffer.alloc(9);
  for (const object of objects) assert.equal(messages.of(object, encode).length, 9);
  assert.equal(messages.bytes, 99);
  const [first] = objects as [StoredObject];
  assert.equal(messages.of(first, encode), messages.of(first, encode));
});
