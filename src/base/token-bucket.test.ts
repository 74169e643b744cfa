import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenBucket } from './token-bucket.ts';

test('TokenBucket allows its burst at once and then its rate', () => {
  const bucket = new TokenBucket(2, 3);
  assert.deepEqual(
    [0, 0, 0, 0].map((at) => bucket.tryTake(at)),
    [true, true, true, false],
  );
  assert.deepEqual(
    [499, 500, 501, 1000].map((at) => bucket.tryTake(at)),
    [false, true, false, true],
  );
});

test('TokenBucket never holds more than its burst', () => {
  const bucket = new TokenBucket(10, 2);
  bucket.tryTake(0);
  assert.deepEqual(
    [60_000, 60_000, 60_000].map((at) => bucket.tryTake(at)),
    [true, true, false],
  );
});

test('TokenBucket reserve hands out waits one after the other', () => {
  const bucket = new TokenBucket(10, 1);
  assert.deepEqual(
    [0, 0, 0, 100].map((at) => bucket.reserve(at)),
    [0, 100, 200, 200],
  );
});

test('TokenBucket release gives a reservation back', () => {
  const bucket = new TokenBucket(10, 1);
  bucket.reserve(0);
  bucket.reserve(0);
  bucket.release();
  assert.equal(bucket.reserve(0), 100);
});

test('TokenBucket ignores a time that goes back', () => {
  const bucket = new TokenBucket(1000, 1);
  bucket.tryTake(50);
  assert.equal(bucket.tryTake(10), false);
});
