// Creating, changing and deleting single objects.
import assert from 'node:assert/strict';
import { configmaps, deployments, nodes, pods } from '#api/resources.ts';
import type { Deployment, New, Scale } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { aPod, refused, type Declare } from './subject.ts';

const aDeployment = (name: string, namespace: string): New<Deployment> => ({
  metadata: { name, namespace },
  spec: {
    replicas: 0,
    paused: true,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'example.com/none:1' }] } },
  },
});

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

export function declareCreation(declare: Declare): void {
  declare('create answers with what the server added', async ({ client, namespace }) => {
    const created = await client.create(configmaps, { metadata: { name: 'a', namespace, labels: { x: 'y' } }, data: { k: 'v' } });
    assert.deepEqual(
      [created.apiVersion, created.kind, created.metadata.namespace, created.data],
      ['v1', 'ConfigMap', namespace, { k: 'v' }],
    );
    assert.match(created.metadata.uid, /^[0-9a-f-]{36}$/);
    assert.match(created.metadata.resourceVersion, /^\d+$/);
    assert.match(created.metadata.creationTimestamp, RFC3339);
    assert.deepEqual(await client.get(configmaps, { name: 'a', namespace }), created);
  });

  declare('create makes a name of generateName', async ({ client, namespace }) => {
    const create = async () => client.create(configmaps, { metadata: { generateName: 'gen-', namespace } });
    const [a, b] = [await create(), await create()];
    assert.match(a.metadata.name, /^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    assert.notEqual(a.metadata.name, b.metadata.name);
  });

  declare('create refuses a name that is taken and an object without one', async ({ client, namespace }) => {
    await client.create(configmaps, { metadata: { name: 'a', namespace } });
    await refused(client.create(configmaps, { metadata: { name: 'a', namespace } }), 'AlreadyExists', 'configmaps "a" already exists');
    await refused(client.create(configmaps, { metadata: { namespace } }), 'Invalid');
  });

  declare('create as a dry run stores nothing', async ({ client, namespace }) => {
    const shown = await client.create(configmaps, { metadata: { name: 'a', namespace } }, { dryRun: true });
    assert.equal(shown.metadata.name, 'a');
    await refused(client.get(configmaps, { name: 'a', namespace }), 'NotFound', 'configmaps "a" not found');
  });

  declare('get tells what is not there, with its group', async ({ client, namespace }) => {
    await refused(client.get(deployments, { name: 'a', namespace }), 'NotFound', 'deployments.apps "a" not found');
    await refused(client.get(nodes, { name: 'no-such-node' }), 'NotFound', 'nodes "no-such-node" not found');
  });
}

export function declareUpdates(declare: Declare): void {
  declare('update raises the resourceVersion, and not without a change', async ({ client, namespace }) => {
    const created = await client.create(configmaps, { metadata: { name: 'a', namespace }, data: { k: '1' } });
    const changed = await client.update(configmaps, { ...created, data: { k: '2' } });
    assert.ok(Number(changed.metadata.resourceVersion) > Number(created.metadata.resourceVersion));
    assert.equal(changed.metadata.uid, created.metadata.uid);
    const same = await client.update(configmaps, changed);
    assert.equal(same.metadata.resourceVersion, changed.metadata.resourceVersion);
  });

  declare('update of an old version is refused, without a version it is not', async ({ client, namespace }) => {
    const created = await client.create(configmaps, { metadata: { name: 'a', namespace }, data: { k: '1' } });
    await client.update(configmaps, { ...created, data: { k: '2' } });
    const why = 'the object has been modified; please apply your changes to the latest version and try again';
    await refused(
      client.update(configmaps, { ...created, data: { k: '3' } }),
      'Conflict',
      `Operation cannot be fulfilled on configmaps "a": ${why}`,
    );
    const forced = await client.update(configmaps, { metadata: { name: 'a', namespace }, data: { k: '4' } });
    assert.deepEqual(forced.data, { k: '4' });
  });

  declare('update lets one of many writers of the same version win', async ({ client, namespace }) => {
    const created = await client.create(configmaps, { metadata: { name: 'a', namespace } });
    const writers = Array.from({ length: 8 }, async (_, i) => client.update(configmaps, { ...created, data: { writer: String(i) } }));
    const results = await Promise.allSettled(writers);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  declare('update of an object that is not there is refused', async ({ client, namespace }) => {
    await refused(client.update(configmaps, { metadata: { name: 'a', namespace, uid: 'gone', resourceVersion: '1' } }), 'NotFound');
  });

  declare('update of the status leaves the rest alone, and the other way round', async ({ client, namespace }) => {
    const created = await client.create(deployments, aDeployment('a', namespace));
    assert.equal(created.metadata.generation, 1);
    const observed = await client.update(
      deployments,
      { ...created, spec: { ...created.spec, replicas: 5 }, status: { observedGeneration: 1 } },
      { subresource: 'status' },
    );
    assert.deepEqual([observed.spec.replicas, observed.status.observedGeneration, observed.metadata.generation], [0, 1, 1]);
    const edited = await client.update(deployments, { ...observed, spec: { ...observed.spec, minReadySeconds: 7 }, status: {} });
    assert.deepEqual([edited.spec.minReadySeconds, edited.status.observedGeneration, edited.metadata.generation], [7, 1, 2]);
  });

  declare('scale shows and sets the replicas', async ({ client, namespace }) => {
    await client.create(deployments, aDeployment('a', namespace));
    const scales = deployments as Resource<unknown> as Resource<Scale>;
    const scale = await client.get(scales, { name: 'a', namespace }, { subresource: 'scale' });
    assert.deepEqual([scale.kind, scale.apiVersion], ['Scale', 'autoscaling/v1']);
    const set = await client.update(scales, { metadata: { name: 'a', namespace }, spec: { replicas: 3 } }, { subresource: 'scale' });
    assert.equal(set.spec?.replicas, 3);
    assert.equal((await client.get(deployments, { name: 'a', namespace })).spec.replicas, 3);
  });

  declare('binding assigns a pod to a node, once', async ({ client, namespace }) => {
    await client.create(pods, aPod('a', namespace));
    const bind = async (node: string): Promise<unknown> =>
      client.createSubresource(pods, { name: 'a', namespace }, 'binding', {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: 'a', namespace },
        target: { apiVersion: 'v1', kind: 'Node', name: node },
      });
    await bind('some-node');
    assert.equal((await client.get(pods, { name: 'a', namespace })).spec.nodeName, 'some-node');
    await refused(bind('other-node'), 'Conflict');
  });
}

export function declarePatches(declare: Declare): void {
  declare('patch merges', async ({ client, namespace }) => {
    await client.create(configmaps, { metadata: { name: 'a', namespace, labels: { x: '1', y: '2' } }, data: { k: 'v' } });
    const patched = await client.patch(
      configmaps,
      { name: 'a', namespace },
      { type: 'merge', body: { metadata: { labels: { x: null, z: '3' } }, data: { l: 'w' } } },
    );
    assert.deepEqual(
      [patched.metadata.labels, patched.data],
      [
        { y: '2', z: '3' },
        { k: 'v', l: 'w' },
      ],
    );
  });

  declare('patch carries out JSON operations, all or none', async ({ client, namespace }) => {
    await client.create(configmaps, { metadata: { name: 'a', namespace, annotations: { x: 'y' } }, data: { k: 'v' } });
    const ref = { name: 'a', namespace };
    const patched = await client.patch(configmaps, ref, {
      type: 'json',
      body: [
        { op: 'test', path: '/data/k', value: 'v' },
        { op: 'replace', path: '/data/k', value: 'w' },
        { op: 'add', path: '/metadata/annotations/example.com~1b', value: 'z' },
      ],
    });
    assert.deepEqual([patched.data, patched.metadata.annotations], [{ k: 'w' }, { x: 'y', 'example.com/b': 'z' }]);
    const failing = [
      { op: 'add', path: '/data/n', value: '1' },
      { op: 'test', path: '/data/k', value: 'v' },
    ];
    await refused(client.patch(configmaps, ref, { type: 'json', body: failing }), 'Invalid');
    assert.deepEqual((await client.get(configmaps, ref)).data, { k: 'w' });
  });

  declare('patch merges lists by their key', async ({ client, namespace }) => {
    await client.create(deployments, aDeployment('a', namespace));
    const containers = [{ name: 'd', image: 'example.com/none:2' }];
    const patched = await client.patch(
      deployments,
      { name: 'a', namespace },
      { type: 'strategic', body: { spec: { template: { spec: { containers } } } } },
    );
    assert.deepEqual(patched.spec.template.spec?.containers.map(({ name }) => name).toSorted(), ['c', 'd']);
  });

  declare('patch with an old version is refused, and so is one of nothing', async ({ client, namespace }) => {
    const created = await client.create(configmaps, { metadata: { name: 'a', namespace }, data: { k: '1' } });
    await client.update(configmaps, { ...created, data: { k: '2' } });
    const body = { metadata: { resourceVersion: created.metadata.resourceVersion }, data: { k: '3' } };
    await refused(client.patch(configmaps, { name: 'a', namespace }, { type: 'merge', body }), 'Conflict');
    await refused(client.patch(configmaps, { name: 'b', namespace }, { type: 'merge', body: {} }), 'NotFound', 'configmaps "b" not found');
  });
}

export function declareDeletion(declare: Declare): void {
  declare('delete removes an object, once', async ({ client, namespace }) => {
    await client.create(configmaps, { metadata: { name: 'a', namespace } });
    await client.delete(configmaps, { name: 'a', namespace });
    await refused(client.get(configmaps, { name: 'a', namespace }), 'NotFound');
    await refused(client.delete(configmaps, { name: 'a', namespace }), 'NotFound', 'configmaps "a" not found');
  });

  declare('delete honours preconditions', async ({ client, namespace }) => {
    const created = await client.create(configmaps, { metadata: { name: 'a', namespace } });
    await refused(
      client.delete(configmaps, { name: 'a', namespace }, { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } }),
      'Conflict',
    );
    await refused(client.delete(configmaps, { name: 'a', namespace }, { preconditions: { resourceVersion: '1' } }), 'Conflict');
    const { uid, resourceVersion } = created.metadata;
    await client.delete(configmaps, { name: 'a', namespace }, { preconditions: { uid, resourceVersion } });
  });

  declare('delete waits for finalizers', async ({ client, namespace }) => {
    const ref = { name: 'a', namespace };
    await client.create(configmaps, { metadata: { ...ref, finalizers: ['example.com/hold'] } });
    await client.delete(configmaps, ref);
    const marked = await client.get(configmaps, ref);
    assert.match(marked.metadata.deletionTimestamp ?? '', RFC3339);
    await client.patch(configmaps, ref, { type: 'merge', body: { metadata: { finalizers: null } } });
    await refused(client.get(configmaps, ref), 'NotFound');
  });

  declare('deleteCollection removes what its selector matches', async ({ client, namespace }) => {
    for (const [name, app] of [
      ['a', 'x'],
      ['b', 'x'],
      ['c', 'y'],
    ] as const) {
      await client.create(configmaps, { metadata: { name, namespace, labels: { app } } });
    }
    await client.deleteCollection(configmaps, { namespace, labelSelector: 'app=x' });
    const left = (await client.list(configmaps, { namespace, labelSelector: 'app' })).items;
    assert.deepEqual(
      left.map(({ metadata }) => metadata.name),
      ['c'],
    );
  });
}
