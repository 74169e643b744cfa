// Controllers whose writes are all refused, for good: each tries again later and later, and none turns in circles.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clusterroles,
  configmaps,
  cronjobs,
  endpoints,
  jobs,
  namespaces,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  pods,
  replicationcontrollers,
  resourceclaims,
  resourceclaimtemplates,
  secrets,
  services,
  storageclasses,
  validatingadmissionpolicies,
  volumeattributesclasses,
} from '#api/resources.ts';
import type { KubeObject } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { CONTROLLERS } from '#controllers/controllers.ts';
import { startControllerTest } from '../../harness/controllers.ts';
import { pass, Traffic } from './traffic.ts';
import { createWorld, named, renewAll, template } from './world.ts';

/** Half an hour, of which the queues' back-off leaves 19 tries: 5 ms, twice as long each time. */
const STEPS = 900;
const STEP_MS = 2_000;
/** Of one request: those tries, and as many again for what wakes a key meanwhile. */
const MOST = 40;
/** What is done by the clock goes on by it: every 5 s nodes are looked at, every 15 s figures. */
const BY_CLOCK: Readonly<Record<string, number>> = { 'node-lifecycle-controller': 400, 'horizontal-pod-autoscaler-controller': 150 };
/** They had something to write. */
const BUSY = [
  'bootstrap-signer-controller',
  'clusterrole-aggregation-controller',
  'cronjob-controller',
  'daemonset-controller',
  'deployment-controller',
  'disruption-controller',
  'endpoints-controller',
  'endpointslice-controller',
  'endpointslice-mirroring-controller',
  'ephemeral-volume-controller',
  'garbage-collector-controller',
  'job-controller',
  'namespace-controller',
  'node-ipam-controller',
  'node-lifecycle-controller',
  'persistentvolume-binder-controller',
  'persistentvolume-protection-controller',
  'persistentvolumeclaim-protection-controller',
  'pod-garbage-collector-controller',
  'replicaset-controller',
  'replicationcontroller-controller',
  'resourceclaim-controller',
  'resourcequota-controller',
  'root-ca-certificate-publisher-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'statefulset-controller',
  'taint-eviction-controller',
  'token-cleaner-controller',
  'ttl-after-finished-controller',
  'validatingadmissionpolicy-status-controller',
  'volumeattributesclass-protection-controller',
];

const bootstrapToken = (id: string, expiration: string) => ({
  metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', expiration, 'usage-bootstrap-signing': 'true' },
});

