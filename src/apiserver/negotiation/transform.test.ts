import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectForm } from './transform.ts';

const metadata = { resourceVersion: '7', annotations: { 'k8s.io/initial-events-end': 'true' } };
const empty = { kind: 'Pod', apiVersion: 'v1', metadata, spec: { containers: [] }, status: {} };
const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };

for (const [transform, includeObject, expected] of [
  ['none', 'Metadata', empty],
  ['PartialObjectMetadata', 'Metadata', partial],
  ['Table', 'Metadata', partial],
  ['Table', 'None', partial],
  ['Table', 'Object', empty],
] as const) {
  test(`a bookmark as ${transform} with includeObject=${includeObject} shows its annotation`, () => {
    const form = { encoding: 'json', transform, metaVersion: 'v1', pretty: false } as const;
    const shown = objectForm(form, {} as never, { includeObject } as never).bookmark(empty as never) as {
      readonly rows?: readonly object[];
    };
    assert.deepEqual(transform === 'Table' ? shown.rows : shown, transform === 'Table' ? [{ cells: [], object: expected }] : expected);
  });
}
