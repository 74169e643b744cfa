import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { fakeInformer } from '../testing.ts';

const pod = (name: string, resourceVersion: string): Pod =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns', uid: name, resourceVersion, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {},
    status: {},
  }) as unknown as Pod;

test('fakeInformer tells its handlers what it is given', () => {
  const informer = fakeInformer<Pod>(pod('a', '1'));
  const seen: string[] = [];
  informer.addHandlers({
    added: ({ metadata }, initial) => seen.push(`${initial ? 'initial' : 'added'} ${metadata.name}`),
    updated: ({ metadata }) => seen.push(`updated ${metadata.name}`),
    deleted: ({ metadata }) => seen.push(`deleted ${metadata.name}`),
  });
  informer.put(pod('a', '2'), pod('b', '3'));
  informer.remove(pod('a', '4'));
  assert.deepEqual(seen, ['initial a', 'updated a', 'added b', 'deleted a']);
  assert.equal(informer.hasSynced, true);
  assert.equal(informer.byKey('ns/b')?.metadata.resourceVersion, '3');
});
