// Pods that wait for a node that is gone, which nobody else would ever take.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonsets, nodes, pods } from '#api/resources.ts';
import type { DaemonSet, New, Node } from '#api/types.ts';
import { simulate } from '../testing/simulation.ts';
import { daemonSetController } from './controller.ts';

test('a daemon pod that waits for its node goes with it, though the node took no more of them', async (t) => {
  const { client, server, quiet, stop } = await simulate([daemonSetController], 1);
  t.after(stop);
  await client.create(nodes, { metadata: { name: 'n' }, spec: {} } as New<Node>);
  const labels = { app: 'agent' };
  await client.create(daemonsets, {
    metadata: { name: 'agent', namespace: 'ns' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
  } as unknown as New<DaemonSet>);
  await quiet();
  const count = (): number => server.stored(pods).length;
  assert.equal(count(), 1);
  const taints = [{ key: 'team', effect: 'NoSchedule' }];
  await client.patch(nodes, { name: 'n' }, { type: 'merge', body: { spec: { taints } } });
  await quiet();
  assert.equal(count(), 1, 'it stays while its node is there');
  await client.delete(nodes, { name: 'n' });
  await quiet();
  assert.equal(count(), 0);
});
