import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice } from '#api/types.ts';
import { OwnWrites } from './own-writes.ts';

const slice = (generation: number | undefined): EndpointSlice =>
  ({ metadata: { name: 's', namespace: 'ns', uid: 'u', ...(generation === undefined ? {} : { generation }) } }) as unknown as EndpointSlice;

test('OwnWrites knows the one change it was told of', () => {
  const own = new OwnWrites();
  assert.equal(own.made(slice(2), slice(1)), false);
  own.writes(slice(1));
  assert.equal(own.made(slice(2), slice(1)), true);
  assert.equal(own.made(slice(3), slice(2)), false);
});

test('OwnWrites takes a change that leaves the generation as it is, or has none, for somebody else’s', () => {
  const own = new OwnWrites();
  own.writes(slice(1));
  assert.equal(own.made(slice(2), slice(2)), false);
  own.writes(slice(undefined));
  assert.equal(own.made(slice(undefined), slice(undefined)), false);
});

test('OwnWrites forgets a slice that went', () => {
  const own = new OwnWrites();
  own.writes(slice(1));
  own.forget(slice(2));
  assert.equal(own.made(slice(2), slice(1)), false);
});
