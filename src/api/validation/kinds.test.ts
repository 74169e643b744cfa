// Kinds beside pods and what runs them: what is right passes, and what is wrong is said in upstream's words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrors, updateErrors } from './fixture.ts';

const job = (spec: object): object => ({
  metadata: { uid: 'u' },
  spec: {
    manualSelector: true,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
    ...spec,
  },
});
const { template } = (job({}) as { readonly spec: { readonly template: object } }).spec;
const path = (more: object): object => ({
  spec: {
    rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } }, ...more }] } }],
  },
});
const volume = (more: object): object => ({ spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], ...more } });
const claim = (size: string, more: object = {}): object => ({
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, ...more },
});
const scaled = (more: object): object => ({
  spec: { scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }, maxReplicas: 3, ...more },
});
const hook = { name: 'a.b.c', admissionReviewVersions: ['v1'], sideEffects: 'None', clientConfig: { url: 'https://a/b' } };

const KEY_RULE =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

const CREATE: readonly (readonly [kind: string, members: object, errors: readonly string[]])[] = [
  ['v1/ConfigMap', { data: { '': 'value' } }, [`data[]: Invalid value: "": ${KEY_RULE}`]],
  ['v1/Secret', { type: 'Opaque', data: { '': 'dmFsdWU=' } }, [`data[]: Invalid value: "": ${KEY_RULE}`]],
  ['batch/v1/Job', job({ completionMode: 'Indexed', completions: 3 }), []],
  [
    'batch/v1/Job',
    job({ completionMode: 'Indexed', parallelism: 2 }),
    ['spec.completions: Required value: when completion mode is Indexed'],
  ],
  [
    'batch/v1/Job',
    job({ completionMode: 'Indexed', completions: 3, successPolicy: { rules: [{ succeededIndexes: '0-9' }] } }),
    ['spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0-9": error parsing succeededIndexes: too large index: "9"'],
  ],
  ['batch/v1/CronJob', { spec: { schedule: '@daily', timeZone: 'Europe/Berlin', jobTemplate: { spec: { template } } } }, []],
  [
    'batch/v1/CronJob',
    { spec: { schedule: '* * *', timeZone: 'Mars/Base', jobTemplate: { spec: { template } } } },
    [
      'spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]',
      'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base',
    ],
  ],
  ['networking.k8s.io/v1/Ingress', path({}), []],
  [
    'networking.k8s.io/v1/Ingress',
    path({ path: 'x//y' }),
    [
      'spec.rules[0].http.paths[0].path: Invalid value: "x//y": must be an absolute path',
      'spec.rules[0].http.paths[0].path: Invalid value: "x//y": must not contain \'//\'',
    ],
  ],
  [
    'networking.k8s.io/v1/Ingress',
    path({ backend: {} }),
    ['spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required'],
  ],
  [
    'networking.k8s.io/v1/NetworkPolicy',
    { spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }] }] } },
    ['spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`'],
  ],
  [
    'rbac.authorization.k8s.io/v1/Role',
    { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
    ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
  ],
  [
    'rbac.authorization.k8s.io/v1/ClusterRoleBinding',
    { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' }, subjects: [{ kind: 'ServiceAccount', name: 'a' }] },
    ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"', 'subjects[0].namespace: Required value'],
  ],
  [
    'policy/v1/PodDisruptionBudget',
    { spec: { minAvailable: '150%' } },
    ['spec.minAvailable: Invalid value: "150%": must not be greater than 100%'],
  ],
  [
    'autoscaling/v2/HorizontalPodAutoscaler',
    scaled({ minReplicas: 5 }),
    ['spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`'],
  ],
  // An empty list of policies is no policy at all; without a list there is a default.
  ['autoscaling/v2/HorizontalPodAutoscaler', scaled({ behavior: { scaleUp: {}, scaleDown: { policies: null } } }), []],
  [
    'autoscaling/v2/HorizontalPodAutoscaler',
    scaled({ behavior: { scaleUp: { policies: [] }, scaleDown: { policies: [] } } }),
    [
      'spec.behavior.scaleUp.policies: Required value: must specify at least one Policy',
      'spec.behavior.scaleDown.policies: Required value: must specify at least one Policy',
    ],
  ],
  [
    'autoscaling/v1/HorizontalPodAutoscaler',
    scaled({ targetCPUUtilizationPercentage: 0 }),
    ['spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0'],
  ],
  ['v1/PersistentVolume', volume({ hostPath: { path: '/x' } }), []],
  ['v1/PersistentVolume', volume({ local: { path: '/x' } }), ['spec.nodeAffinity: Required value: Local volume requires node affinity']],
  ['v1/PersistentVolume', volume({}), ['spec: Required value: must specify a volume type']],
  [
    'v1/LimitRange',
    { spec: { limits: [{ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } }] } },
    [
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
      'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
    ],
  ],
  [
    'v1/ResourceQuota',
    { spec: { hard: { 'limits.cpu': '1' }, scopes: ['BestEffort'] } },
    ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
  ],
  [
    'storage.k8s.io/v1/StorageClass',
    { provisioner: 'a b' },
    [
      "provisioner: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  ],
  [
    'scheduling.k8s.io/v1/PriorityClass',
    { value: 2_000_000_000 },
    ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
  ],
  ['admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration', { webhooks: [hook] }, []],
  [
    'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration',
    { webhooks: [{ ...hook, clientConfig: { url: 'http://a/b?c' } }] },
    [
      'webhooks[0].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
      'webhooks[0].clientConfig.url: Invalid value: "c": query parameters are not permitted in the URL',
    ],
  ],
  [
    'flowcontrol.apiserver.k8s.io/v1/FlowSchema',
    { spec: { priorityLevelConfiguration: { name: 'p' }, matchingPrecedence: 1 } },
    ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"],
  ],
];

CREATE.forEach(([kind, members, expected], i) => {
  test(`validateCreate of ${kind} (${i}) finds ${expected.length === 0 ? 'nothing' : expected[0]}`, () => {
    assert.deepEqual(createErrors(kind, members), expected);
  });
});

const ROLE_REF = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' };

test('validateUpdate keeps what a binding refers to', () => {
  assert.deepEqual(
    updateErrors('rbac.authorization.k8s.io/v1/RoleBinding', { roleRef: { ...ROLE_REF, name: 's' } }, { roleRef: ROLE_REF }),
    ['roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"s"}: cannot change roleRef'],
  );
});

test('validateUpdate lets a bound claim grow and nothing else', () => {
  const bound = (size: string, more: object = {}): object => ({
    ...claim(size, { volumeName: 'v', ...more }),
    status: { phase: 'Bound', capacity: { storage: '1Gi' } },
  });
  assert.deepEqual(updateErrors('v1/PersistentVolumeClaim', bound('2Gi'), bound('1Gi')), []);
  const [error, ...more] = updateErrors('v1/PersistentVolumeClaim', bound('1Gi', { volumeName: 'w' }), bound('1Gi'));
  assert.match(error ?? '', /^spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName/);
  assert.deepEqual(more, []);
});

for (const [shown, given] of [
  ['[]', { values: [] }],
  ['null', {}],
] as const) {
  test(`validateCreate shows exit codes that are missing as ${shown}, as they were given`, () => {
    const failing = job({ podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', ...given } }] } });
    assert.deepEqual(createErrors('batch/v1/Job', failing), [
      `spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: ${shown}: at least one value is required`,
    ]);
  });
}

test('validateUpdate of a job keeps its completions and its template', () => {
  const errors = updateErrors('batch/v1/Job', job({ completions: 2 }), job({ completions: 1 }));
  assert.deepEqual(errors, ['spec.completions: Invalid value: 2: field is immutable']);
});

test('validateUpdate shows what may not change in its internal form', () => {
  const failing = (value: number): object =>
    job({ podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [value] } }] } });
  assert.deepEqual(updateErrors('batch/v1/Job', failing(2), failing(1)), [
    'spec.podFailurePolicy: Invalid value: {"Rules":[{"Action":"FailJob","OnExitCodes":{"ContainerName":null,"Operator":"In","Values":[2]},"OnPodConditions":null}]}: field is immutable',
  ]);
  const placed = (key: string): object =>
    volume({
      local: { path: '/x' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'Exists' }] }] } },
    });
  assert.deepEqual(updateErrors('v1/PersistentVolume', placed('b'), placed('a')), [
    'nodeAffinity: Invalid value: {"Required":{"NodeSelectorTerms":[{"MatchExpressions":[{"Key":"b","Operator":"Exists","Values":null}],"MatchFields":null}]}}: field is immutable, except for updating from beta label to GA',
  ]);
});

