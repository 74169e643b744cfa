// Objects that are accepted as they are, for a fuzzer to damage.

export interface Sample {
  /** Of the collection. */
  readonly path: string;
  readonly object: Readonly<Record<string, unknown>> & { readonly kind: string; readonly apiVersion: string; readonly metadata?: object };
}

const inDefault = (root: string, resource: string): string => `${root}/namespaces/default/${resource}`;
const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image: 'i:1', ports: [{ containerPort: 80 }] }] },
};
const selector = { matchLabels: { app: 'web' } };
const workload = (kind: string, resource: string, spec: object): Sample => ({
  path: inDefault('/apis/apps/v1', resource),
  object: { apiVersion: 'apps/v1', kind, spec: { selector, template, ...spec } },
});

export const SAMPLES: readonly Sample[] = [
  {
    path: inDefault('/api/v1', 'pods'),
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { labels: { app: 'web' } },
      spec: { ...template.spec, automountServiceAccountToken: false },
    },
  },
  {
    path: inDefault('/api/v1', 'configmaps'),
    object: { apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' }, binaryData: { b: 'AQI=' } },
  },
  { path: inDefault('/api/v1', 'secrets'), object: { apiVersion: 'v1', kind: 'Secret', stringData: { a: '1' } } },
  {
    path: inDefault('/api/v1', 'services'),
    object: { apiVersion: 'v1', kind: 'Service', spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] } },
  },
  {
    path: inDefault('/api/v1', 'persistentvolumeclaims'),
    object: {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
  },
  { path: inDefault('/api/v1', 'serviceaccounts'), object: { apiVersion: 'v1', kind: 'ServiceAccount' } },
  {
    path: inDefault('/api/v1', 'resourcequotas'),
    object: { apiVersion: 'v1', kind: 'ResourceQuota', spec: { hard: { 'count/jobs.batch': '3' } } },
  },
  {
    path: inDefault('/api/v1', 'limitranges'),
    object: { apiVersion: 'v1', kind: 'LimitRange', spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] } },
  },
  { path: '/api/v1/namespaces', object: { apiVersion: 'v1', kind: 'Namespace' } },
  { path: '/api/v1/nodes', object: { apiVersion: 'v1', kind: 'Node', spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } } },
  workload('Deployment', 'deployments', { replicas: 2 }),
  workload('ReplicaSet', 'replicasets', { replicas: 1 }),
  workload('StatefulSet', 'statefulsets', { serviceName: 'web' }),
  workload('DaemonSet', 'daemonsets', {}),
  {
    path: inDefault('/apis/batch/v1', 'jobs'),
    object: { apiVersion: 'batch/v1', kind: 'Job', spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
  },
  {
    path: inDefault('/apis/batch/v1', 'cronjobs'),
    object: {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      spec: { schedule: '* * * * *', jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } } },
    },
  },
  {
    path: inDefault('/apis/autoscaling/v2', 'horizontalpodautoscalers'),
    object: {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' } },
    },
  },
  {
    path: inDefault('/apis/networking.k8s.io/v1', 'ingresses'),
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
    },
  },
  {
    path: inDefault('/apis/rbac.authorization.k8s.io/v1', 'roles'),
    object: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
  },
  {
    path: inDefault('/apis/policy/v1', 'poddisruptionbudgets'),
    object: { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', spec: { minAvailable: 1, selector } },
  },
  {
    path: inDefault('/apis/coordination.k8s.io/v1', 'leases'),
    object: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec: { holderIdentity: 'x' } },
  },
  {
    path: inDefault('/apis/discovery.k8s.io/v1', 'endpointslices'),
    object: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'] }],
      ports: [],
    },
  },
  {
    path: inDefault('/apis/fuzz.example.com/v1', 'things'),
    object: { apiVersion: 'fuzz.example.com/v1', kind: 'Thing', spec: { size: 3, tags: [{ name: 'a', value: 'b' }], replicas: 1 } },
  },
];

/** The definition behind `things`. */
export const THING_DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.fuzz.example.com' },
  spec: {
    group: 'fuzz.example.com',
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
        additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                'x-kubernetes-validations': [{ rule: 'self.size < 10 || has(self.tags)' }],
                properties: {
                  size: { type: 'integer', minimum: 0, default: 1 },
                  replicas: { type: 'integer' },
                  any: { 'x-kubernetes-int-or-string': true },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  tags: {
                    type: 'array',
                    maxItems: 10,
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: {
                      type: 'object',
                      required: ['name'],
                      properties: { name: { type: 'string' }, value: { type: 'string', pattern: '^[a-z]*$' } },
                    },
                  },
                },
              },
              status: { type: 'object', properties: { replicas: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
};
