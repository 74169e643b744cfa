// Kinds go away under controllers that use them, and finalizers are never taken off: the rest goes on, nothing turns in circles,
// and when what was missing comes back, so does what hung on it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  customresourcedefinitions,
  deployments,
  horizontalpodautoscalers,
  jobs,
  persistentvolumeclaims,
  pods,
  replicasets,
  resourcequotas,
} from '#api/resources.ts';
import type { CustomResourceDefinition, HorizontalPodAutoscaler, Job, KubeObject, New, Pod, ResourceQuota } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { CONTROLLERS } from '#controllers/controllers.ts';
import { type ControllerTest, startControllerTest } from '../../harness/controllers.ts';
import { pass, settle, Traffic } from './traffic.ts';
import { named, template, workload } from './world.ts';

const WIDGETS: Resource<KubeObject> = { group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget', namespaced: true };
const HELD = { finalizers: ['example.test/never'] };

const traffic = new Traffic();
let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: CONTROLLERS, between: traffic.between });
});
after(() => t.stop());

const define = async (): Promise<void> => {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' };
  await t.client.create(customresourcedefinitions, {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [{ name: 'v1', served: true, storage: true, schema, subresources: { scale } }],
    },
  } as unknown as New<CustomResourceDefinition>);
  await t.until(() =>
    t.client.list(WIDGETS, { namespace: 'ns' }).then(
      () => true as const,
      () => undefined,
    ),
  );
};

/** Writes of ten quiet minutes. */
async function tenMinutes(): Promise<readonly string[]> {
  await settle(t, traffic);
  traffic.clear();
  for (let minute = 0; minute < 10; minute++) await pass(t, 60_000);
  return traffic.writes;
}

const gone = (resource: Resource<KubeObject>, ref: { readonly name: string; readonly namespace: string }): Promise<true> =>
  t.until(async () => {
    try {
      await t.client.get(resource, ref);
      return undefined;
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      return true;
    }
  });

test('a definition goes under a quota, an autoscaler and an owner: they rest, and go on when it is back', async () => {
  await define();
  const widget = await t.client.create(WIDGETS, { metadata: named('w'), spec: { replicas: 1 } } as New<KubeObject>);
  const ownerReferences = [{ apiVersion: 'example.com/v1', kind: 'Widget', name: 'w', uid: widget.metadata.uid }];
  await t.client.create(replicasets, { metadata: { ...named('owned'), ownerReferences }, spec: workload('owned', 0) } as never);
  const hard = { 'count/widgets.example.com': '5', 'count/gadgets.example.com': '5', 'requests.example.com/dongle': '4' };
  await t.client.create(resourcequotas, { metadata: named('most'), spec: { hard } } as New<ResourceQuota>);
  const scaleTargetRef = { apiVersion: 'example.com/v1', kind: 'Widget', name: 'w' };
  await t.client.create(horizontalpodautoscalers, {
    metadata: named('w'),
    spec: { minReplicas: 1, maxReplicas: 3, scaleTargetRef },
  } as unknown as New<HorizontalPodAutoscaler>);
  await t.client.create(horizontalpodautoscalers, {
    metadata: named('nothing'),
    spec: { minReplicas: 1, maxReplicas: 3, scaleTargetRef: { ...scaleTargetRef, kind: 'Gadget' } },
  } as unknown as New<HorizontalPodAutoscaler>);
  const used = (want: string) =>
    t.until(async () =>
      (await t.client.get(resourcequotas, named('most'))).status.used?.['count/widgets.example.com'] === want ? true : undefined,
    );
  await used('1');

  await t.client.delete(customresourcedefinitions, { name: 'widgets.example.com' });
  await gone(replicasets as unknown as Resource<KubeObject>, named('owned'));
  const writes = await tenMinutes();
  assert.ok(writes.length <= 10, writes.join('\n'));

  await define();
  await t.client.create(WIDGETS, { metadata: named('again'), spec: { replicas: 1 } } as New<KubeObject>);
  await used('1');
});

test('what is held by a finalizer for good costs next to nothing, and goes when it is let go', async () => {
  const never = template('held', { restartPolicy: 'Never' });
  await t.client.create(jobs, {
    metadata: named('held'),
    spec: { completions: 2, parallelism: 2, template: { ...never, metadata: { ...never.metadata, ...HELD } } },
  } as unknown as New<Job>);
  const podsOf = async (): Promise<readonly Pod[]> => (await t.client.list(pods, { namespace: 'ns', labelSelector: 'app=held' })).items;
  const made = await t.until(async () => ((await podsOf()).length === 2 ? podsOf() : undefined));
  for (const pod of made)
    await t.client.patch(pods, pod.metadata, {
      type: 'json',
      body: [{ op: 'add', path: '/metadata/finalizers/-', value: 'example.test/never' }],
    });
  await t.client.create(persistentvolumeclaims, {
    metadata: { ...named('held'), ...HELD },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  } as never);
  await t.client.create(deployments, { metadata: { ...named('held'), ...HELD }, spec: workload('shop', 2) } as never);
  await t.until(async () =>
    (await t.client.list(pods, { namespace: 'ns', labelSelector: 'app=shop' })).items.length === 2 ? true : undefined,
  );

  await t.client.delete(jobs, named('held'), { propagationPolicy: 'Foreground' });
  await t.client.delete(persistentvolumeclaims, named('held'));
  await t.client.delete(deployments, named('held'), { propagationPolicy: 'Foreground' });
  const writes = await tenMinutes();
  assert.ok(writes.length <= 10, writes.join('\n'));

  for (const pod of await podsOf()) await t.client.patch(pods, pod.metadata, { type: 'merge', body: { metadata: { finalizers: null } } });
  await t.client.patch(persistentvolumeclaims, named('held'), { type: 'merge', body: { metadata: { finalizers: null } } });
  const own = await t.client.get(deployments, named('held'));
  const finalizers = (own.metadata.finalizers ?? []).filter((name) => name !== 'example.test/never');
  await t.client.patch(deployments, named('held'), { type: 'merge', body: { metadata: { finalizers } } });
  for (const resource of [jobs, deployments, persistentvolumeclaims])
    await gone(resource as unknown as Resource<KubeObject>, named('held'));
});

test('no controller was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete) /.test(line)),
    [],
  );
});
