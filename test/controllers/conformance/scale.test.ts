// The scale of each workload as a resource of its own. Source: test/e2e/apps deployment.go, replica_set.go, rc.go,
// statefulset.go ("working scale subresource", "get and update a ReplicationController scale").
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deployments, replicasets, replicationcontrollers, statefulsets } from '#api/resources.ts';
import type { KubeObject, New } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { type Played, startPlayed } from './played.ts';

let t: Played;
before(async () => {
  t = await startPlayed();
});
after(() => t.stop());

interface Workload extends KubeObject {
  readonly spec: { readonly replicas: number };
  readonly status: { readonly replicas?: number; readonly readyReplicas?: number };
}

interface Scale extends KubeObject {
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas: number; readonly selector: string };
}

const template = (app: string) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image: 'web:1' }] } });

for (const [resource, more] of [
  [deployments, {}],
  [replicasets, {}],
  [replicationcontrollers, {}],
  [statefulsets, { serviceName: 'none' }],
] as unknown as readonly (readonly [Resource<Workload>, object])[]) {
  const name = resource.resource;
  test(`${name} should have a working scale subresource`, async () => {
    const ref = { name, namespace: 'ns' };
    const labels = { app: name };
    const selector = resource.group === '' ? labels : { matchLabels: labels };
    await t.client.create(resource, { metadata: ref, spec: { replicas: 1, selector, template: template(name), ...more } } as New<Workload>);
    const get = () => t.client.get(resource, ref);
    await t.carriedOn(async () => {
      const { status } = await get();
      return status.replicas === 1 && status.readyReplicas === 1 ? true : undefined;
    });

    const scale = (await t.client.get(resource as Resource, ref, { subresource: 'scale' })) as Scale;
    assert.deepEqual([scale.apiVersion, scale.kind], ['autoscaling/v1', 'Scale']);
    assert.deepEqual([scale.spec.replicas, scale.status.replicas, scale.status.selector], [1, 1, `app=${name}`]);
    assert.equal(scale.metadata.uid, (await get()).metadata.uid);

    // Without a version it is changed whatever it was.
    const { resourceVersion: _, ...metadata } = scale.metadata;
    const scaled = await t.client.update(resource as Resource, { ...scale, metadata, spec: { replicas: 2 } }, { subresource: 'scale' });
    assert.equal((scaled as Scale).spec.replicas, 2);
    assert.equal((await get()).spec.replicas, 2);

    // As the JSON of a whole Scale of Go: its status says nothing.
    const body = { metadata: {}, spec: { replicas: 4 }, status: { replicas: 0 } };
    await t.client.patch(resource, ref, { type: 'strategic', body }, { subresource: 'scale' });
    assert.equal((await get()).spec.replicas, 4);
    await t.carriedOn(async () => ((await get()).status.replicas === 4 ? true : undefined));
  });
}
