import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deployments, pods, replicasets, replicationcontrollers } from '#api/resources.ts';
import type { Deployment, New, OwnerReference, Pod, ReplicationController } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { deploymentController } from '#controllers/deployment/controller.ts';
import { garbageCollector } from '#controllers/garbage-collector/controller.ts';
import { replicaSetController } from '#controllers/replicaset/controller.ts';
import { replicationController } from '#controllers/replicationcontroller/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';
import { podsLabelled } from './pods.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [garbageCollector, deploymentController, replicaSetController, replicationController] });
});
after(() => t.stop());

const template = (app: string) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image: 'i' }] } });

async function deploy(name: string): Promise<void> {
  const spec = { replicas: 2, selector: { matchLabels: { app: name } }, template: template(name) };
  await t.client.create(deployments, { metadata: { name, namespace: 'ns' }, spec } as New<Deployment>);
  await t.until(async () => ((await podsLabelled(t, name)).length === 2 ? true : undefined));
}

async function replicate(name: string, replicas: number, app = name): Promise<ReplicationController> {
  const spec = { replicas, selector: { app }, template: template(app) };
  const made = await t.client.create(replicationcontrollers, { metadata: { name, namespace: 'ns' }, spec } as New<ReplicationController>);
  await t.until(async () => ((await podsLabelled(t, app)).length >= replicas ? true : undefined));
  return made;
}

const setsOf = async (name: string) => (await t.client.list(replicasets, { namespace: 'ns', labelSelector: `app=${name}` })).items;
const here = async (name: string): Promise<boolean> => {
  try {
    await t.client.get(replicationcontrollers, { name, namespace: 'ns' });
    return true;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return false;
    throw error;
  }
};

test('a deployment that is deleted in the background takes its sets and pods with it', async () => {
  await deploy('web');
  await t.client.delete(deployments, { name: 'web', namespace: 'ns' }, { propagationPolicy: 'Background' });
  await t.until(async () => ((await setsOf('web')).length + (await podsLabelled(t, 'web')).length === 0 ? true : undefined));
});

test('an orphaned deployment leaves its sets and pods', async () => {
  await deploy('kept');
  await t.client.delete(deployments, { name: 'kept', namespace: 'ns' }, { propagationPolicy: 'Orphan' });
  await t.until(async () =>
    (await t.client.list(deployments, { namespace: 'ns', fieldSelector: 'metadata.name=kept' })).items.length === 0 ? true : undefined,
  );
  const [set] = await setsOf('kept');
  assert.equal(set?.metadata.ownerReferences, undefined);
  assert.equal((await podsLabelled(t, 'kept')).length, 2);
});

test('a controller takes its pods with it, and an orphaned one leaves them', async () => {
  await replicate('gone', 2);
  await t.client.delete(replicationcontrollers, { name: 'gone', namespace: 'ns' }, { propagationPolicy: 'Background' });
  await t.until(async () => ((await podsLabelled(t, 'gone')).length === 0 ? true : undefined));
  await replicate('left', 10);
  await t.client.delete(replicationcontrollers, { name: 'left', namespace: 'ns' }, { propagationPolicy: 'Orphan' });
  await t.until(async () => ((await here('left')) ? undefined : true));
  const left = await podsLabelled(t, 'left');
  assert.deepEqual([left.length, left.filter(({ metadata }) => metadata.ownerReferences !== undefined).length], [10, 0]);
});

test('a controller deleted in the foreground stays until its last pod is gone', async () => {
  await replicate('slow', 10);
  const [held] = await podsLabelled(t, 'slow');
  await t.client.patch(pods, (held as Pod).metadata, { type: 'merge', body: { metadata: { finalizers: ['example.com/hold'] } } });
  await t.client.delete(replicationcontrollers, { name: 'slow', namespace: 'ns' }, { propagationPolicy: 'Foreground' });
  await t.until(async () => ((await podsLabelled(t, 'slow')).length === 1 ? true : undefined));
  assert.ok(await here('slow'));
  await t.client.patch(pods, (held as Pod).metadata, { type: 'merge', body: { metadata: { finalizers: [] } } });
  await t.until(async () => ((await here('slow')) ? undefined : true));
  assert.equal((await podsLabelled(t, 'slow')).length, 0);
});

test('a pod with another owner stays when one of its owners is deleted in the foreground', async () => {
  await replicate('first', 10, 'shared');
  const second = await t.client.create(replicationcontrollers, {
    metadata: { name: 'second', namespace: 'ns' },
    spec: { replicas: 0, selector: { app: 'other' }, template: template('other') },
  } as New<ReplicationController>);
  const half = (await podsLabelled(t, 'shared')).slice(0, 5);
  const owner = { apiVersion: 'v1', kind: 'ReplicationController', name: 'second', uid: second.metadata.uid };
  for (const { metadata } of half)
    await t.client.patch(pods, metadata, { type: 'strategic', body: { metadata: { ownerReferences: [owner] } } });
  await t.client.delete(replicationcontrollers, { name: 'first', namespace: 'ns' }, { propagationPolicy: 'Foreground' });
  await t.until(async () => ((await here('first')) ? undefined : true));
  const left = await podsLabelled(t, 'shared');
  assert.deepEqual(left.map(({ metadata }) => metadata.uid).toSorted(), half.map(({ metadata }) => metadata.uid).toSorted());
  assert.ok(left.every(({ metadata }) => metadata.deletionTimestamp === undefined && metadata.ownerReferences?.length === 1));
});

for (const propagationPolicy of ['Background', 'Foreground'] as const) {
  test(`owners in a circle do not hold each other (${propagationPolicy})`, async () => {
    const made: Pod[] = [];
    for (const name of ['p1', 'p2', 'p3'])
      made.push(
        await t.client.create(pods, {
          metadata: { name, namespace: 'ns', labels: { app: 'circle' } },
          spec: template('x').spec,
        } as New<Pod>),
      );
    for (const [index, { metadata }] of made.entries()) {
      const above = made[(index + 2) % 3] as Pod;
      const owner: OwnerReference = {
        apiVersion: 'v1',
        kind: 'Pod',
        name: above.metadata.name,
        uid: above.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      };
      await t.client.patch(pods, metadata, { type: 'strategic', body: { metadata: { ownerReferences: [owner] } } });
    }
    await t.client.delete(pods, { name: 'p1', namespace: 'ns' }, { propagationPolicy });
    await t.until(async () => ((await podsLabelled(t, 'circle')).length === 0 ? true : undefined));
  });
}

test('no call of the controllers was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete)/.test(line)),
    [],
  );
});
