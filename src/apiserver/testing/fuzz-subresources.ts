// What a client could mean with a subresource: its body, and how it is written.

export interface SubresourceSample {
  readonly path: (name: string) => string;
  readonly methods: readonly string[];
  readonly object?: (name: string) => Readonly<Record<string, unknown>>;
}

const core = (rest: string): string => `/api/v1/namespaces/default/${rest}`;
const apps = (rest: string): string => `/apis/apps/v1/namespaces/default/${rest}`;
const things = (rest: string): string => `/apis/fuzz.example.com/v1/namespaces/default/things/${rest}`;
const named = (name: string) => ({ name, namespace: 'default' });

const scale = (name: string): Readonly<Record<string, unknown>> => ({
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: named(name),
  spec: { replicas: 3 },
});
const pod = (name: string, part: object): Readonly<Record<string, unknown>> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: named(name),
  spec: { containers: [{ name: 'c', image: 'i:1', resources: { requests: { cpu: '2' } } }], automountServiceAccountToken: false },
  ...part,
});
const READ_WRITE = ['GET', 'PUT', 'PATCH'];
const CONNECT = ['GET', 'POST'];

export const SUBRESOURCE_SAMPLES: readonly SubresourceSample[] = [
  ...['deployments', 'replicasets', 'statefulsets'].map((resource) => ({
    path: (name: string) => apps(`${resource}/${name}/scale`),
    methods: READ_WRITE,
    object: scale,
  })),
  { path: (name) => core(`replicationcontrollers/${name}/scale`), methods: READ_WRITE, object: scale },
  { path: (name) => things(`${name}/scale`), methods: READ_WRITE, object: scale },
  {
    path: (name) => things(`${name}/status`),
    methods: READ_WRITE,
    object: (name) => ({ apiVersion: 'fuzz.example.com/v1', kind: 'Thing', metadata: named(name), status: { replicas: 2 } }),
  },
  {
    path: (name) => core(`pods/${name}/status`),
    methods: READ_WRITE,
    object: (name) => pod(name, { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }),
  },
  { path: (name) => core(`pods/${name}/resize`), methods: READ_WRITE, object: (name) => pod(name, {}) },
  {
    path: (name) => core(`pods/${name}/ephemeralcontainers`),
    methods: READ_WRITE,
    object: (name) =>
      pod(name, { spec: { containers: [{ name: 'c', image: 'i:1' }], ephemeralContainers: [{ name: 'e', image: 'i:1' }] } }),
  },
  {
    path: (name) => core(`pods/${name}/eviction`),
    methods: ['POST'],
    object: (name) => ({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: named(name), deleteOptions: { gracePeriodSeconds: 0 } }),
  },
  {
    path: (name) => core(`pods/${name}/binding`),
    methods: ['POST'],
    object: (name) => ({ apiVersion: 'v1', kind: 'Binding', metadata: named(name), target: { kind: 'Node', name: 'a' } }),
  },
  {
    path: () => core('bindings'),
    methods: ['POST'],
    object: (name) => ({ apiVersion: 'v1', kind: 'Binding', metadata: named(name), target: { kind: 'Node', name: 'b' } }),
  },
  {
    path: (name) => core(`serviceaccounts/${name}/token`),
    methods: ['POST'],
    object: (name) => ({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: named(name),
      spec: { audiences: ['x'], expirationSeconds: 600, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name } },
    }),
  },
  ...['approval', 'status'].map((subresource) => ({
    path: (name: string) => `/apis/certificates.k8s.io/v1/certificatesigningrequests/${name}/${subresource}`,
    methods: READ_WRITE,
    object: (name: string) => ({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: { request: 'YQ==', signerName: 'a.b/c', usages: ['any'] },
      status: { conditions: [{ type: 'Approved', status: 'True', reason: 'a' }], certificate: 'YQ==' },
    }),
  })),
  {
    path: (name) => `/api/v1/namespaces/${name}/finalize`,
    methods: ['PUT'],
    object: (name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: { finalizers: ['a.b/c'] } }),
  },
  {
    path: (name) => `/api/v1/nodes/${name}/status`,
    methods: READ_WRITE,
    object: (name) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, status: { capacity: { cpu: '2' } } }),
  },
  ...['exec?command=sh&stdin=true&stdout=true', 'attach?stdout=true', 'portforward?ports=80', 'log?follow=true', 'log'].map((rest) => ({
    path: (name: string) => core(`pods/${name}/${rest}`),
    methods: CONNECT,
  })),
  ...['pods/NAME/proxy/', 'services/http:NAME:80/proxy/a', 'nodes/NAME/proxy/pods'].map((rest) => ({
    path: (name: string) => (rest.startsWith('nodes') ? `/api/v1/` : core('')) + rest.replace('NAME', name),
    methods: ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'],
  })),
];
