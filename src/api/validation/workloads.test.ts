import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrors, updateErrors } from './fixture.ts';
import { validateCreate } from './validation.ts';

// Expected texts: Kubernetes v1.36.2 for the same objects.
const template = (labels: object = { a: 'b' }, spec: object = {}): object => ({
  metadata: { labels },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const selector = { matchLabels: { a: 'b' } };
const deployment = (spec: object = {}): object => ({ spec: { selector, template: template(), ...spec } });

for (const [kind, name, object, errors] of [
  ['apps/v1/Deployment', 'accepts a small one', deployment(), []],
  [
    'apps/v1/Deployment',
    'refuses negative replicas',
    deployment({ replicas: -1 }),
    ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
  ],
  [
    'apps/v1/Deployment',
    'compares selector and labels',
    deployment({ template: template({ c: 'd' }) }),
    ['spec.template.metadata.labels: Invalid value: {"c":"d"}: `selector` does not match template `labels`'],
  ],
  [
    'apps/v1/Deployment',
    'wants a selector',
    deployment({ selector: {} }),
    ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
  ],
  [
    'apps/v1/Deployment',
    'wants room to roll',
    deployment({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } } }),
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
  ],
  [
    'apps/v1/Deployment',
    'restarts always',
    deployment({ template: template({ a: 'b' }, { restartPolicy: 'Never' }) }),
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  [
    'apps/v1/Deployment',
    'wants progress after readiness',
    deployment({ minReadySeconds: 600 }),
    ['spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds'],
  ],
  ['apps/v1/ReplicaSet', 'accepts a small one', deployment(), []],
  [
    'apps/v1/StatefulSet',
    'knows its claims as volumes',
    {
      spec: {
        serviceName: 's',
        selector,
        template: template({ a: 'b' }, { containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'd', mountPath: '/d' }] }] }),
        volumeClaimTemplates: [
          { metadata: { name: 'd' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
        ],
      },
    },
    [],
  ],
  ['v1/Service', 'needs ports', { spec: {} }, ['spec.ports: Required value']],
  [
    'v1/Service',
    'checks cluster IPs',
    { spec: { ports: [{ port: 80 }], clusterIP: 'x', clusterIPs: ['x'] } },
    ['spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  ],
  [
    'v1/Service',
    'names several ports',
    { spec: { ports: [{ port: 80 }, { port: 81 }] } },
    ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
  ],
  ['v1/Service', 'wants an external name', { spec: { type: 'ExternalName' } }, ['spec.externalName: Required value']],
  ['v1/Namespace', 'is named by a label', { metadata: { name: 'a.b' } }, ['metadata.name: Invalid value: "a.b": must not contain dots']],
  ['v1/ConfigMap', 'checks keys', { data: { '..': 'x' } }, ['data[..]: Invalid value: "..": must not be \'..\'']],
  [
    'v1/Secret',
    'checks its type',
    { type: 'kubernetes.io/tls', data: {} },
    ['data[tls.crt]: Required value', 'data[tls.key]: Required value'],
  ],
  [
    'v1/Node',
    'checks taints',
    { spec: { taints: [{ key: 'a', effect: 'X' }] } },
    ['metadata.taints[0].effect: Unsupported value: "X": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'],
  ],
  [
    'coordination.k8s.io/v1/Lease',
    'checks its duration',
    { spec: { leaseDurationSeconds: 0 } },
    ['spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0'],
  ],
  [
    'discovery.k8s.io/v1/EndpointSlice',
    'checks addresses',
    { addressType: 'IPv4', endpoints: [{ addresses: ['127.0.0.1'] }], ports: [] },
    ['endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  ],
  [
    'v1/Event',
    'stays in its namespace',
    { involvedObject: { namespace: 'other' } },
    ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  ],
] as const) {
  test(`validateCreate of ${kind} ${name}`, () => assert.deepEqual(createErrors(kind, object), errors));
}

test('validateUpdate of a Deployment keeps the selector', () => {
  const other = deployment({ selector: { matchLabels: { a: 'c' } }, template: template({ a: 'c' }) });
  assert.deepEqual(updateErrors('apps/v1/Deployment', other, deployment()), [
    'spec.selector: Invalid value: {"matchLabels":{"a":"c"}}: field is immutable',
  ]);
});

test('validateUpdate of a Deployment status counts', () => {
  const status = { replicas: 1, readyReplicas: 2, availableReplicas: 3 };
  assert.deepEqual(updateErrors('apps/v1/Deployment', { ...deployment(), status }, deployment(), 'status'), [
    'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
    'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
    'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas',
  ]);
});

test('validateUpdate of a StatefulSet names what may change', () => {
  const set = (serviceName: string): object => ({ spec: { serviceName, selector, template: template() } });
  assert.match(
    updateErrors('apps/v1/StatefulSet', set('b'), set('a')).join(),
    /^spec: Forbidden: updates to statefulset spec for fields other than 'replicas'/,
  );
});

test('validateUpdate of a Service keeps its address', () => {
  const service = (ip: string): object => ({ spec: { ports: [{ port: 80 }], clusterIP: ip, clusterIPs: [ip] } });
  assert.deepEqual(updateErrors('v1/Service', service('10.0.0.2'), service('10.0.0.1')), [
    'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set',
  ]);
});

test('validateUpdate keeps sealed ConfigMaps and Secrets', () => {
  const map = (data: object, immutable?: boolean): object => ({ data, ...(immutable === undefined ? {} : { immutable }) });
  assert.deepEqual(updateErrors('v1/ConfigMap', map({ a: '2' }), map({ a: '1' }, true)), [
    'immutable: Forbidden: field is immutable when `immutable` is set',
    'data: Forbidden: field is immutable when `immutable` is set',
  ]);
});

test('validateUpdate looks at metadata of every kind, twice where upstream does', () => {
  const renamed = updateErrors('v1/ConfigMap', { metadata: { name: 'y' } }, {});
  assert.deepEqual(renamed, [
    'metadata.name: Invalid value: "y": field is immutable',
    'metadata.name: Invalid value: "y": field is immutable',
  ]);
  assert.deepEqual(updateErrors('v1/ServiceAccount', { metadata: { resourceVersion: '' } }, {}).slice(0, 1), [
    'metadata.resourceVersion: Invalid value: "": must be specified for an update',
  ]);
});

test('validateCreate knows metadata rules of kinds without their own', () => {
  const custom = { group: 'example.com', kind: 'Widget', namespaced: true };
  const errors = validateCreate({ metadata: { name: 'a/b', namespace: 'default' } }, custom);
  assert.deepEqual(
    errors.map((e) => e.detail),
    ["may not contain '/'"],
  );
});
