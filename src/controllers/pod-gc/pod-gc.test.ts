import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '#api/types.ts';
import { surplusOfEnded, verdict } from './plan.ts';

const pod = (nodeName: string, deleting = false): Pod =>
  ({
    metadata: { name: 'p', ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { nodeName },
    status: {},
  }) as unknown as Pod;
const node = (ready: boolean, out = false): Node =>
  ({
    spec: out ? { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] } : {},
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }] },
  }) as unknown as Node;

for (const [name, one, on, want] of [
  ['keeps a pod on its node', pod('n'), node(true), 'keep'],
  ['keeps a pod that waits for a node', pod(''), undefined, 'keep'],
  ['takes a pod that was deleted while it waited', pod('', true), undefined, 'unscheduled'],
  ['takes a pod whose node is gone', pod('n'), undefined, 'orphaned'],
  ['takes a pod that ends on a node out of service', pod('n', true), node(false, true), 'out-of-service'],
  ['leaves it to the kubelet while the node is ready', pod('n', true), node(true, true), 'keep'],
  ['keeps a pod of a silent node that nobody took out of service', pod('n', true), node(false), 'keep'],
] as const) {
  test(`verdict ${name}`, () => assert.equal(verdict(one, on).kind, want));
}

test('surplusOfEnded takes evicted pods first, then the oldest', () => {
  const ended = (name: string, hour: number, reason?: string): Pod =>
    ({ metadata: { name, creationTimestamp: `2026-01-01T0${hour}:00:00Z` }, status: { phase: 'Failed', reason } }) as unknown as Pod;
  const all = [ended('old', 1), ended('young', 3), ended('evicted', 4, 'Evicted'), ended('middle', 2)];
  assert.deepEqual(
    surplusOfEnded(all, 2).map(({ metadata }) => metadata.name),
    ['evicted', 'old'],
  );
  assert.deepEqual(surplusOfEnded(all, 4), []);
});
