// Kinds that are served only when they are asked for: what is right passes, and what is wrong is said in upstream's words.
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { before, test } from 'node:test';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createErrors, updateErrors } from './fixture.ts';

x509.cryptoProvider.set(webcrypto);

async function certificate(name: string, authority: boolean): Promise<string> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const extensions = [new x509.BasicConstraintsExtension(authority)];
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    extensions,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  return `${made.toString('pem')}\n`;
}

let anchor: string;
let other: string;
let leaf: string;
before(async () => {
  [anchor, other, leaf] = await Promise.all([certificate('CN=a', true), certificate('CN=b', true), certificate('CN=c', false)]);
});

const CANDIDATE = 'coordination.k8s.io/v1beta1/LeaseCandidate';
const MIGRATION = 'storagemigration.k8s.io/v1beta1/StorageVersionMigration';
const TAINT_RULE = 'resource.k8s.io/v1beta2/DeviceTaintRule';
const BUNDLE = 'certificates.k8s.io/v1beta1/ClusterTrustBundle';

const GROUP = 'scheduling.k8s.io/v1alpha2/PodGroup';
const WORKLOAD = 'scheduling.k8s.io/v1alpha2/Workload';
const POOLS = 'resource.k8s.io/v1alpha3/ResourcePoolStatusRequest';

const gang = { schedulingPolicy: { gang: { minCount: 2 } } };
const claim = (name: string, more: object = { resourceClaimName: 'c' }): object => ({ name, ...more });
const templates = (...all: readonly object[]): object => ({ podGroupTemplates: all });
const label = (field: string, value: string): string =>
  `${field}: Invalid value: "${value}": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`;

const good = { leaseName: 'l', binaryVersion: '1.36.0', emulationVersion: '1.35.0', strategy: 'OldestEmulationVersion' };
const taint = { key: 'example.com/broken', effect: 'NoExecute' };
const moved = { resource: { group: 'apps', resource: 'deployments' } };

