import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { assertCodecLaws } from '#base/protobuf/testing.ts';
import { criCodec, CRI_SCHEMA } from './schema.ts';

test('every message of the CRI keeps the laws of the codec', () => {
  assertCodecLaws(CRI_SCHEMA, { ids: seededIds(36), rounds: 10, names: 'camel' });
});

test('every message that a method names is in the table', () => {
  for (const methods of Object.values(CRI_SCHEMA.services ?? {})) {
    for (const { request, response } of Object.values(methods)) for (const name of [request, response]) criCodec.message(name);
  }
});

test('timestamps keep their nanoseconds', () => {
  const codec = criCodec.message<{ createdAt: bigint; finishedAt: bigint }>('runtime.v1.ContainerStatus');
  const { createdAt, finishedAt } = codec.decode(codec.encode({ createdAt: 1795249793031865071n, finishedAt: 0n }));
  assert.deepEqual([createdAt, finishedAt], [1795249793031865071n, 0n]);
});
