import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StorageClass } from '../../gen/storage-v1.ts';
import { Problems } from '../problems.ts';
import { validateStorageClass } from './classes.ts';

test('validateStorageClass tells of a repeated topology a few times, however often it is repeated', () => {
  const term = { matchLabelExpressions: [{ key: 'zone', values: ['a'] }] };
  const told = (terms: number): number => {
    const out = new Problems();
    const allowedTopologies = Array.from({ length: terms }, () => term);
    validateStorageClass(out, { metadata: { name: 'a' }, provisioner: 'a.b', allowedTopologies } as unknown as StorageClass);
    return out.list.filter(({ type }) => type === 'FieldValueDuplicate').length;
  };
  assert.equal(told(1), 0);
  assert.equal(told(3), 3, 'each pair');
  assert.ok(told(20_000) <= 16 * 20_000);
});
