// Source: rootcacertpublisher publisher_test.go TestConfigMapCreation, TestConfigMapUpdateNoHotLoop.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configmaps, namespaces } from '#api/resources.ts';
import type { ConfigMap, Namespace, New } from '#api/types.ts';
import { simulate } from '../testing/simulation.ts';
import { rootCaPublisher } from './controller.ts';

const REF = { name: 'kube-root-ca.crt', namespace: 'ns' };
const DESCRIBES = 'kubernetes.io/description';

async function world() {
  const running = await simulate([rootCaPublisher], 1);
  await running.client.create(namespaces, { metadata: { name: 'ns' }, status: { phase: 'Active' } } as New<Namespace>);
  await running.quiet();
  const read = (): Promise<ConfigMap> => running.client.get(configmaps, REF);
  return { ...running, first: await read(), read };
}

for (const [name, change] of [
  ['has other data', { data: { 'ca.crt': 'forged' } }],
  ['has more data', { data: { more: 'x' } }],
  ['has lost its data', { data: { 'ca.crt': null } }],
  ['has lost its description', { metadata: { annotations: { [DESCRIBES]: null } } }],
] as const)
  test(`the published authority is put right when it ${name}`, async (t) => {
    const { client, quiet, first, read, stop } = await world();
    t.after(stop);
    await client.patch(configmaps, REF, { type: 'merge', body: change });
    await quiet();
    const { data, metadata } = await read();
    assert.deepEqual([data, metadata.annotations], [first.data, first.metadata.annotations]);
    assert.ok((metadata.annotations?.[DESCRIBES] ?? '').startsWith('Contains a CA bundle'));
  });

test('a description in other words, labels and other annotations stay, and are not written again', async (t) => {
  const { client, quiet, read, stop } = await world();
  t.after(stop);
  const metadata = { labels: { a: 'b' }, annotations: { [DESCRIBES]: 'ours', 'example.com/more': 'x' } };
  const { metadata: changed } = await client.patch(configmaps, REF, { type: 'merge', body: { metadata } });
  await quiet();
  assert.deepEqual((await read()).metadata, changed);
});

test('the published authority is made again', async (t) => {
  const { client, quiet, first, read, stop } = await world();
  t.after(stop);
  await client.delete(configmaps, REF);
  await quiet();
  assert.deepEqual((await read()).data, first.data);
});
