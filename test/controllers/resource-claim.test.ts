import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { nodes, pods, resourceclaims, resourceclaimtemplates } from '#api/resources.ts';
import type { ResourceClaim, ResourceClaimTemplate } from '#api/gen/resource-v1.ts';
import type { New, Pod } from '#api/types.ts';
import { resourceClaimController } from '#controllers/resource-claim/claim-controller.ts';
import { newClaim } from '#controllers/resource-claim/plan.ts';
import { resourceClaimPodController } from '#controllers/resource-claim/pod-controller.ts';
import { type ControllerTest, isGone, startControllerTest } from '../harness/controllers.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [resourceClaimController, resourceClaimPodController] });
  await t.client.create(nodes, { metadata: { name: 'n1' } });
  await t.client.create(resourceclaimtemplates, {
    metadata: { name: 'gpu', namespace: 'ns' },
    spec: {
      metadata: { labels: { a: 'b' } },
      spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 } }] } },
    },
  } as New<ResourceClaimTemplate>);
});
after(() => t.stop());

const make = (name: string, claims: Pod['spec']['resourceClaims'], nodeName?: string) =>
  t.client.create(pods, {
    metadata: { name, namespace: 'ns' },
    spec: {
      containers: [{ name: 'c', image: 'i', resources: { claims: claims?.map(({ name: of }) => ({ name: of })) } }],
      resourceClaims: claims,
      ...(nodeName === undefined ? {} : { nodeName }),
    },
  } as New<Pod>);

const statuses = (name: string) => t.until(async () => (await t.client.get(pods, { name, namespace: 'ns' })).status.resourceClaimStatuses);
const get = (name: string) => t.client.get(resourceclaims, { name, namespace: 'ns' });

/** As the scheduler does. */
async function allocate(name: string, pod: Pod | undefined): Promise<void> {
  const claim = await get(name);
  const kept = await t.client.update(resourceclaims, {
    ...claim,
    metadata: { ...claim.metadata, finalizers: ['resource.kubernetes.io/delete-protection'] },
  });
  const reservedFor = pod === undefined ? {} : { reservedFor: [{ resource: 'pods', name: pod.metadata.name, uid: pod.metadata.uid }] };
  await t.client.update(resourceclaims, { ...kept, status: { allocation: {}, ...reservedFor } } as New<ResourceClaim>, {
    subresource: 'status',
  });
}

test('a claim is made of a template for its pod, once over restarts, and goes with the pod', async () => {
  const pod = await make('web', [{ name: 'gpu', resourceClaimTemplateName: 'gpu' }]);
  const [status] = await statuses('web');
  const name = status?.resourceClaimName as string;
  const claim = await get(name);
  assert.match(name, /^web-gpu-/);
  assert.deepEqual([claim.metadata.labels, claim.metadata.ownerReferences?.[0]?.uid], [{ a: 'b' }, pod.metadata.uid]);
  assert.equal(claim.metadata.annotations?.['resource.kubernetes.io/pod-claim-name'], 'gpu');
  await t.restart();
  await make('later', [{ name: 'gpu', resourceClaimTemplateName: 'gpu' }]);
  await statuses('later');
  assert.equal(
    (await t.client.list(resourceclaims, { namespace: 'ns' })).items.filter(({ metadata }) => metadata.name.startsWith('web-')).length,
    1,
  );

  await allocate(name, pod);
  await t.client.delete(pods, pod.metadata, { gracePeriodSeconds: 0 });
  await t.gone(() => get(name));
});

test('a shared claim is freed by the last pod that used it, and can then be deleted', async () => {
  await t.client.create(resourceclaims, {
    metadata: { name: 'shared', namespace: 'ns' },
    spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 } }] } },
  } as New<ResourceClaim>);
  await allocate('shared', undefined);
  const pod = await make('user', [{ name: 'gpu', resourceClaimName: 'shared' }], 'n1');
  await t.until(async () => ((await get('shared')).status.reservedFor?.[0]?.uid === pod.metadata.uid ? true : undefined));
  await t.client.patch(pods, pod.metadata, { type: 'merge', body: { status: { phase: 'Succeeded' } } }, { subresource: 'status' });
  const free = await t.until(async () => {
    const claim = await get('shared');
    return claim.status.allocation === undefined && claim.metadata.finalizers === undefined ? claim : undefined;
  });
  assert.equal(free.status.reservedFor, undefined);
  await t.client.delete(resourceclaims, free.metadata);
  assert.equal(await isGone(() => get('shared')), true);
});

test('a template that is missing is told to its pod, and made good when it comes', async () => {
  await make('early', [{ name: 'nic', resourceClaimTemplateName: 'nic' }]);
  const told =
    'Warning FailedResourceClaimCreation PodResourceClaim nic: resource claim template "nic": resourceclaimtemplate.resource.k8s.io "nic" not found';
  await t.until(() => Promise.resolve(t.events.includes(told) ? true : undefined));
  await t.client.create(resourceclaimtemplates, {
    metadata: { name: 'nic', namespace: 'ns' },
    spec: {
      spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'nic', allocationMode: 'ExactCount', count: 1 } }] } },
    },
  } as New<ResourceClaimTemplate>);
  assert.match((await statuses('early'))[0]?.resourceClaimName ?? '', /^early-nic-/);
});

test('newClaim keeps both names recognisable', () => {
  const pod = { metadata: { name: 'p'.repeat(63), namespace: 'ns', uid: 'u' } } as Pod;
  const { generateName = '' } = newClaim(pod, { name: 'c'.repeat(63) }, { spec: { spec: {} } } as ResourceClaimTemplate).metadata ?? {};
  assert.equal(generateName.length, 58);
  assert.match(generateName, /^p{28}-c{28}-$/);
});
