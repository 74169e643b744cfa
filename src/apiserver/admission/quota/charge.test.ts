import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configmaps, persistentvolumeclaims, pods, resourceclaims, services, deviceclasses, deployments } from '#api/resources.ts';
import type { KubeObject, ResourceQuota } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { MemoryReader } from '../../authorization/testing.ts';
import { write } from '../testing.ts';
import { charge } from './charge.ts';
import { Evaluators } from '#api/quota/evaluators.ts';
import { labelMatches } from '#api/quota/scope-selector.ts';

const NOW = Date.UTC(2026, 0, 1);
const meta = { name: 'o', namespace: 'a' };

const quota = (hard: object, used: object | undefined, spec: object = {}): ResourceQuota =>
  ({
    metadata: { name: 'q', namespace: 'a' },
    spec: { hard, ...spec },
    status: { hard, ...(used === undefined ? {} : { used }) },
  }) as never;

interface Case {
  readonly resource?: Resource<never>;
  readonly object: object;
  readonly oldObject?: object;
  readonly subresource?: string;
  readonly reader?: MemoryReader;
}

/** `used` after the charge, or the refusal. */
function outcome(
  one: ResourceQuota,
  { resource = pods as never, object, oldObject, subresource = '', reader = new MemoryReader() }: Case,
): unknown {
  const attributes = write<KubeObject>(resource, {
    object: { metadata: meta, ...object } as never,
    ...(oldObject === undefined ? {} : { oldObject: { metadata: meta, ...oldObject } as never }),
    subresource,
  });
  const evaluator = new Evaluators(reader).find(resource);
  assert.ok(evaluator);
  try {
    return charge([one], attributes, evaluator, NOW)[0]?.status.used;
  } catch (error) {
    return (error as Error).message;
  }
}

const FORBIDDEN = 'pods "o" is forbidden: ';
const pod = (resources: object, over: object = {}) => ({ spec: { containers: [{ name: 'c', resources }], ...over }, status: {} });
const both = (list: object) => ({ requests: list, limits: list });

for (const [what, hard, used, object, expected, spec] of [
  [
    'counts a pod under both names',
    { pods: '2', 'count/pods': '2' },
    { pods: '1', 'count/pods': '0' },
    pod({}),
    { pods: '2', 'count/pods': '1' },
  ],
  [
    'refuses one too many',
    { pods: '1' },
    { pods: '1' },
    pod({}),
    `${FORBIDDEN}exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1`,
  ],
  ['leaves alone what it does not limit', { services: '1' }, { services: '1' }, pod({}), { services: '1' }],
  ['adds requests', { cpu: '2' }, { cpu: '500m' }, pod({ requests: { cpu: '250m' } }), { cpu: '750m' }],
  ['adds limits', { 'limits.memory': '2Gi' }, { 'limits.memory': '0' }, pod(both({ memory: '1Gi' })), { 'limits.memory': '1Gi' }],
  [
    'names all that is exceeded, in order',
    { 'requests.memory': '1Gi', 'requests.cpu': '1', pods: '9' },
    { 'requests.memory': '1Gi', 'requests.cpu': '1', pods: '1' },
    pod(both({ cpu: '1', memory: '1Gi' })),
    `${FORBIDDEN}exceeded quota: q, requested: requests.cpu=1,requests.memory=1Gi, used: requests.cpu=1,requests.memory=1Gi, limited: requests.cpu=1,requests.memory=1Gi`,
  ],
  [
    'wants containers to say what they need',
    { cpu: '1', 'limits.memory': '1Gi', pods: '1' },
    { cpu: '0', 'limits.memory': '0', pods: '0' },
    pod({}, { initContainers: [{ name: 'b' }] }),
    `${FORBIDDEN}failed quota: q: must specify cpu for: b,c; limits.memory for: b,c`,
  ],
  [
    'does not ask for ephemeral storage',
    { 'requests.ephemeral-storage': '1Gi' },
    { 'requests.ephemeral-storage': '0' },
    pod({}),
    { 'requests.ephemeral-storage': '0' },
  ],
  ['takes what the pod says as a whole', { cpu: '1' }, { cpu: '0' }, pod({}, { resources: both({ cpu: '500m' }) }), { cpu: '500m' }],
  [
    'counts extended resources by request',
    { 'requests.a.b/gpu': '2' },
    { 'requests.a.b/gpu': '1' },
    pod(both({ 'a.b/gpu': '1' })),
    { 'requests.a.b/gpu': '2' },
  ],
  [
    'counts huge pages',
    { 'hugepages-2Mi': '4Mi' },
    { 'hugepages-2Mi': '0' },
    pod(both({ 'hugepages-2Mi': '2Mi' })),
    { 'hugepages-2Mi': '2Mi' },
  ],
  [
    'refuses what nobody has counted yet',
    { pods: '1', cpu: '1' },
    undefined,
    pod(both({ cpu: '1' })),
    `${FORBIDDEN}status unknown for quota: q, resources: cpu,pods`,
  ],
  [
    'counts an ended pod by its name only',
    { 'count/pods': '2', pods: '2' },
    { 'count/pods': '0', pods: '0' },
    { ...pod({}), status: { phase: 'Failed' } },
    { 'count/pods': '1', pods: '0' },
  ],
  ['Terminating fits pods with a deadline', { pods: '1' }, { pods: '1' }, pod({}), { pods: '1' }, { scopes: ['Terminating'] }],
  ['NotTerminating fits the others', { pods: '1' }, { pods: '0' }, pod({}), { pods: '1' }, { scopes: ['NotTerminating', 'BestEffort'] }],
  ['NotBestEffort leaves best effort alone', { pods: '0' }, { pods: '0' }, pod({}), { pods: '0' }, { scopes: ['NotBestEffort'] }],
  [
    'PriorityClass fits by name',
    { pods: '1' },
    { pods: '0' },
    pod({}, { priorityClassName: 'high' }),
    { pods: '1' },
    { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } },
  ],
  [
    'PriorityClass leaves others alone',
    { pods: '0' },
    { pods: '0' },
    pod({}),
    { pods: '0' },
    { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'Exists' }] } },
  ],
  [
    'CrossNamespacePodAffinity fits pods that look elsewhere',
    { pods: '0' },
    { pods: '0' },
    pod({}, { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'z', namespaces: ['b'] }] } } }),
    `${FORBIDDEN}exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0`,
    { scopes: ['CrossNamespacePodAffinity'] },
  ],
] as const) {
  test(`charge ${what}`, () => assert.deepEqual(outcome(quota(hard, used, spec), { object }), expected));
}

