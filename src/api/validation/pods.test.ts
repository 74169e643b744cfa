import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText } from '#apimachinery/field-errors.ts';
import { createErrors, kindOf, objectOf, updateErrors } from './fixture.ts';
import { validateCreate, validateUpdate } from './validation.ts';

// Expected texts: Kubernetes v1.36.2 for the same objects.
const container = { name: 'c', image: 'i' };
const pod = (spec: object = {}, own: object = {}): object => ({ spec: { containers: [{ ...container, ...own }], ...spec } });
const LABEL = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`;

for (const [name, object, errors] of [
  ['accepts a small one', pod(), []],
  ['needs containers', { spec: { containers: [] } }, ['spec.containers: Required value']],
  [
    'needs names and images',
    { spec: { containers: [{}] } },
    ['spec.containers[0].name: Required value', 'spec.containers[0].image: Required value'],
  ],
  ['checks names', pod({}, { name: 'A' }), [`spec.containers[0].name: Invalid value: "A": ${LABEL}`]],
  ['refuses equal names', { spec: { containers: [container, container] } }, ['spec.containers[1].name: Duplicate value: "c"']],
  [
    'finds mounts without volume',
    pod({}, { volumeMounts: [{ name: 'v', mountPath: '/' }] }),
    ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
  ],
  [
    'needs one volume kind',
    pod({ volumes: [{ name: 'v', secret: { secretName: 's' }, nfs: { server: 's', path: '/' } }] }),
    ['spec.volumes[0].nfs: Forbidden: may not specify more than 1 volume type'],
  ],
  [
    'compares requests with limits',
    pod({}, { resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }),
    ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
  ],
  [
    'knows resource names',
    pod({}, { resources: { limits: { disk: '1' }, requests: {} } }),
    [
      'spec.containers[0].resources.limits[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.limits[disk]: Invalid value: "disk": must be a standard resource for containers',
      'spec.containers[0].resources.requests[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.requests[disk]: Invalid value: "disk": must be a standard resource for containers',
    ],
  ],
  [
    'wants whole devices',
    pod({}, { resources: { limits: { 'a.b/gpu': '500m' }, requests: { 'a.b/gpu': '500m' } } }),
    [
      'spec.containers[0].resources.limits[a.b/gpu]: Invalid value: "500m": must be an integer',
      'spec.containers[0].resources.requests[a.b/gpu]: Invalid value: "500m": must be an integer',
    ],
  ],
  [
    'checks probes',
    pod({}, { livenessProbe: { httpGet: { port: 0, path: '/' }, successThreshold: 2 } }),
    [
      'spec.containers[0].livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
    ],
  ],
  [
    'checks environment',
    pod({}, { env: [{ name: 'A', value: 'x', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }),
    ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
  ],
  [
    'checks ports',
    pod({}, { ports: [{ containerPort: 70000, protocol: 'X' }] }),
    [
      'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'spec.containers[0].ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    ],
  ],
  [
    'refuses ephemeral containers',
    pod({ ephemeralContainers: [{ name: 'e', image: 'i', lifecycle: {}, resources: {}, ports: [] }] }),
    [
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
      'spec.ephemeralContainers[0].lifecycle: Forbidden: cannot be set for an Ephemeral Container',
      'spec.ephemeralContainers: Forbidden: cannot be set on create',
    ],
  ],
  [
    'keeps init containers simple',
    pod({ initContainers: [{ name: 'i', image: 'i', readinessProbe: { exec: { command: ['x'] } } }] }),
    ['spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always'],
  ],
  [
    'checks tolerations',
    pod({ tolerations: [{ operator: 'Equal', tolerationSeconds: 1 }] }),
    [
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      'spec.tolerations[0].effect: Invalid value: "": effect must be \'NoExecute\' when `tolerationSeconds` is set',
    ],
  ],
  [
    'checks spreading',
    pod({ topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'Never' }] }),
    [
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
      'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
      'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Never": supported values: "DoNotSchedule", "ScheduleAnyway"',
    ],
  ],
  [
    'wants a deadline above zero',
    pod({ activeDeadlineSeconds: 0 }),
    ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
  ],
  [
    'checks annotations',
    { ...pod(), metadata: { annotations: { 'a b': '' } } },
    [
      `metadata.annotations: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
    ],
  ],
  [
    'checks addresses',
    pod({ hostAliases: [{ ip: '010.0.0.1', hostnames: [] }], dnsConfig: { nameservers: ['::ffff:1.2.3.4', 'x'] } }),
    [
      'spec.dnsConfig.nameservers[0]: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address',
      'spec.dnsConfig.nameservers[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'spec.hostAliases[0].ip: Invalid value: "010.0.0.1": must not have leading 0s',
    ],
  ],
] as const) {
  test(`validateCreate of a pod ${name}`, () => assert.deepEqual(createErrors('v1/Pod', object), errors));
}

test('validateUpdate of a pod takes new images and added tolerations', () => {
  assert.deepEqual(updateErrors('v1/Pod', pod({ tolerations: [{ key: 'a', operator: 'Exists' }] }, { image: 'j' }), pod()), []);
});

test('validateUpdate of a pod shows what else was changed', () => {
  const [text = '', ...rest] = updateErrors('v1/Pod', pod({}, { command: ['x'] }), pod());
  assert.deepEqual(rest, []);
  const [head, ...diff] = text.split('\n');
  assert.equal(
    head,
    'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
  );
  assert.deepEqual(
    diff.filter((line) => line.startsWith('+')),
    ['+   "command": [', '+    "x"', '+   ],'],
  );
});

