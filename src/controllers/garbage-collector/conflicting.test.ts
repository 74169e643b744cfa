// References that have the uid of an object and say something else of it. Source: garbagecollector_test.go TestConflictingData.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterroles, configmaps } from '#api/resources.ts';
import type { OwnerReference } from '#api/types.ts';
import { simulate } from '../testing/simulation.ts';
import { garbageCollector } from './controller.ts';

const CHILDREN: readonly { readonly name: string; readonly reference: Partial<OwnerReference>; readonly stays: boolean }[] = [
  { name: 'good', reference: {}, stays: true },
  { name: 'other-name', reference: { name: 'other' }, stays: false },
  { name: 'other-kind', reference: { kind: 'Secret' }, stays: false },
  { name: 'other-group', reference: { apiVersion: 'apps/v1', kind: 'Deployment' }, stays: false },
  { name: 'other-namespace', reference: {}, stays: false },
  { name: 'kind-nobody-serves', reference: { apiVersion: 'extensions/v1beta1', kind: 'Deployment' }, stays: true },
];

for (const first of ['owner', 'children'] as const)
  test(`a child whose owner is not what it says is deleted (${first} first)`, async (t) => {
    const { client, server, quiet, stop, hold, catchUp } = await simulate([garbageCollector], 1);
    t.after(stop);
    if (first === 'children') hold('configmaps');
    const owner = await client.create(configmaps, { metadata: { name: 'owner', namespace: 'ns' } });
    if (first === 'owner') await quiet();
    for (const { name, reference } of CHILDREN) {
      const meant = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid, ...reference };
      const namespace = name === 'other-namespace' ? 'far' : 'ns';
      await client.create(configmaps, { metadata: { name, namespace, ownerReferences: [meant] } });
    }
    catchUp();
    await quiet();
    const left = (): readonly string[] =>
      server
        .stored(configmaps)
        .map(({ metadata }) => metadata.name)
        .toSorted();
    assert.deepEqual(left(), ['owner', ...CHILDREN.filter(({ stays }) => stays).map(({ name }) => name)].toSorted());
    await client.delete(configmaps, { name: 'owner', namespace: 'ns' });
    await quiet();
    assert.deepEqual(left(), ['kind-nobody-serves'], 'nobody can tell what it means');
  });

test('a child in no namespace of an owner in one stays, and is told; one of an owner in none goes with it', async (t) => {
  const { client, server, quiet, stop, events } = await simulate([garbageCollector], 1);
  t.after(stop);
  const near = await client.create(configmaps, { metadata: { name: 'near', namespace: 'ns' } });
  const wide = await client.create(clusterroles, { metadata: { name: 'wide' } });
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'wide', uid: wide.metadata.uid };
  await client.create(clusterroles, {
    metadata: { name: 'bad', ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'near', uid: near.metadata.uid }] },
  });
  await client.create(clusterroles, { metadata: { name: 'good', ownerReferences: [role] } });
  await client.create(configmaps, { metadata: { name: 'of-wide', namespace: 'ns', ownerReferences: [role] } });
  await quiet();
  await client.delete(clusterroles, { name: 'wide' });
  await client.delete(configmaps, { name: 'near', namespace: 'ns' });
  await quiet();
  assert.deepEqual(
    server.stored(clusterroles).map(({ metadata }) => metadata.name),
    ['bad'],
  );
  assert.deepEqual(server.stored(configmaps), []);
  const text = `Warning OwnerRefInvalidNamespace ownerRef [v1/ConfigMap, namespace: , name: near, uid: ${near.metadata.uid}] does not exist in namespace ""`;
  assert.ok(events.includes(text), events.join('\n'));
});

for (const first of ['owner', 'other'] as const)
  test(`a child of which one reference says what its owner is stays, though another says otherwise (${first} first)`, async (t) => {
    const { client, server, quiet, stop } = await simulate([garbageCollector], 1);
    t.after(stop);
    const { metadata } = await client.create(configmaps, { metadata: { name: 'owner', namespace: 'ns' } });
    await quiet();
    const references = ['owner', 'other'].map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid: metadata.uid }));
    const ownerReferences = first === 'owner' ? references : references.toReversed();
    await client.create(configmaps, { metadata: { name: 'child', namespace: 'ns', ownerReferences } });
    await quiet();
    assert.deepEqual(
      server.stored(configmaps).map((one) => one.metadata.name),
      ['child', 'owner'],
    );
  });

test('a child that another owner adopts while the server is asked for the first one stays', async (t) => {
  const { client, server, quiet, stop, turns } = await simulate([garbageCollector], 1);
  t.after(stop);
  const owner = await client.create(configmaps, { metadata: { name: 'owner', namespace: 'ns' } });
  await quiet();
  const answer = server.holdNext({ verb: 'get', resource: 'configmaps' });
  const reference = { apiVersion: 'v1', kind: 'ConfigMap' };
  const ownerReferences = [{ ...reference, name: 'lost', uid: 'lost' }];
  await client.create(configmaps, { metadata: { name: 'child', namespace: 'ns', ownerReferences } });
  await turns(20);
  const adopted = { metadata: { ownerReferences: [{ ...reference, name: 'owner', uid: owner.metadata.uid }] } };
  await client.patch(configmaps, { name: 'child', namespace: 'ns' }, { type: 'merge', body: adopted });
  await turns(20);
  answer();
  await quiet();
  const order = server.actions.flatMap(({ verb, name }) => (verb === 'patch' || (verb === 'get' && name === 'lost') ? [verb] : []));
  assert.deepEqual(order, ['patch', 'get']);
  assert.deepEqual(
    server.stored(configmaps).map(({ metadata }) => metadata.name),
    ['child', 'owner'],
  );
});