for (const [kind, spec, errors] of [
  [CANDIDATE, good, []],
  [CANDIDATE, { ...good, emulationVersion: undefined, strategy: 'example.com/own' }, []],
  [
    CANDIDATE,
    { ...good, binaryVersion: '1.36.0-rc.1', emulationVersion: '1.36.0' },
    ['spec.binaryVersion: Invalid value: "1.36.0-rc.1": must be greater than or equal to `emulationVersion`'],
  ],
  [
    CANDIDATE,
    { leaseName: '', binaryVersion: '', strategy: '' },
    ['spec.leaseName: Required value', 'spec.binaryVersion: Required value', 'spec.strategy: Required value'],
  ],
  [
    CANDIDATE,
    { ...good, emulationVersion: '1.36' },
    [
      'spec.emulationVersion: Invalid value: "1.36": must be a valid semantic version',
      "spec.emulationVersion: Required value: must be specified when `strategy` is 'OldestEmulationVersion'",
    ],
  ],
  [
    CANDIDATE,
    { ...good, strategy: 'Newest' },
    ['spec.strategy.strategy: Unsupported value: "Newest": supported values: "OldestEmulationVersion"'],
  ],
  [MIGRATION, moved, []],
  [MIGRATION, { resource: { group: '', resource: 'pods' } }, []],
  [MIGRATION, { resource: { group: '', resource: '' } }, ['spec.resource.resource: Required value: resource is required to be set']],
  [
    MIGRATION,
    { resource: { group: 'A', resource: 'pods' } },
    [
      "spec.resource.group: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
  [TAINT_RULE, { taint }, []],
  [TAINT_RULE, { deviceSelector: { driver: 'd.example.com', pool: 'a/b', device: 'gpu-0' }, taint }, []],
  [
    TAINT_RULE,
    { deviceSelector: { pool: '' }, taint: { key: '', effect: '' } },
    [
      'spec.deviceSelector.pool: Required value',
      'spec.taint.key: Invalid value: "": name part must be non-empty',
      "spec.taint.key: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.taint.effect: Required value',
    ],
  ],
  [GROUP, gang, []],
  [GROUP, { ...gang, podGroupTemplateRef: { workload: { workloadName: 'w', podGroupTemplateName: 't' } } }, []],
  [GROUP, { schedulingPolicy: {} }, ['spec.schedulingPolicy: Invalid value: "": must specify one of: `basic`, `gang`']],
  [
    GROUP,
    {
      schedulingPolicy: { basic: {}, gang: { minCount: 0 } },
      podGroupTemplateRef: { workload: { workloadName: '', podGroupTemplateName: 'T' } },
    },
    [
      'spec.podGroupTemplateRef.workload.workloadName: Required value',
      label('spec.podGroupTemplateRef.workload.podGroupTemplateName', 'T'),
      'spec.schedulingPolicy: Invalid value: "{basic, gang}": must specify exactly one of: `basic`, `gang`',
      'spec.schedulingPolicy.gang.minCount: Required value',
    ],
  ],
  [
    GROUP,
    { schedulingPolicy: { gang: { minCount: -1 } }, resourceClaims: [claim('a'), claim('a'), claim('b', {})] },
    [
      'spec.schedulingPolicy.gang.minCount: Invalid value: -1: must be greater than or equal to 1',
      'spec.resourceClaims[1]: Duplicate value: {"name":"a","resourceClaimName":"c"}',
      'spec.resourceClaims[2]: Invalid value: "": must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
    ],
  ],
  [WORKLOAD, templates({ name: 'a', ...gang }), []],
  [WORKLOAD, templates(), ['spec.podGroupTemplates: Required value']],
  [
    WORKLOAD,
    templates(...Array.from({ length: 9 }, (_, i) => ({ name: `t${i}`, ...gang }))),
    ['spec.podGroupTemplates: Too many: 9: must have at most 8 items'],
  ],
  [
    WORKLOAD,
    { ...templates({ name: 'a_b', ...gang }), controllerRef: { apiGroup: 'apps', kind: 'a/b', name: '' } },
    [
      `spec.controllerRef.kind: Invalid value: "a/b": may not contain '/'`,
      'spec.controllerRef.name: Required value',
      label('spec.podGroupTemplates[0].name', 'a_b'),
    ],
  ],
  [POOLS, { driver: 'GPU.example.com', poolName: 'a/b', limit: 1000 }, []],
  [
    POOLS,
    { driver: '', poolName: 'a/', limit: 0 },
    [
      'spec.driver: Required value',
      'spec.poolName: Invalid value: "a/": segment 1: must not be empty',
      'spec.limit: Invalid value: 0: must be greater than or equal to 1',
    ],
  ],
  [POOLS, { driver: 'd.example.com', limit: 1001 }, ['spec.limit: Invalid value: 1001: must be less than or equal to 1000']],
] as const) {
  test(`${kind} ${JSON.stringify(spec)}: ${errors.length === 0 ? 'right' : errors.join('; ')}`, () =>
    assert.deepEqual(createErrors(kind, { spec }), errors));
}

test('a lease of a candidate, what is migrated and a taint that stays', () => {
  assert.deepEqual(updateErrors(CANDIDATE, { spec: { ...good, leaseName: 'm' } }, { spec: good }), [
    'spec.leaseName: Invalid value: "m": field is immutable',
  ]);
  assert.deepEqual(updateErrors(MIGRATION, { spec: { resource: { ...moved.resource, resource: 'pods' } } }, { spec: moved }), [
    'spec: Invalid value: {"resource":{"group":"apps","resource":"pods"}}: field is immutable',
  ]);
  const later = { taint: { ...taint, effect: 'Later' } };
  assert.deepEqual(updateErrors(TAINT_RULE, { spec: later }, { spec: later }), []);
  assert.deepEqual(updateErrors(TAINT_RULE, { spec: later }, { spec: { taint } }), [
    'spec.taint.effect: Unsupported value: "Later": supported values: "NoExecute", "NoSchedule", "None"',
  ]);
});

const condition = (type: string, status = 'True') => ({
  type,
  status,
  reason: 'R',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const status = (resourceVersion: string, ...conditions: readonly object[]) => ({ spec: moved, status: { resourceVersion, conditions } });

for (const [name, now, old, details] of [
  ['a first version', status('7'), status(''), []],
  ['no version', status('', condition('Running')), status(''), ['status.resourceVersion: resource version is not well formed: ']],
  ['another version', status('8'), status('7'), ['status.resourceVersion: field is immutable']],
  [
    'success beside failure',
    status('7', condition('Succeeded'), condition('Failed')),
    status('7'),
    ['status.conditions: Both success and failed conditions cannot be true at the same time'],
  ],
  [
    'success while it runs',
    status('7', condition('Succeeded'), condition('Running')),
    status('7'),
    ['status.conditions: Running condition cannot be true when success condition is true'],
  ],
  [
    'success taken back',
    status('7'),
    status('7', condition('Succeeded')),
    ['status.conditions: Success condition cannot be set to false once it is true'],
  ],
] as const) {
  test(`the status of a migration: ${name}`, () =>
    assert.deepEqual(
      updateErrors(MIGRATION, now, old, 'status').map((text) => text.replace(/Invalid value: .*?: (?=[A-Zrf])/, '')),
      details,
    ));
}

test('trust bundles hold authorities, each once, under the name of their signer', () => {
  const errors = (trustBundle: string, signerName?: string, name = 'x'): readonly string[] =>
    createErrors(BUNDLE, { metadata: { name }, spec: { trustBundle, ...(signerName === undefined ? {} : { signerName }) } });
  const anchors = (why: string): readonly string[] => [`spec.trustBundle: Invalid value: "<value omitted>": ${why}`];
  assert.deepEqual(errors(anchor + other), []);
  assert.deepEqual(errors(anchor, 'example.com/own', 'example.com:own:x'), []);
  assert.deepEqual(errors(anchor, 'example.com/own'), [
    'metadata.name: Invalid value: "x": ClusterTrustBundle for signerName example.com/own must be named with prefix example.com:own:',
  ]);
  assert.deepEqual(errors(anchor + other + anchor), anchors('duplicate trust anchor (indices [0 2])'));
  assert.deepEqual(errors(anchor + leaf), anchors('entry 1 does not have the CA bit set'));
  assert.deepEqual(errors('nothing'), anchors('at least one trust anchor must be provided'));
  assert.deepEqual(errors(anchor.replaceAll('CERTIFICATE', 'KEY')), anchors('entry 0 has bad block type: KEY'));
  assert.deepEqual(errors('-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n'), anchors('entry 0 does not parse as X.509'));
});

test('the signer of a trust bundle stays, and anchors that stay are not read again', () => {
  const bundle = (trustBundle: string, signerName = 'example.com/own') => ({
    metadata: { name: 'example.com:own:x' },
    spec: { trustBundle, signerName },
  });
  assert.deepEqual(updateErrors(BUNDLE, bundle('nothing'), bundle('nothing')), []);
  assert.deepEqual(updateErrors(BUNDLE, bundle('nothing'), bundle(anchor)).length, 1);
  assert.deepEqual(updateErrors(BUNDLE, bundle(anchor, 'example.com/other'), bundle(anchor)), [
    'metadata.name: Invalid value: "example.com:own:x": ClusterTrustBundle for signerName example.com/other must be named with prefix example.com:other:',
    'spec.signerName: Invalid value: "example.com/other": field is immutable',
  ]);
});

test('what a pod group and a workload are made of stays; a status names claims of its group', () => {
  assert.deepEqual(updateErrors(GROUP, { spec: { schedulingPolicy: { basic: {} } } }, { spec: gang }), [
    'spec.schedulingPolicy: Invalid value: null: field is immutable',
  ]);
  assert.deepEqual(updateErrors(WORKLOAD, { spec: templates({ name: 'b', ...gang }) }, { spec: templates({ name: 'a', ...gang }) }), [
    'spec.podGroupTemplates: Invalid value: null: field is immutable',
  ]);
  const claims = { spec: { ...gang, resourceClaims: [claim('a')] } };
  const told = (name: string) => ({ ...claims, status: { resourceClaimStatuses: [{ name, resourceClaimName: 'c' }] } });
  assert.deepEqual(updateErrors(GROUP, told('a'), claims, 'status'), []);
  assert.deepEqual(updateErrors(GROUP, told('b'), claims, 'status'), [
    'status.resourceClaimStatuses[0].name: Invalid value: "b": must match the name of an entry in `spec.resourceClaims`',
  ]);
});

test('pools are counted once', () => {
  const spec = { driver: 'd.example.com' };
  const pool = { driver: 'd.example.com', poolName: 'p', generation: 1, resourceSliceCount: 1 };
  const counted = (...pools: readonly object[]) => ({ spec, status: { poolCount: pools.length, pools } });
  assert.deepEqual(updateErrors(POOLS, counted(pool), { spec }, 'status'), []);
  assert.deepEqual(updateErrors(POOLS, counted({ ...pool, poolName: '', totalDevices: -1, resourceSliceCount: 0 }), { spec }, 'status'), [
    'status.pools[0].poolName: Required value',
    'status.pools[0].resourceSliceCount: Invalid value: 0: must be greater than or equal to 1',
    'status.pools[0].totalDevices: Invalid value: -1: must be greater than or equal to 0',
  ]);
  assert.deepEqual(
    updateErrors(POOLS, counted(), counted(pool), 'status').map((text) => text.replace(/value: \{.*\}/, 'value')),
    ['status: Invalid value: field is immutable'],
  );
});

test('storage versions say which version all servers write, and only where they agree', () => {
  const VERSION = 'internal.apiserver.k8s.io/v1alpha1/StorageVersion';
  const metadata = { name: 'apps.deployments' };
  const written = (apiServerID: string, encodingVersion: string) => ({
    apiServerID,
    encodingVersion,
    decodableVersions: ['apps/v1', 'apps/v2'],
  });
  const errors = (status: object): readonly string[] => updateErrors(VERSION, { metadata, status }, { metadata }, 'status');
  assert.deepEqual(errors({ storageVersions: [written('a', 'apps/v1'), written('b', 'apps/v1')], commonEncodingVersion: 'apps/v1' }), []);
  assert.deepEqual(errors({ storageVersions: [written('a', 'apps/v1'), written('b', 'apps/v2')] }), []);
  assert.deepEqual(errors({ storageVersions: [written('a', 'apps/v1'), written('a', 'v3')], commonEncodingVersion: 'v1' }), [
    'status.storageVersions[1].apiServerID: Duplicate value: "a"',
    'status.storageVersions[1].decodableVersions: Invalid value: ["apps/v1","apps/v2"]: decodableVersions must include encodingVersion v3',
    'status.commonEncodingVersion: Invalid value: "v1": should be nil if servers do not agree on the same encoding version, or if there is no server reporting the supported versions yet',
  ]);
  assert.deepEqual(errors({ storageVersions: [written('a', 'apps/v1')] }), [
    'status.commonEncodingVersion: Invalid value: null: the common encoding version is apps/v1',
  ]);
  assert.deepEqual(errors({ conditions: [{ type: 'T', status: 'True', reason: '', message: 'm', lastTransitionTime: null }] }), [
    'status[0].reason: Required value: reason cannot be empty',
  ]);
  assert.deepEqual(createErrors(VERSION, { metadata: { name: 'pods' } }), [
    'metadata.name: Invalid value: "pods": name must be in the form of <group>.<resource>',
  ]);
});