test('validateUpdate of a pod refuses other containers and gates', () => {
  assert.deepEqual(updateErrors('v1/Pod', { spec: { containers: [container, { name: 'd', image: 'i' }] } }, pod()), [
    'spec.containers: Forbidden: pod updates may not add or remove containers',
  ]);
  assert.deepEqual(updateErrors('v1/Pod', pod({ schedulingGates: [{ name: 'g' }] }), pod()), [
    "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'g'",
  ]);
});

const running = { name: 'c', ready: true, restartCount: 0, image: 'i', imageID: 'i', state: { running: {} } };
const exited = { ...running, state: { terminated: { exitCode: 0 } } };

test('validateUpdate of a pod status keeps finished containers finished', () => {
  const never = pod({ restartPolicy: 'Never' });
  assert.deepEqual(
    updateErrors(
      'v1/Pod',
      { ...never, status: { containerStatuses: [running] } },
      { ...never, status: { containerStatuses: [exited] } },
      'status',
    ),
    ['status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state'],
  );
  assert.deepEqual(
    updateErrors(
      'v1/Pod',
      { ...pod(), status: { containerStatuses: [running] } },
      { ...pod(), status: { containerStatuses: [exited] } },
      'status',
    ),
    [],
  );
});

test('validateUpdate of ephemeral containers only adds', () => {
  const one = pod({ ephemeralContainers: [{ name: 'e', image: 'i' }] });
  assert.deepEqual(updateErrors('v1/Pod', one, pod(), 'ephemeralcontainers'), []);
  assert.deepEqual(updateErrors('v1/Pod', pod(), one, 'ephemeralcontainers'), [
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be removed\n',
  ]);
});

test('validateUpdate of a resize changes amounts of CPU and memory only', () => {
  const sized = (cpu: string, more: object = {}): object => pod({}, { resources: { requests: { cpu, ...more } } });
  assert.deepEqual(updateErrors('v1/Pod', sized('2'), sized('1'), 'resize'), []);
  assert.deepEqual(updateErrors('v1/Pod', sized('1', { 'ephemeral-storage': '1Gi' }), sized('1'), 'resize'), [
    'spec: Forbidden: only cpu and memory resources are mutable',
  ]);
  assert.deepEqual(updateErrors('v1/Pod', pod(), sized('1'), 'resize'), [
    'spec: Invalid value: "": Pod QOS Class may not change as a result of resizing',
    'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
  ]);
});

test('validateUpdate of a resize leaves pods with claims of native resources and containers with claims alone', () => {
  const sized = (cpu: string, more: object = {}): object => pod({}, { resources: { requests: { cpu }, ...more } });
  const status = { nodeAllocatableResourceClaimStatuses: [{ resourceClaimName: 'r', containers: ['c'], resources: { cpu: '1' } }] };
  assert.deepEqual(updateErrors('v1/Pod', { ...sized('2'), status }, { ...sized('1'), status }, 'resize'), [
    'spec: Forbidden: pods with node allocatable resource claims cannot be resized',
  ]);
  const resourceClaims = [{ name: 'r', resourceClaimName: 'r' }];
  const claiming = (cpu: string): object => ({
    spec: { ...(sized(cpu, { claims: [{ name: 'r' }] }) as { spec: object }).spec, resourceClaims },
  });
  assert.deepEqual(updateErrors('v1/Pod', claiming('2'), claiming('1'), 'resize'), [
    'spec: Forbidden: only cpu and memory resources are mutable',
  ]);
});

test('a scheduling group has a name', () => {
  const errors = (schedulingGroup: object): readonly string[] => createErrors('v1/Pod', pod({ schedulingGroup }));
  assert.deepEqual(errors({ podGroupName: 'g' }), []);
  assert.deepEqual(errors({}), ['spec.schedulingGroup.podGroupName: Invalid value: null: must specify one of: `podGroupName`']);
  assert.match(
    errors({ podGroupName: 'G' }).join(),
    /^spec\.schedulingGroup\.podGroupName: Invalid value: "G": a lowercase RFC 1123 subdomain/,
  );
});

test('a server without privileged containers refuses them in pods, templates and ephemeral containers', () => {
  const privileged = { securityContext: { privileged: true, runAsUser: -1 } };
  const POD = kindOf('v1/Pod');
  const errors = (kindText: string, members: object): readonly string[] => {
    const kind = kindOf(kindText);
    return validateCreate(objectOf(kind, members), kind, { privileged: false }).map(errorText);
  };
  const refused = (at: string): readonly string[] => [
    `${at}.securityContext.privileged: Forbidden: disallowed by cluster policy`,
    `${at}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
  ];
  assert.deepEqual(errors('v1/Pod', pod({}, privileged)), refused('spec.containers[0]'));
  assert.deepEqual(errors('v1/Pod', pod({}, { securityContext: { privileged: false } })), []);
  assert.deepEqual(createErrors('v1/Pod', pod({}, { securityContext: { privileged: true } })), []);
  const template = { metadata: { labels: { a: 'b' } }, ...pod({}, privileged) };
  const deployment = { spec: { selector: { matchLabels: { a: 'b' } }, template } };
  assert.deepEqual(errors('apps/v1/Deployment', deployment), refused('spec.template.spec.containers[0]'));
  const metadata = { resourceVersion: '1' };
  const now = objectOf(POD, { ...pod({ ephemeralContainers: [{ name: 'e', image: 'i', ...privileged }] }), metadata });
  const old = objectOf(POD, { ...pod(), metadata });
  const changed = validateUpdate(now, old, POD, 'ephemeralcontainers', { privileged: false });
  assert.deepEqual(changed.map(errorText), refused('spec.ephemeralContainers[0]'));
});
