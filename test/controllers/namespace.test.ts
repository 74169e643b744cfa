import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import { apiservices, configmaps, namespaces, pods, serviceaccounts, services } from '#api/resources.ts';
import { isStableVersion } from '#api/schema.ts';
import type { KubeObject, Namespace, New, Pod, Service } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { namespaceController } from '#controllers/namespace/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [namespaceController] });
});
after(() => t.stop());

const get = async (name: string): Promise<Namespace | undefined> => {
  try {
    return await t.client.get(namespaces, { name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
};
const gone = (name: string) => t.until(async () => ((await get(name)) === undefined ? true : undefined));

async function make(name: string): Promise<void> {
  await t.client.create(namespaces, { metadata: { name } });
  await t.client.create(serviceaccounts, { metadata: { name: 'default', namespace: name } });
}

const pod = (name: string, namespace: string, finalizers: readonly string[] = []): New<Pod> =>
  ({ metadata: { name, namespace, finalizers }, spec: { containers: [{ name: 'c', image: 'i' }] } }) as New<Pod>;

test('a namespace that is deleted takes its pods and services with it', async () => {
  await make('short');
  await t.client.create(pods, pod('p', 'short'));
  await t.client.create(services, { metadata: { name: 's', namespace: 'short' }, spec: { ports: [{ port: 80 }] } } as New<Service>);
  await t.client.delete(namespaces, { name: 'short' });
  await gone('short');
  assert.equal(
    (await t.client.list(pods, { namespace: 'short' })).items.length + (await t.client.list(services, { namespace: 'short' })).items.length,
    0,
  );
});

test('pods go first, and the namespace says what holds it', async () => {
  await make('held');
  await t.client.create(pods, pod('p', 'held', ['example.com/hold']));
  await t.client.create(configmaps, { metadata: { name: 'c', namespace: 'held' } });
  await t.client.delete(namespaces, { name: 'held' });
  const { status } = await t.until(async () => {
    const found = await get('held');
    return findCondition(found?.status.conditions, 'NamespaceFinalizersRemaining')?.status === 'True' ? found : undefined;
  });
  assert.equal(status.phase, 'Terminating');
  assert.deepEqual(
    (status.conditions ?? []).map(({ type, status: is, reason, message }) => `${type} ${is} ${reason} ${message}`),
    [
      'NamespaceDeletionDiscoveryFailure False ResourcesDiscovered All resources successfully discovered',
      'NamespaceDeletionGroupVersionParsingFailure False ParsedGroupVersions All legacy kube types successfully parsed',
      'NamespaceDeletionContentFailure False ContentDeleted All content successfully deleted, may be waiting on finalization',
      'NamespaceContentRemaining True SomeResourcesRemain Some resources are remaining: pods. has 1 resource instances',
      'NamespaceFinalizersRemaining True SomeFinalizersRemain Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    ],
  );
  assert.equal((await t.client.list(configmaps, { namespace: 'held' })).items.length, 1, 'everything else waits for the pods');
  await t.client.patch(pods, { name: 'p', namespace: 'held' }, { type: 'merge', body: { metadata: { finalizers: [] } } });
  await gone('held');
});

test('a namespace keeps its other finalizers, and goes with the last of them', async () => {
  await make('final');
  const found = await t.client.get(namespaces, { name: 'final' });
  const finalizers = [...(found.spec.finalizers ?? []), 'example.com/own'];
  await t.client.update(namespaces, { ...found, spec: { finalizers } } as Namespace, { subresource: 'finalize' });
  await t.client.delete(namespaces, { name: 'final' });
  const held = await t.until(async () => {
    const now = await get('final');
    return now?.spec.finalizers?.join() === 'example.com/own' ? now : undefined;
  });
  await t.client.update(namespaces, { ...held, spec: { finalizers: [] } }, { subresource: 'finalize' });
  await gone('final');
});

test('a namespace stays while an API that may have objects in it cannot be asked', async () => {
  const spec = {
    group: 'away.example.com',
    version: 'v1',
    groupPriorityMinimum: 100,
    versionPriority: 10,
    service: { namespace: 'ns', name: 'away' },
    insecureSkipTLSVerify: true,
  };
  await t.client.create(apiservices, { metadata: { name: 'v1.away.example.com' }, spec } as never);
  await make('asks');
  await t.client.delete(namespaces, { name: 'asks' });
  const condition = await t.until(async () => {
    const found = findCondition((await get('asks'))?.status.conditions, 'NamespaceDeletionDiscoveryFailure');
    return found?.status === 'True' ? found : undefined;
  });
  assert.deepEqual(
    [condition.reason, condition.message],
    [
      'DiscoveryFailed',
      'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: away.example.com/v1: stale GroupVersion discovery: away.example.com/v1',
    ],
  );
  await t.client.delete(apiservices, { name: 'v1.away.example.com' });
  await gone('asks');
});

test('kinds without a stable version go with their namespace where they are served', async () => {
  const group = 'scheduling.k8s.io';
  const podGroups: Resource<KubeObject> = { group, version: 'v1alpha2', resource: 'podgroups', kind: 'PodGroup', namespaced: true };
  const own = await startControllerTest({
    controllers: [namespaceController],
    schema: { serves: (name, version) => isStableVersion(name, version) || name === group },
    prepare: async (client) => {
      const spec = { group, version: 'v1alpha2', groupPriorityMinimum: 10, versionPriority: 10 };
      const made = await client.create(apiservices, { metadata: { name: `v1alpha2.${group}` }, spec } as never);
      const conditions = [{ type: 'Available', status: 'True', reason: 'Local', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' }];
      await client.update(apiservices, { ...made, status: { conditions } } as never, { subresource: 'status' });
    },
  });
  try {
    const spec = { schedulingPolicy: { gang: { minCount: 2 } } };
    await own.client.create(podGroups, { metadata: { name: 'g', namespace: 'ns', finalizers: ['example.com/hold'] }, spec } as never);
    await own.client.delete(namespaces, { name: 'ns' });
    const { message } = await own.until(async () => {
      const { status } = await own.client.get(namespaces, { name: 'ns' });
      const found = findCondition(status.conditions, 'NamespaceContentRemaining');
      return found?.status === 'True' ? found : undefined;
    });
    assert.equal(message, 'Some resources are remaining: podgroups.scheduling.k8s.io has 1 resource instances');
  } finally {
    await own.stop();
  }
});

test('nothing new comes into a namespace that goes', async () => {
  await make('closing');
  await t.client.create(pods, pod('p', 'closing', ['example.com/hold']));
  await t.client.delete(namespaces, { name: 'closing' });
  await assert.rejects(
    t.client.create(configmaps, { metadata: { name: 'late', namespace: 'closing' } }),
    (error) => isStatusError(error, 'Forbidden') && error.details?.causes?.[0]?.reason === 'NamespaceTerminating',
  );
});

test('no call of the controller was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete)/.test(line)),
    [],
  );
});
