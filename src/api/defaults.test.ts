import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import type { ObjectSchema, TypeSchema } from '#apimachinery/type-schema.ts';
import { decodeValue } from './decode.ts';
import { applyDefaults } from './defaults.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { Schema } from './schema.ts';
import { Generator } from './testing/generate.ts';

const schema = new Schema();
const NOW = Date.parse('2026-01-02T03:04:05Z');

/** `spec` and other members of a written object, as they stand after defaulting. */
function defaulted(resource: string, members: object): JsonObject {
  const info = [...schema.resources()].find((one) => one.resource === resource && (one.version !== 'v1' || one.group !== 'autoscaling'));
  assert.ok(info);
  const { object } = decodeValue<JsonObject>({ kind: info.kind, metadata: { name: 'a' }, ...members }, info.schema, {
    fieldValidation: 'Strict',
  });
  return applyDefaults(object, info.schema, NOW);
}

/** Every member of `expected` is there with that value; others may be. */
function assertHas(actual: unknown, expected: unknown, path = ''): void {
  if (isJsonObject(expected) && isJsonObject(actual)) {
    for (const [name, member] of Object.entries(expected)) assertHas(actual[name], member, `${path}.${name}`);
  } else if (Array.isArray(expected) && Array.isArray(actual)) {
    assert.equal(actual.length, expected.length, path);
    expected.forEach((item, i) => assertHas(actual[i], item, `${path}[${i}]`));
  } else assert.deepEqual(actual, expected, path);
}

const podSpec = (container: object, more: object = {}) => ({ containers: [{ name: 'c', image: 'nginx:1.27', ...container }], ...more });