test('charge takes only the growth of what is counted already', () => {
  const claim = (storage: string) => ({ spec: { resources: { requests: { storage } } }, status: {} });
  const resource = persistentvolumeclaims as never;
  const limited = quota(
    { 'requests.storage': '10Gi', persistentvolumeclaims: '1' },
    { 'requests.storage': '8Gi', persistentvolumeclaims: '1' },
  );
  const grow = (to: string) => outcome(limited, { resource, object: claim(to), oldObject: claim('8Gi') });
  assert.deepEqual(grow('10Gi'), { 'requests.storage': '10Gi', persistentvolumeclaims: '1' });
  assert.deepEqual(grow('1Gi'), { 'requests.storage': '8Gi', persistentvolumeclaims: '1' });
  assert.match(
    String(grow('11Gi')),
    /exceeded quota: q, requested: requests.storage=3Gi, used: requests.storage=8Gi, limited: requests.storage=10Gi/,
  );
});

test('charge takes all of a pod that came into the scope of a quota', () => {
  const ends = quota({ pods: '1' }, { pods: '1' }, { scopes: ['Terminating'] });
  const moved = { object: pod({}, { activeDeadlineSeconds: 5 }), oldObject: pod({}) };
  assert.match(String(outcome(ends, moved)), /requested: pods=1, used: pods=1/);
});

test('charge counts storage by class', () => {
  const limited = quota(
    { 'fast.storageclass.storage.k8s.io/requests.storage': '5Gi', 'slow.storageclass.storage.k8s.io/persistentvolumeclaims': '0' },
    { 'fast.storageclass.storage.k8s.io/requests.storage': '0', 'slow.storageclass.storage.k8s.io/persistentvolumeclaims': '0' },
  );
  const claim = (storageClassName: string) => ({ spec: { storageClassName, resources: { requests: { storage: '2Gi' } } }, status: {} });
  const resource = persistentvolumeclaims as never;
  assert.deepEqual(outcome(limited, { resource, object: claim('fast') }), {
    'fast.storageclass.storage.k8s.io/requests.storage': '2Gi',
    'slow.storageclass.storage.k8s.io/persistentvolumeclaims': '0',
  });
  assert.match(
    String(outcome(limited, { resource, object: claim('slow') })),
    /exceeded quota: q, requested: slow.storageclass.storage.k8s.io\/persistentvolumeclaims=1/,
  );
});