test('validateUpdate of a job status never takes an end back', () => {
  const done = { type: 'Complete', status: 'True' };
  const met = { type: 'SuccessCriteriaMet', status: 'True' };
  const ended = {
    ...job({}),
    status: { conditions: [met, done], startTime: '2026-01-01T00:00:00Z', completionTime: '2026-01-01T00:00:01Z' },
  };
  const reopened = { ...job({}), status: { startTime: '2026-01-01T00:00:00Z' } };
  assert.deepEqual(updateErrors('batch/v1/Job', ended, ended, 'status'), []);
  assert.deepEqual(updateErrors('batch/v1/Job', reopened, ended, 'status'), [
    'status.conditions: Invalid value: cannot disable the terminal Complete=True condition',
    'status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition',
  ]);
});

test('claims and replication controllers are judged as new ones before they are as changes', () => {
  const claim = (accessModes: readonly string[]): object => ({ spec: { accessModes, resources: { requests: { storage: '1Gi' } } } });
  const errors = updateErrors('v1/PersistentVolumeClaim', claim([]), claim(['ReadWriteOnce']));
  const none = 'spec.accessModes: Required value: at least 1 access mode is required';
  assert.deepEqual(errors.slice(0, 2), [none, none]);
  assert.match(errors[2] ?? '', /^spec: Forbidden: spec is immutable after creation/);
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const controller = (replicas: number): object => ({ spec: { replicas, selector: { a: 'b' }, template } });
  const negative = 'spec.replicas: Invalid value: -1: must be greater than or equal to 0';
  assert.deepEqual(updateErrors('v1/ReplicationController', controller(-1), controller(1)), [negative, negative]);
});

test('a member that a template may not set is told by the name of its Go field', () => {
  const template = { metadata: { name: 'n', uid: 'u' }, spec: {} };
  assert.deepEqual(
    createErrors('v1/Pod', {
      spec: {
        containers: [{ name: 'c', image: 'i' }],
        volumes: [
          {
            name: 'v',
            ephemeral: {
              volumeClaimTemplate: { ...template, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1' } } } },
            },
          },
        ],
      },
    }),
    ['name', 'uID'].map((name) => `spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.${name}: Forbidden: cannot be set`),
  );
});