for (const c of [
  {
    resource: 'pods',
    is: 'a bare pod',
    in: { spec: podSpec({}) },
    out: {
      spec: {
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        securityContext: {},
        schedulerName: 'default-scheduler',
        enableServiceLinks: true,
        containers: [
          {
            imagePullPolicy: 'IfNotPresent',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            resources: {},
          },
        ],
      },
    },
  },
  {
    resource: 'pods',
    is: 'an image that may change',
    in: { spec: podSpec({ image: 'nginx' }) },
    out: { spec: { containers: [{ imagePullPolicy: 'Always' }] } },
  },
  {
    resource: 'pods',
    is: 'limits without requests',
    in: { spec: podSpec({ resources: { limits: { memory: '1Gi', cpu: '0.0001' }, requests: { cpu: '1' } } }) },
    out: { spec: { containers: [{ resources: { limits: { cpu: '1m', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } } }] } },
  },
  {
    resource: 'pods',
    is: 'host network',
    in: { spec: podSpec({ ports: [{ containerPort: 80 }, { containerPort: 81, hostPort: 8081 }] }, { hostNetwork: true }) },
    out: { spec: { containers: [{ ports: [{ hostPort: 80, protocol: 'TCP' }, { hostPort: 8081 }] }] } },
  },
  {
    resource: 'pods',
    is: 'probes, env and volumes',
    in: {
      spec: podSpec(
        {
          livenessProbe: { httpGet: { port: 80 } },
          readinessProbe: { grpc: { port: 1 } },
          env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        },
        {
          volumes: [
            { name: 'none' },
            { name: 'host', hostPath: { path: '/' } },
            { name: 'secret', secret: { secretName: 's' } },
            {
              name: 'api',
              projected: {
                sources: [
                  { serviceAccountToken: { path: 't' } },
                  { downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } },
                ],
              },
            },
            { name: 'image', image: { reference: 'app:latest' } },
          ],
        },
      ),
    },
    out: {
      spec: {
        containers: [
          {
            livenessProbe: {
              httpGet: { path: '/', scheme: 'HTTP' },
              timeoutSeconds: 1,
              periodSeconds: 10,
              successThreshold: 1,
              failureThreshold: 3,
            },
            readinessProbe: { grpc: { service: '' } },
            env: [{ valueFrom: { fieldRef: { apiVersion: 'v1' } } }],
          },
        ],
        volumes: [
          { emptyDir: {} },
          { hostPath: { type: '' } },
          { secret: { defaultMode: 420 } },
          {
            projected: {
              defaultMode: 420,
              sources: [
                { serviceAccountToken: { expirationSeconds: 3600 } },
                { downwardAPI: { items: [{ fieldRef: { apiVersion: 'v1' } }] } },
              ],
            },
          },
          { image: { pullPolicy: 'Always' } },
        ],
      },
    },
  },
  {
    resource: 'pods',
    is: 'the old name of the service account',
    in: { spec: podSpec({}, { serviceAccount: 'robot' }) },
    out: { spec: { serviceAccount: 'robot', serviceAccountName: 'robot' } },
  },
  {
    resource: 'pods',
    is: 'pod-level limits',
    in: { spec: podSpec({ resources: { requests: { cpu: '1' } } }, { resources: { limits: { cpu: '2', memory: '1Gi' } } }) },
    out: { spec: { resources: { requests: { cpu: '1', memory: '1Gi' } } } },
  },
  {
    resource: 'pods',
    is: 'a status with one address',
    in: { spec: podSpec({}), status: { podIP: '10.0.0.1' } },
    out: { status: { podIPs: [{ ip: '10.0.0.1' }] } },
  },
  {
    resource: 'deployments',
    is: 'a template, which is no pod',
    in: { spec: { selector: {}, template: { spec: podSpec({ resources: { limits: { cpu: '1' } } }) } } },
    out: {
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
        template: {
          spec: {
            restartPolicy: 'Always',
            enableServiceLinks: undefined,
            containers: [{ imagePullPolicy: 'IfNotPresent', resources: { requests: undefined } }],
          },
        },
      },
    },
  },
  {
    resource: 'deployments',
    is: 'recreation',
    in: { spec: { strategy: { type: 'Recreate' } } },
    out: { spec: { strategy: { type: 'Recreate', rollingUpdate: undefined } } },
  },
  { resource: 'deployments', is: 'zero replicas', in: { spec: { replicas: 0 } }, out: { spec: { replicas: 0 } } },
  {
    resource: 'statefulsets',
    is: 'claim templates',
    in: { spec: { volumeClaimTemplates: [{ metadata: { name: 'data' } }] } },
    out: {
      spec: {
        replicas: 1,
        podManagementPolicy: 'OrderedReady',
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        volumeClaimTemplates: [
          { kind: 'PersistentVolumeClaim', apiVersion: 'v1', spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } },
        ],
      },
    },
  },
  {
    resource: 'daemonsets',
    is: 'rolling updates',
    in: {},
    out: { spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } } },
  },
  {
    resource: 'jobs',
    is: 'a job, which takes its labels from the template',
    in: { spec: { template: { metadata: { labels: { a: 'b' } } } } },
    out: {
      metadata: { labels: { a: 'b' } },
      spec: {
        parallelism: 1,
        completions: 1,
        backoffLimit: 6,
        completionMode: 'NonIndexed',
        suspend: false,
        manualSelector: false,
        podReplacementPolicy: 'TerminatingOrFailed',
      },
    },
  },
  {
    resource: 'jobs',
    is: 'a limit for each index',
    in: {
      spec: {
        parallelism: 3,
        backoffLimitPerIndex: 1,
        podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'X' }] }] },
      },
    },
    out: {
      spec: {
        parallelism: 3,
        completions: undefined,
        backoffLimit: 2147483647,
        podReplacementPolicy: 'Failed',
        podFailurePolicy: { rules: [{ onPodConditions: [{ status: 'True' }] }] },
      },
    },
  },
  {
    resource: 'cronjobs',
    is: 'a job template, which is no job',
    in: {},
    out: {
      spec: {
        concurrencyPolicy: 'Allow',
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
        jobTemplate: { spec: { backoffLimit: undefined } },
      },
    },
  },
  {
    resource: 'services',
    is: 'a cluster IP',
    in: { spec: { ports: [{ port: 80 }] } },
    out: {
      spec: {
        type: 'ClusterIP',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        externalTrafficPolicy: undefined,
        ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
      },
    },
  },
  {
    resource: 'services',
    is: 'a load balancer with client affinity',
    in: {
      spec: { type: 'LoadBalancer', sessionAffinity: 'ClientIP', ports: [{ port: 80, targetPort: 'web' }] },
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } },
    },
    out: {
      spec: {
        externalTrafficPolicy: 'Cluster',
        allocateLoadBalancerNodePorts: true,
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
        ports: [{ targetPort: 'web' }],
      },
      status: { loadBalancer: { ingress: [{ ipMode: 'VIP' }] } },
    },
  },
  {
    resource: 'services',
    is: 'an external name',
    in: { spec: { type: 'ExternalName', externalName: 'x' } },
    out: { spec: { internalTrafficPolicy: undefined } },
  },
  {
    resource: 'secrets',
    is: 'text data',
    in: { data: { a: 'YQ==' }, stringData: { b: 'b' } },
    out: { type: 'Opaque', data: { a: 'YQ==', b: 'Yg==' }, stringData: undefined },
  },
  {
    resource: 'namespaces',
    is: 'its own name',
    in: {},
    out: { metadata: { labels: { 'kubernetes.io/metadata.name': 'a' } }, status: { phase: 'Active' } },
  },
  {
    resource: 'limitranges',
    is: 'container limits',
    in: { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] } },
    out: { spec: { limits: [{ default: { cpu: '2' }, defaultRequest: { cpu: '2', memory: '1Mi' } }] } },
  },
  {
    resource: 'nodes',
    is: 'capacity and pod network',
    in: { spec: { podCIDR: '10.0.0.0/24' }, status: { capacity: { cpu: '2' } } },
    out: { spec: { podCIDRs: ['10.0.0.0/24'] }, status: { allocatable: { cpu: '2' } } },
  },
  {
    resource: 'replicationcontrollers',
    is: 'selector and labels',
    in: { spec: { template: { metadata: { labels: { a: 'b' } } } } },
    out: { metadata: { labels: { a: 'b' } }, spec: { replicas: 1, selector: { a: 'b' } } },
  },
  {
    resource: 'rolebindings',
    is: 'API groups',
    in: {
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'ServiceAccount', name: 's' },
      ],
    },
    out: {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io' }, { apiGroup: undefined }],
    },
  },
  {
    resource: 'networkpolicies',
    is: 'policy types',
    in: { spec: { podSelector: {}, egress: [{ ports: [{ port: 53 }] }] } },
    out: { spec: { policyTypes: ['Ingress', 'Egress'], egress: [{ ports: [{ protocol: 'TCP' }] }] } },
  },
  {
    resource: 'endpointslices',
    is: 'port names',
    in: { addressType: 'IPv4', endpoints: [], ports: [{ port: 80 }] },
    out: { ports: [{ name: '', protocol: 'TCP' }] },
  },
  {
    resource: 'horizontalpodautoscalers',
    is: 'behaviour',
    in: { spec: { behavior: { scaleUp: { selectPolicy: 'Min' } } } },
    out: {
      spec: {
        minReplicas: 1,
        metrics: [{ resource: { target: { averageUtilization: 80 } } }],
        behavior: {
          scaleUp: { selectPolicy: 'Min', stabilizationWindowSeconds: 0 },
          scaleDown: { stabilizationWindowSeconds: undefined, policies: [{ value: 100 }] },
        },
      },
    },
  },
  { resource: 'storageclasses', is: 'a class', in: { provisioner: 'x' }, out: { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' } },
  {
    resource: 'validatingwebhookconfigurations',
    is: 'webhooks',
    in: { webhooks: [{ name: 'w', clientConfig: { service: { name: 's', namespace: 'n' } }, rules: [{ operations: ['*'] }] }] },
    out: {
      webhooks: [
        {
          failurePolicy: 'Fail',
          matchPolicy: 'Equivalent',
          timeoutSeconds: 10,
          namespaceSelector: {},
          objectSelector: {},
          clientConfig: { service: { port: 443 } },
          rules: [{ scope: '*' }],
        },
      ],
    },
  },
  {
    resource: 'customresourcedefinitions',
    is: 'names and versions',
    in: { spec: { names: { kind: 'Foo', plural: 'foos' }, versions: [{ name: 'v1', served: true, storage: true }] } },
    out: {
      spec: { names: { singular: 'foo', listKind: 'FooList' }, conversion: { strategy: 'None' } },
      status: { storedVersions: ['v1'] },
    },
  },
  {
    resource: 'prioritylevelconfigurations',
    is: 'shares',
    in: { spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: {} } } } },
    out: {
      spec: {
        limited: {
          nominalConcurrencyShares: 30,
          lendablePercent: 0,
          limitResponse: { queuing: { queues: 64, handSize: 8, queueLengthLimit: 50 } },
        },
      },
    },
  },
  {
    resource: 'resourceslices',
    is: 'a tainted device',
    in: { spec: { devices: [{ name: 'd', taints: [{ key: 'k', effect: 'NoSchedule' }] }] } },
    out: { spec: { devices: [{ taints: [{ timeAdded: '2026-01-02T03:04:05Z' }] }] } },
  },
]) {
  test(`applyDefaults of ${c.resource}: ${c.is}`, () => assertHas(defaulted(c.resource, c.in), c.out));
}

