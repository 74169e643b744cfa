import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOf, objectOf } from '../fixture.ts';
import { createWarnings, updateWarnings } from './warnings.ts';

const warningsOf = (kindText: string, members: object): readonly string[] => {
  const kind = kindOf(kindText);
  return createWarnings(objectOf(kind, members), kind);
};

const container = { name: 'c', image: 'i' };
const pod = (spec: object, metadata: object = {}): object => ({ metadata, spec: { containers: [container], ...spec } });
const ofContainer = (members: object): object => pod({ containers: [{ ...container, ...members }] });
const deployment = (template: object, metadata: object = {}): object => ({
  metadata,
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [container] }, ...template },
  },
});

const CASES: readonly (readonly [name: string, kind: string, members: object, warnings: readonly string[]])[] = [
  ['a quiet pod', 'v1/Pod', pod({}), []],
  [
    'a name that is no host name',
    'v1/Pod',
    pod({}, { name: 'a.b' }),
    [
      "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
    ],
  ],
  [
    'a name of a webhook that files configure',
    'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration',
    { metadata: { name: 'a.static.k8s.io' } },
    [
      'metadata.name: names ending with ".static.k8s.io" are reserved for static manifest-based configurations and cannot be managed via the API',
    ],
  ],
  [
    'an old node label',
    'v1/Pod',
    pod({ nodeSelector: { 'beta.kubernetes.io/os': 'linux' } }),
    ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
  ],
  [
    'a volume kind that is gone',
    'v1/Pod',
    pod({ volumes: [{ name: 'v', gitRepo: { repository: 'r' } }] }),
    ['spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+'],
  ],
  [
    'a variable defined twice',
    'v1/Pod',
    ofContainer({
      env: [
        { name: 'A', value: '1' },
        { name: 'A', value: '2' },
      ],
    }),
    ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
  ],
  [
    'a variable that extends itself',
    'v1/Pod',
    ofContainer({
      env: [
        { name: 'A', value: '1' },
        { name: 'A', value: '$(A)2' },
      ],
    }),
    [],
  ],
  [
    'ports that clash',
    'v1/Pod',
    ofContainer({
      ports: [
        { containerPort: 80, name: 'a' },
        { containerPort: 80, name: 'b' },
        { containerPort: 80, hostPort: 80, name: 'd' },
      ],
    }),
    [
      'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
      'spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[0]',
      'spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[1]',
    ],
  ],
  [
    'half a byte',
    'v1/Pod',
    ofContainer({ resources: { limits: { memory: '1500m' } } }),
    [
      'spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer',
      'spec.containers[0].resources.requests[memory]: fractional byte value "1500m" is invalid, must be an integer',
    ],
  ],
  [
    'files that hide one another',
    'v1/Pod',
    pod({
      volumes: [
        {
          name: 'v',
          configMap: {
            name: 'm',
            items: [
              { key: 'a', path: 'x' },
              { key: 'b', path: 'x/y' },
            ],
          },
        },
      ],
    }),
    ['volume "v" (ConfigMap "m"): overlapping paths: "x/y" with "x"'],
  ],
  [
    'a template with an old annotation',
    'apps/v1/Deployment',
    deployment({ metadata: { labels: { a: 'b' }, annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' } } }),
    [
      'spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ],
  ],
  [
    'a headless service with outside addresses',
    'v1/Service',
    { spec: { clusterIP: 'None', externalIPs: ['1.2.3.4'], ports: [{ port: 80 }] } },
    ['spec.externalIPs is ignored for headless services'],
  ],
  [
    'an address in another form',
    'v1/Service',
    { spec: { externalIPs: ['2001:DB8::1'], ports: [{ port: 80 }] } },
    [
      'spec.externalIPs[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
      'spec.externalIPs is deprecated and may no longer be implemented in some clusters',
    ],
  ],
  [
    'a TLS secret without a certificate',
    'v1/Secret',
    { type: 'kubernetes.io/tls', data: { 'tls.crt': '', 'tls.key': '' } },
    ['tls: failed to find any PEM data in certificate input'],
  ],
  [
    'an ingress class in an annotation',
    'networking.k8s.io/v1/Ingress',
    {
      metadata: { annotations: { 'kubernetes.io/ingress.class': 'x' } },
      spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } },
    },
    ['annotation "kubernetes.io/ingress.class" is deprecated, please use \'spec.ingressClassName\' instead'],
  ],
  [
    'a volume to be recycled',
    'v1/PersistentVolume',
    {
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Recycle',
        nfs: { server: 's', path: '/' },
      },
    },
    [
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    ],
  ],
];

for (const [name, kind, members, expected] of CASES) {
  test(`createWarnings of ${name}`, () => {
    assert.deepEqual(warningsOf(kind, members), expected);
  });
}

test('updateWarnings looks at a template only when the generation moved', () => {
  const kind = kindOf('apps/v1/Deployment');
  const at = (generation: number): object =>
    objectOf(kind, deployment({ spec: { containers: [container], nodeSelector: { 'beta.kubernetes.io/os': 'linux' } } }, { generation }));
  assert.deepEqual(updateWarnings(at(1), at(1), kind), []);
  assert.equal(updateWarnings(at(2), at(1), kind).length, 1);
  assert.deepEqual(updateWarnings(at(2), at(1), kind, 'status'), []);
});

test('updateWarnings of a ReplicationController tell of the template it had', () => {
  const kind = kindOf('v1/ReplicationController');
  const controller = (generation: number, nodeSelector: object): unknown =>
    objectOf(kind, { metadata: { generation }, spec: { template: pod({ nodeSelector }) } });
  const old = { 'beta.kubernetes.io/os': 'linux' };
  const text = 'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead';
  assert.deepEqual(updateWarnings(controller(2, {}), controller(1, old), kind), [text]);
  assert.deepEqual(updateWarnings(controller(2, old), controller(1, {}), kind), []);
});

test('a ServiceAccount that comes to bind its secrets is told that this is deprecated', () => {
  const kind = kindOf('v1/ServiceAccount');
  const key = 'kubernetes.io/enforce-mountable-secrets';
  const account = (annotations: object): object => objectOf(kind, { metadata: { annotations } });
  const text = `metadata.annotations[${key}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`;
  assert.deepEqual(warningsOf('v1/ServiceAccount', { metadata: { annotations: { [key]: 'false' } } }), [text]);
  assert.deepEqual(updateWarnings(account({ [key]: 'true' }), account({}), kind), [text]);
  assert.deepEqual(updateWarnings(account({ [key]: 'true' }), account({ [key]: '' }), kind), []);
  assert.deepEqual(updateWarnings(account({}), account({ [key]: 'true' }), kind), []);
});