for (const [what, spec, used] of [
  ['a ClusterIP', { type: 'ClusterIP', ports: [{}] }, { services: '1', 'services.nodeports': '0', 'services.loadbalancers': '0' }],
  ['a NodePort', { type: 'NodePort', ports: [{}, {}] }, { services: '1', 'services.nodeports': '2', 'services.loadbalancers': '0' }],
  ['a LoadBalancer', { type: 'LoadBalancer', ports: [{}] }, { services: '1', 'services.nodeports': '1', 'services.loadbalancers': '1' }],
  [
    'a LoadBalancer with ports of its own choice',
    { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ nodePort: 30_000 }, {}] },
    { services: '1', 'services.nodeports': '1', 'services.loadbalancers': '1' },
  ],
] as const) {
  test(`charge counts ${what}`, () => {
    const none = { services: '0', 'services.nodeports': '0', 'services.loadbalancers': '0' };
    const limit = { services: '9', 'services.nodeports': '9', 'services.loadbalancers': '9' };
    assert.deepEqual(outcome(quota(limit, none), { resource: services as never, object: { spec } }), used);
  });
}

test('charge counts any other resource by its name', () => {
  const limited = quota(
    { configmaps: '2', 'count/configmaps': '2', 'count/deployments.apps': '0' },
    { configmaps: '0', 'count/configmaps': '1', 'count/deployments.apps': '0' },
  );
  assert.deepEqual(outcome(limited, { resource: configmaps as never, object: {} }), {
    configmaps: '1',
    'count/configmaps': '2',
    'count/deployments.apps': '0',
  });
  assert.match(
    String(outcome(limited, { resource: deployments as never, object: {} })),
    /^deployments.apps "o" is forbidden: exceeded quota: q, requested: count\/deployments.apps=1/,
  );
});

test('charge counts devices at their worst', () => {
  const reader = new MemoryReader();
  reader.put(deviceclasses, { metadata: { name: 'gpu' }, spec: { extendedResourceName: 'a.b/gpu' } });
  const zero = { 'gpu.deviceclass.resource.k8s.io/devices': '0', 'requests.a.b/gpu': '0', 'count/resourceclaims.resource.k8s.io': '0' };
  const hard = { 'gpu.deviceclass.resource.k8s.io/devices': '50', 'requests.a.b/gpu': '50', 'count/resourceclaims.resource.k8s.io': '1' };
  const requests = [
    { name: 'one', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 3 } },
    { name: 'all', exactly: { deviceClassName: 'gpu', allocationMode: 'All' } },
    {
      name: 'any',
      firstAvailable: [1, 4].map((count) => ({ name: `f${count}`, deviceClassName: 'gpu', allocationMode: 'ExactCount', count })),
    },
  ];
  assert.deepEqual(outcome(quota(hard, zero), { resource: resourceclaims as never, object: { spec: { devices: { requests } } }, reader }), {
    'gpu.deviceclass.resource.k8s.io/devices': '39',
    'requests.a.b/gpu': '39',
    'count/resourceclaims.resource.k8s.io': '1',
  });
});

test('a claim made for the extended resources of a pod takes only what the pod is not charged for', () => {
  const reader = new MemoryReader();
  reader.put(deviceclasses, { metadata: { name: 'gpu' }, spec: { extendedResourceName: 'a.b/gpu' } });
  reader.put(pods, { metadata: { name: 'p', namespace: 'a', uid: 'u' }, ...pod(both({ 'a.b/gpu': '2' })) } as never);
  const metadata = (uid: string) => ({
    ...meta,
    annotations: { 'resource.kubernetes.io/extended-resource-claim': 'true' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid, controller: true }],
  });
  const spec = { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 3 } }] } };
  const used = (uid: string) =>
    outcome(quota({ 'requests.a.b/gpu': '9' }, { 'requests.a.b/gpu': '0' }), {
      resource: resourceclaims as never,
      object: { metadata: metadata(uid), spec },
      reader,
    });
  assert.deepEqual([used('u'), used('other')], [{ 'requests.a.b/gpu': '1' }, { 'requests.a.b/gpu': '3' }]);
});

test('Evaluators leaves out what is never stored', () => {
  const evaluators = new Evaluators(new MemoryReader());
  assert.equal(evaluators.find({ group: 'authorization.k8s.io', resource: 'subjectaccessreviews' }), undefined);
  assert.equal(evaluators.find({ group: '', resource: 'events' }), undefined);
});

for (const [operator, values, matches] of [
  ['In', ['x'], [true, false, false]],
  ['NotIn', ['x'], [false, true, true]],
  ['Exists', [], [true, true, false]],
  ['DoesNotExist', [], [false, false, true]],
  ['Near', ['x'], [false, false, false]],
] as const) {
  test(`labelMatches knows ${operator}`, () => {
    assert.deepEqual(
      ['x', 'y', undefined].map((value) => labelMatches({ operator, values }, value)),
      matches,
    );
  });
}
