// Controllers that look at every kind see custom resources from when they are defined.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isConditionTrue } from '#api/conditions.ts';
import { configmaps, customresourcedefinitions, namespaces, resourcequotas } from '#api/resources.ts';
import type { CustomResourceDefinition, KubeObject, Namespace, New, ResourceQuota } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { ObjectRef } from '#client/contract.ts';
import { garbageCollector } from '#controllers/garbage-collector/controller.ts';
import { namespaceController } from '#controllers/namespace/controller.ts';
import { resourceQuotaController } from '#controllers/resourcequota/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

let t: ControllerTest;
const widgets: Resource<KubeObject> = { group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget', namespaced: true };

before(async () => {
  t = await startControllerTest({ controllers: [garbageCollector, namespaceController, resourceQuotaController] });
  await define();
});
after(() => t.stop());

async function define(): Promise<void> {
  await t.client.create(customresourcedefinitions, {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  } as New<CustomResourceDefinition>);
  await t.until(async () => {
    const { status } = await t.client.get(customresourcedefinitions, { name: 'widgets.example.com' });
    return isConditionTrue(status.conditions, 'Established') ? true : undefined;
  });
}

const widget = (name: string, ownerReferences: readonly object[] = [], namespace = 'ns'): Promise<KubeObject> =>
  t.client.create(widgets, { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name, namespace, ownerReferences } } as never);

const gone = <T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<true> => t.gone(() => t.client.get(resource, ref));

const owner = (kind: string, apiVersion: string, { metadata }: KubeObject): object => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid,
  blockOwnerDeletion: true,
});

test('the collector deletes a custom resource whose owner is gone, and what a custom resource owned', async () => {
  const top = await t.client.create(configmaps, { metadata: { name: 'top', namespace: 'ns' } });
  const middle = await widget('middle', [owner('ConfigMap', 'v1', top as unknown as KubeObject)]);
  await t.client.create(configmaps, {
    metadata: { name: 'bottom', namespace: 'ns', ownerReferences: [owner('Widget', 'example.com/v1', middle)] as never },
  });
  await t.client.delete(configmaps, { name: 'top', namespace: 'ns' });
  await gone(configmaps, { name: 'bottom', namespace: 'ns' });
  await gone(widgets, { name: 'middle', namespace: 'ns' });
});

test('the collector knows an owner that is named by a version that is off by default', async () => {
  const reference = owner('ResourceClaim', 'resource.k8s.io/v1beta1', { metadata: { name: 'gone', uid: 'u-1' } } as KubeObject);
  await t.client.create(configmaps, { metadata: { name: 'claimed', namespace: 'ns', ownerReferences: [reference] as never } });
  await gone(configmaps, { name: 'claimed', namespace: 'ns' });
});

test('the collector takes an owner that is gone off a custom resource that has another', async () => {
  const [a, b] = [await widget('a'), await widget('b')];
  await widget('both', [owner('Widget', 'example.com/v1', a), owner('Widget', 'example.com/v1', b)]);
  await t.client.delete(widgets, { name: 'a', namespace: 'ns' });
  const owners = await t.until(async () => {
    const { ownerReferences = [] } = (await t.client.get(widgets, { name: 'both', namespace: 'ns' })).metadata;
    return ownerReferences.length === 1 ? ownerReferences : undefined;
  });
  assert.equal(owners[0]?.uid, b.metadata.uid);
});

test('foreground deletion of a custom resource waits for what it owns', async () => {
  const top = await widget('fore');
  await t.client.create(configmaps, {
    metadata: { name: 'fore', namespace: 'ns', ownerReferences: [owner('Widget', 'example.com/v1', top)] as never },
  });
  await t.client.delete(widgets, { name: 'fore', namespace: 'ns' }, { propagationPolicy: 'Foreground' });
  await gone(widgets, { name: 'fore', namespace: 'ns' });
  await gone(configmaps, { name: 'fore', namespace: 'ns' });
});

test('a namespace goes with its custom resources, and a definition that comes again is followed again', async () => {
  await t.client.create(namespaces, { metadata: { name: 'leaving' } });
  await widget('x', [], 'leaving');
  await t.client.delete(namespaces, { name: 'leaving' });
  await gone(namespaces, { name: 'leaving' });
  assert.equal((await t.client.list(widgets, { namespace: 'leaving' })).items.length, 0);

  await t.client.delete(customresourcedefinitions, { name: 'widgets.example.com' });
  await gone(customresourcedefinitions, { name: 'widgets.example.com' });
  await define();
  const top = await t.client.create(configmaps, { metadata: { name: 'again', namespace: 'ns' } });
  await widget('again', [owner('ConfigMap', 'v1', top as unknown as KubeObject)]);
  await t.client.delete(configmaps, { name: 'again', namespace: 'ns' });
  await gone(widgets, { name: 'again', namespace: 'ns' });
});

test('a quota counts custom resources', async () => {
  await t.client.create(namespaces, { metadata: { name: 'limited' } } as New<Namespace>);
  const name = 'count/widgets.example.com';
  await widget('before', [], 'limited');
  await t.client.create(resourcequotas, {
    metadata: { name: 'q', namespace: 'limited' },
    spec: { hard: { [name]: '2' } },
  } as New<ResourceQuota>);
  const used = (count: string): Promise<true> =>
    t.until(async () => {
      const { status } = await t.client.get(resourcequotas, { name: 'q', namespace: 'limited' });
      return status.used?.[name] === count ? true : undefined;
    });
  await used('1');
  await t.client.delete(widgets, { name: 'before', namespace: 'limited' });
  await used('0');
});
