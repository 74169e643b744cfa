import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import { isPodReady } from '#api/pods.ts';
import { pods, replicasets, replicationcontrollers, resourcequotas } from '#api/resources.ts';
import type { New, Pod, ReplicaSet, ReplicationController } from '#api/types.ts';
import { replicaSetController } from '#controllers/replicaset/controller.ts';
import { replicationController } from '#controllers/replicationcontroller/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';
import { makeReady, podsLabelled } from './pods.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [replicaSetController, replicationController] });
});
after(() => t.stop());

const template = (app: string) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image: 'i' }] } });

/** The two kinds, each made the way its own form asks. */
const KINDS = [
  {
    kind: 'ReplicaSet',
    create: (name: string, replicas: number) =>
      t.client.create(replicasets, {
        metadata: { name, namespace: 'ns' },
        spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) },
      } as New<ReplicaSet>),
    get: (name: string) => t.client.get(replicasets, { name, namespace: 'ns' }),
    scale: (name: string, replicas: number) =>
      t.client.patch(replicasets, { name, namespace: 'ns' }, { type: 'merge', body: { spec: { replicas } } }, { subresource: 'scale' }),
  },
  {
    kind: 'ReplicationController',
    create: (name: string, replicas: number) =>
      t.client.create(replicationcontrollers, {
        metadata: { name, namespace: 'ns' },
        spec: { replicas, selector: { app: name }, template: template(name) },
      } as New<ReplicationController>),
    get: (name: string) => t.client.get(replicationcontrollers, { name, namespace: 'ns' }),
    scale: (name: string, replicas: number) =>
      t.client.patch(
        replicationcontrollers,
        { name, namespace: 'ns' },
        { type: 'merge', body: { spec: { replicas } } },
        { subresource: 'scale' },
      ),
  },
] as const;

for (const { kind, create, get, scale } of KINDS) {
  const app = kind.toLowerCase();
  const ready = async () => (await podsLabelled(t, app)).filter(isPodReady);

  test(`a ${kind} runs its replicas, scales, and counts those that are ready`, async () => {
    await create(app, 2);
    await t.until(async () => {
      for (const pod of await podsLabelled(t, app)) if (!isPodReady(pod)) await makeReady(t, pod);
      const { status } = await get(app);
      return status.readyReplicas === 2 && status.availableReplicas === 2 && status.fullyLabeledReplicas === 2 ? true : undefined;
    });
    assert.equal((await ready())[0]?.metadata.ownerReferences?.[0]?.kind, kind);
    await scale(app, 1);
    await t.until(async () => ((await get(app)).status.replicas === 1 && (await podsLabelled(t, app)).length === 1 ? true : undefined));
  });

  test(`a ${kind} adopts a pod it selects and lets go of one it no longer selects`, async () => {
    const name = `adopts-${app}`;
    await t.client.create(pods, { metadata: { name, namespace: 'ns', labels: { app: name } }, spec: template(name).spec } as New<Pod>);
    await create(name, 1);
    const adopted = await t.until(async () => {
      const pod = await t.client.get(pods, { name, namespace: 'ns' });
      return pod.metadata.ownerReferences?.[0]?.kind === kind ? pod : undefined;
    });
    await t.client.patch(pods, adopted.metadata, { type: 'merge', body: { metadata: { labels: { app: 'free' } } } });
    await t.until(async () => ((await t.client.get(pods, adopted.metadata)).metadata.ownerReferences === undefined ? true : undefined));
    await t.until(async () => ((await podsLabelled(t, name)).length === 1 ? true : undefined));
  });

  test(`a ${kind} beyond the quota says so, until it is scaled into it`, async () => {
    const name = `quota-${app}`;
    const present = (await t.client.list(pods, { namespace: 'ns' })).items.length;
    const hard = { pods: String(present + 1) };
    const quota = { metadata: { name, namespace: 'ns' }, spec: { hard } };
    await t.client.create(resourcequotas, quota);
    await t.client.patch(
      resourcequotas,
      { name, namespace: 'ns' },
      { type: 'merge', body: { status: { hard, used: { pods: String(present) } } } },
      { subresource: 'status' },
    );
    await create(name, 2);
    const failure = await t.until(async () => findCondition((await get(name)).status.conditions, 'ReplicaFailure'));
    assert.deepEqual([failure.status, failure.reason], ['True', 'FailedCreate']);
    assert.match(failure.message ?? '', /exceeded quota/);
    await scale(name, 1);
    await t.until(async () => (findCondition((await get(name)).status.conditions, 'ReplicaFailure') === undefined ? true : undefined));
    await t.client.delete(resourcequotas, { name, namespace: 'ns' });
  });
}

test('no call of the controllers was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete)/.test(line)),
    [],
  );
});
