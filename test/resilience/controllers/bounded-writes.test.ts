// What one change costs: every controller writes a few times at most, and then rests.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  clusterroles,
  configmaps,
  cronjobs,
  deployments,
  jobs,
  namespaces,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  poddisruptionbudgets,
  pods,
  resourcequotas,
  secrets,
  serviceaccounts,
  services,
  statefulsets,
  storageclasses,
} from '#api/resources.ts';
import type { KubeObject } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { CONTROLLERS } from '#controllers/controllers.ts';
import { podsLabelled } from '../../controllers/pods.ts';
import { type ControllerTest, startControllerTest } from '../../harness/controllers.ts';
import { pass, settle, Traffic } from './traffic.ts';
import { allRun, createWorld, named, playKubelets, renewAll, template } from './world.ts';

/** Writes of one controller after one change of one object: what it makes, a status or two, and room for a conflict. */
const FEW = 8;

const traffic = new Traffic();
let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: CONTROLLERS, between: traffic.between });
  await createWorld(t);
  await allRun(t);
  await settle(t, traffic);
});
after(() => t.stop());

const create = (resource: unknown, object: object): Promise<unknown> => t.client.create(resource as Resource<KubeObject>, object as never);
const merge = (
  resource: unknown,
  ref: { readonly name: string; readonly namespace?: string },
  body: object,
  subresource?: string,
): Promise<unknown> =>
  t.client.patch(resource as Resource<KubeObject>, ref, { type: 'merge', body }, subresource === undefined ? {} : { subresource });

/** Each with the controllers that must have something to do. */
const CHANGES: readonly { readonly name: string; readonly change: () => Promise<unknown>; readonly by: readonly string[] }[] = [
  {
    name: 'a Deployment grows by one',
    change: () => merge(deployments, named('web'), { spec: { replicas: 5 } }),
    by: ['deployment-controller', 'replicaset-controller', 'disruption-controller'],
  },
  {
    name: 'a pod is deleted',
    change: async () =>
      t.client.delete(pods, ((await podsLabelled(t, 'web'))[0] as KubeObject).metadata as never, { gracePeriodSeconds: 0 }),
    by: ['replicaset-controller', 'resourcequota-controller'],
  },
  {
    name: 'a StatefulSet grows by one',
    change: () => merge(statefulsets, named('db'), { spec: { replicas: 4 } }),
    by: ['statefulset-controller'],
  },
  {
    name: 'a pod of a Job succeeds',
    change: async () =>
      merge(pods, ((await podsLabelled(t, 'work'))[0] as KubeObject).metadata as never, { status: { phase: 'Succeeded' } }, 'status'),
    by: ['job-controller'],
  },
  {
    name: 'a Service changes its port',
    change: () => merge(services, named('web'), { spec: { ports: [{ port: 81, targetPort: 8080 }] } }),
    by: [],
  },
  {
    name: 'a budget changes',
    change: () => merge(poddisruptionbudgets, named('web'), { spec: { maxUnavailable: 2 } }),
    by: ['disruption-controller'],
  },
  {
    name: 'a quota changes',
    change: () => merge(resourcequotas, named('most'), { spec: { hard: { pods: '99' } } }),
    by: ['resourcequota-controller'],
  },
  {
    name: 'a node comes',
    change: () => create(nodes, { metadata: { name: 'n4', labels: { 'kubernetes.io/hostname': 'n4' } } }),
    by: ['node-ipam-controller', 'ttl-controller', 'daemonset-controller'],
  },
  {
    name: 'a namespace comes',
    change: () => create(namespaces, { metadata: { name: 'other' } }),
    by: ['serviceaccount-controller', 'root-ca-certificate-publisher-controller'],
  },
  {
    name: 'the certificates of a namespace are changed',
    change: () => merge(configmaps, { name: 'kube-root-ca.crt', namespace: 'other' }, { data: { 'ca.crt': 'x' } }),
    by: ['root-ca-certificate-publisher-controller'],
  },
  {
    name: 'an account of a namespace is deleted',
    change: () => t.client.delete(serviceaccounts, { name: 'default', namespace: 'other' }),
    by: ['serviceaccount-controller'],
  },
  {
    name: 'a token Secret comes',
    change: () =>
      create(secrets, {
        metadata: { ...named('token'), annotations: { 'kubernetes.io/service-account.name': 'default' } },
        type: 'kubernetes.io/service-account-token',
      }),
    by: [],
  },
  {
    name: 'a claim and its volume come',
    change: async () => {
      await create(storageclasses, { metadata: { name: 'own' }, provisioner: 'kubernetes.io/no-provisioner' });
      const common = { accessModes: ['ReadWriteOnce'], storageClassName: 'own' };
      await create(persistentvolumes, {
        metadata: { name: 'pv' },
        spec: { ...common, capacity: { storage: '1Gi' }, hostPath: { path: '/tmp' } },
      });
      await create(persistentvolumeclaims, { metadata: named('pvc'), spec: { ...common, resources: { requests: { storage: '1Gi' } } } });
    },
    by: ['persistentvolume-binder-controller'],
  },
  {
    name: 'a CronJob is due',
    change: () => merge(cronjobs, named('yearly'), { spec: { schedule: '* * * * *', suspend: false, concurrencyPolicy: 'Forbid' } }),
    by: ['cronjob-controller', 'job-controller'],
  },
  {
    name: 'a Job is deleted with all it owns',
    change: async () => {
      await merge(cronjobs, named('yearly'), { spec: { suspend: true } });
      await t.client.delete(jobs, named('work'), { propagationPolicy: 'Foreground' });
    },
    by: ['garbage-collector-controller'],
  },
  {
    name: 'a role joins an aggregated one',
    change: () =>
      create(clusterroles, {
        metadata: { name: 'more', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
        rules: [{ apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] }],
      }),
    by: ['clusterrole-aggregation-controller'],
  },
  {
    name: 'a template changes',
    change: () =>
      merge(deployments, named('web'), { spec: { template: { spec: { ...template('web').spec, terminationGracePeriodSeconds: 5 } } } }),
    by: ['deployment-controller'],
  },
  { name: 'a namespace goes', change: () => t.client.delete(namespaces, { name: 'other' }), by: ['namespace-controller'] },
];

/** A roll-out replaces five pods, and an emptied namespace is asked to empty every kind. */
const MORE: Readonly<Record<string, number>> = { 'a template changes': 40, 'a namespace goes': 120 };

for (const { name, change, by } of CHANGES) {
  test(`${name}: no controller writes more than a few times`, async () => {
    traffic.clear();
    await change();
    for (let round = 0; round < 3; round++) {
      await playKubelets(t);
      await settle(t, traffic, () => renewAll(t));
    }
    for (const [controller, writes] of traffic.byController)
      assert.ok(writes.length <= (MORE[name] ?? FEW), `${controller}:\n${writes.join('\n')}`);
    for (const controller of by) assert.ok(traffic.byController.has(controller), `${controller} had something to do`);
  });
}

test('with kubelets at work and nothing to do nothing is written in half an hour', async () => {
  await t.client.delete(nodes, { name: 'n4' });
  for (let round = 0; round < 3; round++) {
    await playKubelets(t);
    await settle(t, traffic, () => renewAll(t));
  }
  traffic.clear();
  for (let step = 0; step < 90; step++) {
    await renewAll(t);
    await pass(t, 20_000);
  }
  assert.deepEqual(traffic.writes, []);
});
