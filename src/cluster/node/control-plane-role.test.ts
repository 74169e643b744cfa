import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { nodes } from '#api/resources.ts';
import type { New, Node } from '#api/types.ts';
import { startControllerTest } from '#test/harness/controllers.ts';
import { CONTROL_PLANE_ROLE, markControlPlane } from './control-plane-role.ts';

const DEPS = { clock: systemClock, ids: seededIds(1), timeoutMs: 60_000, signal: new AbortController().signal };

const node = (labels: Readonly<Record<string, string>> = {}) => ({ metadata: { name: 'boat', labels } }) as New<Node>;

test('markControlPlane labels a node as soon as it has registered, taints it not, and writes nothing twice', async (t) => {
  const { client, stop } = await startControllerTest({ controllers: [] });
  t.after(stop);
  const marked = markControlPlane(client, 'boat', DEPS);
  await client.create(nodes, { metadata: { name: 'worker' } } as New<Node>);
  await client.create(nodes, node({ 'example.test/deck': 'upper' }));
  await marked;
  const { metadata, spec } = await client.get(nodes, { name: 'boat' });
  assert.deepEqual(metadata.labels, { 'example.test/deck': 'upper', [CONTROL_PLANE_ROLE]: '' });
  assert.equal(spec.taints?.some(({ key }) => key === CONTROL_PLANE_ROLE) ?? false, false);
  assert.equal((await client.get(nodes, { name: 'worker' })).metadata.labels?.[CONTROL_PLANE_ROLE], undefined);

  await markControlPlane(client, 'boat', DEPS);
  assert.equal((await client.get(nodes, { name: 'boat' })).metadata.resourceVersion, metadata.resourceVersion);
});

test('markControlPlane leaves the value that somebody gave the label', async (t) => {
  const { client, stop } = await startControllerTest({ controllers: [] });
  t.after(stop);
  await client.create(nodes, node({ [CONTROL_PLANE_ROLE]: 'mine' }));
  await markControlPlane(client, 'boat', DEPS);
  assert.equal((await client.get(nodes, { name: 'boat' })).metadata.labels?.[CONTROL_PLANE_ROLE], 'mine');
});
