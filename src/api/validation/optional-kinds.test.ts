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
