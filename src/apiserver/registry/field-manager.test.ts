import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Schema } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import type { Catalog } from './catalog.ts';
import { FieldTracking, type FieldChange } from './field-manager.ts';
import { withMetadata } from './metadata.ts';

const pods = [...new Schema().resources()].find(({ resource, version }) => resource === 'pods' && version === 'v1');
const NO_OTHER_VERSION = { find: () => undefined } as unknown as Catalog;
const change = (manager: string, now: number, subresource = ''): FieldChange =>
  ({ served: { info: pods, apiVersion: 'v1', name: 'pods' }, subresource, manager, now, request: {} }) as unknown as FieldChange;

const pod = (name: string): KubeObject =>
  ({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, namespace: 'a' },
    spec: { containers: [{ name: 'c', image: 'x' }] },
  }) as never;
const running = (object: KubeObject): KubeObject => ({ ...object, status: { phase: 'Running' } }) as never;
const readAgain = (object: KubeObject): KubeObject => JSON.parse(JSON.stringify(object)) as KubeObject;
const sets = (object: KubeObject): unknown[] => (object.metadata.managedFields ?? []).map(({ fieldsV1 }) => fieldsV1);

test('FieldTracking gives objects alike the same sets of fields, also where one was decoded anew', async () => {
  const tracking = new FieldTracking(NO_OTHER_VERSION);
  const created = await tracking.update(undefined, pod('a'), change('kubectl', 0));
  const first = await tracking.update(created, running(created), change('kubelet', 0, 'status'));
  assert.equal(sets(first).length, 2);

  const other = readAgain(withMetadata(created, { name: 'b' }));
  const second = await tracking.update(other, running(other), change('kubelet', 1_000, 'status'));
  assert.deepEqual(
    sets(second).map((set, i) => set === sets(first)[i]),
    [true, true],
  );
  assert.deepEqual(
    second.metadata.managedFields?.map(({ manager, time }) => [manager, time]),
    [
      ['kubectl', '1970-01-01T00:00:00Z'],
      ['kubelet', '1970-01-01T00:00:01Z'],
    ],
  );
});
