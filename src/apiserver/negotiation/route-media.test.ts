import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatusError } from '#apimachinery/errors.ts';
import { checkRouteProduces } from './route-media.ts';

test('checkRouteProduces leaves spaces around a type aside', () => {
  for (const accept of ['application/json', ' application/json ;q=1', 'text/html,  */*', '']) checkRouteProduces(accept, 'get');
});

test('checkRouteProduces takes no long look at a header of nothing but spaces', () => {
  for (const accept of [`a${' '.repeat(1_000_000)}b`, ' '.repeat(1_000_000)])
    assert.throws(
      () => checkRouteProduces(accept, 'get'),
      (error: unknown) => isStatusError(error, 'NotAcceptable'),
    );
});