for (const error of [
  new StatusError('Forbidden', 'not by you'),
  new StatusError('InternalError', 'no'),
  new StatusError('Invalid', 'never'),
]) {
  test(`controllers whose writes are all refused with ${error.reason} ask a bounded number of times in half an hour`, async () => {
    const traffic = new Traffic();
    const t = await startControllerTest({
      controllers: CONTROLLERS,
      between: traffic.between,
      config: { issueToken: () => 'token' },
    });
    const create = (resource: unknown, object: object): Promise<unknown> =>
      t.client.create(resource as Resource<KubeObject>, object as never);
    traffic.refusal = error;
    await createWorld(t);
    const claimed = { resources: { requests: { storage: '1Gi' } }, accessModes: ['ReadWriteOnce'], storageClassName: 'own' };
    const spec = template('x').spec;
    for (const [resource, object] of [
      [namespaces, { metadata: { name: 'other' } }],
      [namespaces, { metadata: { name: 'going' } }],
      [
        cronjobs,
        {
          metadata: named('often'),
          spec: { schedule: '* * * * *', jobTemplate: { spec: { template: template('x', { restartPolicy: 'Never' }) } } },
        },
      ],
      [storageclasses, { metadata: { name: 'own' }, provisioner: 'kubernetes.io/no-provisioner' }],
      [
        persistentvolumes,
        { metadata: { name: 'pv' }, spec: { ...claimed, resources: undefined, capacity: { storage: '1Gi' }, hostPath: { path: '/tmp' } } },
      ],
      [persistentvolumeclaims, { metadata: named('pvc'), spec: claimed }],
      [persistentvolumeclaims, { metadata: named('leaving'), spec: claimed }],
      [
        pods,
        {
          metadata: named('ephemeral'),
          spec: { ...spec, volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: { spec: claimed } } }] },
        },
      ],
      [pods, { metadata: named('stray'), spec: { ...spec, nodeName: 'gone' } }],
      [
        resourceclaimtemplates,
        { metadata: named('t'), spec: { spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'k' } }] } } } },
      ],
      [pods, { metadata: named('devices'), spec: { ...spec, resourceClaims: [{ name: 'c', resourceClaimTemplateName: 't' }] } }],
      [
        resourceclaims,
        {
          metadata: { ...named('unowned'), ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'never', uid: 'x' }] },
          spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'k' } }] } },
        },
      ],
      [
        secrets,
        {
          metadata: { ...named('token'), annotations: { 'kubernetes.io/service-account.name': 'default' } },
          type: 'kubernetes.io/service-account-token',
        },
      ],
      [
        clusterroles,
        {
          metadata: { name: 'more', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
          rules: [{ apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] }],
        },
      ],
      [
        validatingadmissionpolicies,
        {
          metadata: { name: 'p' },
          spec: {
            validations: [{ expression: 'true' }],
            matchConstraints: {
              resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
            },
          },
        },
      ],
      [replicationcontrollers, { metadata: named('rc'), spec: { replicas: 1, selector: { app: 'rc' }, template: template('rc') } }],
      [
        persistentvolumes,
        {
          metadata: { name: 'ending' },
          spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/tmp' } },
        },
      ],
      [volumeattributesclasses, { metadata: { name: 'ending' }, driverName: 'd.example.com', parameters: { iops: '1' } }],
      [services, { metadata: named('by-hand'), spec: { ports: [{ port: 80 }] } }],
      [endpoints, { metadata: named('by-hand'), subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 80 }] }] }],
      [configmaps, { metadata: { name: 'cluster-info', namespace: 'kube-public' }, data: { kubeconfig: '{}' } }],
      [secrets, bootstrapToken('aaaaaa', '2100-01-01T00:00:00Z')],
      [secrets, bootstrapToken('bbbbbb', '2000-01-01T00:00:00Z')],
      [nodes, { metadata: { name: 'tainted' }, spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } }],
      [pods, { metadata: named('tainted'), spec: { ...spec, nodeName: 'tainted' } }],
    ] as const)
      await create(resource, object);
    await t.client.delete(namespaces, { name: 'going' });
    await t.client.delete(persistentvolumeclaims, named('leaving'));
    await t.client.delete(persistentvolumes, { name: 'ending' });
    await t.client.delete(volumeattributesclasses, { name: 'ending' });
    await create(jobs, {
      metadata: named('ended'),
      spec: { ttlSecondsAfterFinished: 1, suspend: true, template: template('x', { restartPolicy: 'Never' }) },
    });
    const now = new Date(t.clock.now()).toISOString();
    const conditions = [
      { type: 'FailureTarget', status: 'True', lastTransitionTime: now, lastProbeTime: now },
      { type: 'Failed', status: 'True', lastTransitionTime: now, lastProbeTime: now },
    ];
    await t.client.patch(
      jobs,
      named('ended'),
      { type: 'merge', body: { status: { conditions, startTime: now } } },
      { subresource: 'status' },
    );
    for (let step = 0; step < STEPS; step++) {
      if (step % 5 === 0 && step < STEPS / 2) await renewAll(t); // nodes are lost half-way
      await pass(t, STEP_MS);
    }
    await t.stop();
    const often = [...traffic.byController].flatMap(([controller, writes]) =>
      [...Map.groupBy(writes, (line) => line)]
        .filter(([, all]) => all.length > (BY_CLOCK[controller] ?? MOST))
        .map(([line, all]) => `${controller}: ${line} ${all.length} times`),
    );
    assert.deepEqual(often, []);
    assert.deepEqual(
      BUSY.filter((name) => !traffic.byController.has(name)),
      [],
    );
  });
}
