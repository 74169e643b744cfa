import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#api/types.ts';
import { CreatedAlike } from './created-alike.ts';
import type { FieldChange } from './field-manager.ts';
import { withMetadata } from './metadata.ts';
import { Schema } from '#api/schema.ts';

const pods = [...new Schema().resources()].find(({ resource, version }) => resource === 'pods' && version === 'v1');
const change = (manager: string, now: number): FieldChange =>
  ({ served: { info: pods, apiVersion: 'v1', name: 'pods' }, subresource: '', manager, now }) as unknown as FieldChange;

const pod = (name: string, image: string, more: object = {}): KubeObject =>
  ({ kind: 'Pod', apiVersion: 'v1', metadata: { name, namespace: 'a' }, spec: { containers: [{ name: 'c', image }], ...more } }) as never;

/** Tells how often owners were looked for. */
function tracker(): { readonly track: (object: KubeObject) => KubeObject; readonly tracked: string[] } {
  const tracked: string[] = [];
  const track = (object: KubeObject): KubeObject => {
    tracked.push(object.metadata.name);
    const entry = { manager: 'm', operation: 'Update', time: '1970-01-01T00:00:00Z', fieldsV1: { [`f:${tracked.length}`]: {} } };
    return withMetadata(object, { managedFields: [entry as never] });
  };
  return { track, tracked };
}

test('CreatedAlike looks for the owners of objects of one outline once, and shares their parts', () => {
  const alike = new CreatedAlike();
  const { track, tracked } = tracker();
  const owned = (object: KubeObject, manager = 'm', now = 0): KubeObject => alike.owned(object, change(manager, now), track);
  const a = owned(pod('a', 'x'));
  const b = owned(pod('b', 'x'), 'm', 61_000);
  assert.deepEqual(tracked, ['a']);
  assert.equal((b as { spec?: object }).spec, (a as { spec?: object }).spec);
  assert.deepEqual(b, { ...pod('b', 'x'), metadata: { ...pod('b', 'x').metadata, managedFields: b.metadata.managedFields } });
  assert.equal(b.metadata.managedFields?.[0]?.fieldsV1, a.metadata.managedFields?.[0]?.fieldsV1);
  assert.equal(b.metadata.managedFields?.[0]?.time, '1970-01-01T00:01:01Z');
  assert.deepEqual(owned(pod('c', 'y')).metadata.managedFields, a.metadata.managedFields);

  owned(pod('d', 'x', { nodeName: 'n' })); // states another field
  owned(pod('e', 'x'), 'other'); // by somebody else
  assert.deepEqual(tracked, ['a', 'd', 'e']);
});

test('CreatedAlike does not remember what is large', () => {
  const alike = new CreatedAlike();
  const { track, tracked } = tracker();
  for (const name of ['a', 'b']) alike.owned(pod(name, 'x'.repeat(20_000)), change('m', 0), track);
  assert.deepEqual(tracked, ['a', 'b']);
});
