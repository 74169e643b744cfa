import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodedObjects } from './decoded-objects.ts';
import { ObjectLayout, type StoredObject } from './stored-object.ts';

const layout = new ObjectLayout({ apiVersion: 'v1', kind: 'ConfigMap', typedItems: false });
const bytes = layout.encode({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' } } as never).toBuffer();

test('only the latest decoded objects keep what was decoded, as many as their stored bytes allow, and the last in any case', () => {
  const objects = [1, 2, 3, 4].map((revision) => layout.read('a', revision, bytes));
  for (const stored of objects) stored.hold();
  const first = objects.map((stored) => stored.object);
  const kept = (): readonly boolean[] => objects.map((stored, i) => stored.object === first[i]);
  assert.deepEqual(kept(), [true, true, true, true]);

  const latest = new DecodedObjects(3 * bytes.length);
  for (const stored of objects) latest.add(stored);
  latest.add(objects[1] as StoredObject); // is the latest now, and the second none
  assert.deepEqual(kept(), [false, true, true, true]);

  const none = new DecodedObjects(bytes.length - 1);
  first.splice(0, 4, ...objects.map((stored) => stored.object));
  for (const stored of objects) none.add(stored);
  assert.deepEqual(kept(), [false, false, false, true]);
});