test('applyDefaults copes with hostile resource names', () => {
  const limits = JSON.parse('{"__proto__":"1","constructor":"2"}') as object;
  assert.doesNotThrow(() => defaulted('pods', { spec: podSpec({ resources: { limits } }, { resources: { limits } }) }));
});

// The table that makes fields required in the TypeScript types says the same as the defaulters do.
const table = JSON.parse(readFileSync(new URL('./schema/defaulted.json', import.meta.url), 'utf8')) as {
  readonly defaulted: Readonly<Record<string, readonly string[]>>;
};
/** Always there, yet optional in the types: parts of Proa make such sources themselves, from projections. */
const LEFT_OPTIONAL = new Set(['io.k8s.api.core.v1.ConfigMapVolumeSource', 'io.k8s.api.core.v1.SecretVolumeSource']);
const OBJECTS_A_RESOURCE = 150;
/** Fewer instances say nothing about what is always there. */
const ENOUGH = 40;

interface Seen {
  readonly schema: ObjectSchema;
  count: number;
  readonly present: Map<string, number>;
}

function observe(value: unknown, type: TypeSchema, seen: Map<string, Seen>): void {
  if (value === null || value === undefined) return;
  if (type.shape === 'list') (value as readonly unknown[]).forEach((item) => observe(item, type.items, seen));
  if (type.shape === 'map') Object.values(value as object).forEach((member) => observe(member, type.values, seen));
  if (type.shape !== 'object') return;
  const entry = seen.get(type.name) ?? { schema: type, count: 0, present: new Map() };
  seen.set(type.name, entry);
  entry.count++;
  for (const field of type.fields.values()) {
    const member = (value as JsonObject)[field.name];
    if (member === undefined || member === null) continue;
    entry.present.set(field.name, (entry.present.get(field.name) ?? 0) + 1);
    observe(member, field.type, seen);
  }
}

test('defaulted.json lists the fields that defaulting always fills', () => {
  const seen = new Map<string, Seen>();
  const generator = new Generator(seededIds(7));
  for (const info of schema.resources()) {
    for (let i = 0; i < OBJECTS_A_RESOURCE; i++)
      observe(applyDefaults(generator.object(info, info.schema), info.schema, NOW), info.schema, seen);
  }
  for (const [definition, { schema: type, count, present }] of seen) {
    const listed = table.defaulted[definition] ?? [];
    for (const field of listed) assert.equal(present.get(field), count, `${definition}.${field} is not always there`);
    if (count < ENOUGH || LEFT_OPTIONAL.has(definition)) continue;
    for (const { name, always, required } of type.fields.values()) {
      if (always || required || name === 'kind' || name === 'apiVersion' || present.get(name) !== count) continue;
      assert.ok(listed.includes(name), `${definition}.${name} is always there and not listed`);
    }
  }
});
