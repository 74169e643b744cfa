// Every version that is off by default, turned on: an object of it lives, in JSON and protobuf, and is the same object in the
// other versions of its resource.
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { isStableVersion, Schema, type ResourceInfo } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { apiVersionOf, groupResourceString } from '#apimachinery/resource.ts';
import { systemClock } from '#base/clock.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { createTestAuthority } from '../testing/certificates.ts';
import { http1, json, text, type HttpCall } from '../testing/http.ts';

const JSON_TYPE = 'application/json';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const schema = new Schema({ serves: () => true });
const protobuf = kubeProtobuf(schema);
const optional = [...schema.resources()].filter(({ group, version }) => !isStableVersion(group, version));

const gang = { schedulingPolicy: { gang: { minCount: 2 } } };
const taint = { taint: { key: 'example.test/off', value: 'yes', effect: 'NoSchedule', timeAdded: '2026-01-01T00:00:00Z' } };
const { certificate } = await createTestAuthority(systemClock.now());
x509.cryptoProvider.set(webcrypto);
const signed = { name: 'ECDSA', hash: 'SHA-256' } as const;
const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
const stub = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: signed });
const podCertificate = {
  stubPKCS10Request: Buffer.from(stub.rawData).toString('base64'),
  signerName: 'example.test/signer',
  podName: 'web',
  podUID: 'a',
  serviceAccountName: 'default',
  serviceAccountUID: 'b',
  nodeName: 'n',
  nodeUID: 'c',
  maxExpirationSeconds: 3600,
};
const policy = {
  matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }] },
  reinvocationPolicy: 'Never',
  mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "remove", path: "/metadata/labels/none"}]' } }],
};

/** What is said beside kind and metadata, by `resource.group`, or by `resource.version.group` where versions differ. */
const CONTENT: Readonly<Record<string, object>> = {
  'clustertrustbundles.certificates.k8s.io': { spec: { trustBundle: certificate } },
  'podcertificaterequests.certificates.k8s.io': { spec: podCertificate },
  'ipaddresses.networking.k8s.io': { spec: { parentRef: { group: 'example.test', resource: 'gateways', name: 'door' } } },
  'servicecidrs.networking.k8s.io': { spec: { cidrs: ['192.0.2.0/24'] } },
  'volumeattributesclasses.storage.k8s.io': { driverName: 'example.test', parameters: { iops: '100' } },
  'mutatingadmissionpolicies.admissionregistration.k8s.io': { spec: policy },
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': { spec: { policyName: 'none' } },
  'podgroups.scheduling.k8s.io': { spec: gang },
  'workloads.scheduling.k8s.io': { spec: { podGroupTemplates: [{ name: 'workers', ...gang }] } },
  'leasecandidates.coordination.k8s.io': {
    spec: { leaseName: 'boss', binaryVersion: '1.36.0', emulationVersion: '1.36.0', strategy: 'OldestEmulationVersion' },
  },
  'deviceclasses.resource.k8s.io': { spec: { selectors: [{ cel: { expression: 'device.driver == "example.test"' } }] } },
  'devicetaintrules.resource.k8s.io': { spec: { deviceSelector: { driver: 'example.test' }, ...taint } },
  'resourceclaims.v1beta1.resource.k8s.io': { spec: { devices: { requests: [{ name: 'one', deviceClassName: 'some' }] } } },
  'resourceclaims.v1beta2.resource.k8s.io': { spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'some' } }] } } },
  'resourceclaimtemplates.v1beta1.resource.k8s.io': {
    spec: { spec: { devices: { requests: [{ name: 'one', deviceClassName: 'some' }] } } },
  },
  'resourceclaimtemplates.v1beta2.resource.k8s.io': {
    spec: { spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'some' } }] } } },
  },
  'resourceslices.v1beta1.resource.k8s.io': {
    spec: {
      driver: 'example.test',
      pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
      nodeName: 'n',
      devices: [{ name: 'd', basic: { attributes: { model: { string: 'm' } } } }],
    },
  },
  'resourceslices.v1beta2.resource.k8s.io': {
    spec: {
      driver: 'example.test',
      pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
      nodeName: 'n',
      devices: [{ name: 'd', attributes: { model: { string: 'm' } } }],
    },
  },
  'resourcepoolstatusrequests.resource.k8s.io': { spec: { driver: 'example.test' } },
  'storageversions.internal.apiserver.k8s.io': { spec: {} },
  'storageversionmigrations.storagemigration.k8s.io': { spec: { resource: { group: 'apps', resource: 'deployments' } } },
};
/** Statuses that may not be written as they are when nobody has. */
const STATUSES: Readonly<Record<string, object>> = {
  'storageversionmigrations.storagemigration.k8s.io': { resourceVersion: '7' },
};
const NAMES: Readonly<Record<string, string>> = {
  'ipaddresses.networking.k8s.io': '192.0.2.9',
  'storageversions.internal.apiserver.k8s.io': 'apps.deployments',
};

/** DELETE answers with the object. */
const RETURNS_DELETED = /\.resource\.k8s\.io$|^volumeattributesclasses\./;

let server: TestServer;
before(async () => {
  server = await startTestServer({ options: { schema: new Schema({ serves: () => true }) } });
});
after(() => server.stop());

type Found = KubeObject & { readonly spec?: object; readonly items?: readonly KubeObject[] };

async function expect(code: number, path: string, call: HttpCall & { readonly object?: object } = {}): Promise<Found> {
  const { object, ...rest } = call;
  const headers = { accept: JSON_TYPE, 'content-type': JSON_TYPE, ...rest.headers };
  const body =
    object === undefined ? {} : { body: headers['content-type'] === PROTOBUF ? protobuf.encode(object) : JSON.stringify(object) };
  const answer = await http1(server, path, { ...rest, headers, ...body });
  assert.equal(answer.status, code, `${call.method ?? 'GET'} ${path}: ${text(answer)}`);
  return headers.accept === PROTOBUF ? (protobuf.decode(answer.body, '') as Found) : json<Found>(answer);
}

const collection = (info: ResourceInfo): string =>
  `/apis/${apiVersionOf(info)}${info.namespaced ? '/namespaces/default' : ''}/${info.resource}`;

test('every version that is off by default has a life here', () => {
  const missing = optional.filter((info) => contentOf(info) === undefined).map((info) => `${info.resource}.${info.version}.${info.group}`);
  assert.deepEqual(missing, []);
});

const contentOf = (info: ResourceInfo): object | undefined =>
  CONTENT[groupResourceString(info)] ?? CONTENT[`${info.resource}.${info.version}.${info.group}`];

describe('an object', () => {
  for (const info of optional)
    for (const type of [JSON_TYPE, PROTOBUF]) test(`of ${info.kind} in ${apiVersionOf(info)}, ${type}`, () => life(info, type));
});

async function life(info: ResourceInfo, type: string): Promise<void> {
  const name = NAMES[groupResourceString(info)] ?? 'one';
  const [all, path] = [collection(info), `${collection(info)}/${name}`];
  const headers = { accept: type, 'content-type': type };
  const identity = { apiVersion: apiVersionOf(info), kind: info.kind };
  const created = await expect(201, all, {
    method: 'POST',
    headers,
    object: { ...identity, metadata: { name, labels: { a: 'b' } }, ...contentOf(info) },
  });
  assert.deepEqual([created.apiVersion, created.kind], [identity.apiVersion, identity.kind]);

  const listed = await expect(200, all, { headers: { accept: type } });
  assert.deepEqual([listed.apiVersion, listed.kind, listed.items?.length], [identity.apiVersion, `${info.kind}List`, 1]);

  const others = [...schema.resources()].filter((other) => groupResourceString(other) === groupResourceString(info));
  for (const other of others) {
    const seen = await expect(200, `${collection(other)}/${name}`);
    assert.deepEqual([seen.apiVersion, seen.metadata.uid], [apiVersionOf(other), created.metadata.uid]);
    // What one version reads, it may write: nothing is lost on the way there and back.
    await expect(200, `${collection(other)}/${name}`, { method: 'PUT', object: seen });
  }
  const again = await expect(200, path, { headers: { accept: type } });
  assert.deepEqual(again.spec, created.spec);

  const apply = { ...identity, metadata: { name, labels: { applied: 'yes' } } };
  const applied = await expect(200, `${path}?fieldManager=tester&force=true`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/apply-patch+yaml' },
    object: apply,
  });
  assert.ok(applied.metadata.managedFields?.some(({ manager, apiVersion }) => manager === 'tester' && apiVersion === identity.apiVersion));
  await expect(200, path, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    object: { metadata: { annotations: { merged: 'yes' } } },
  });
  const status = STATUSES[groupResourceString(info)];
  const reported = { ...(await expect(200, path)), ...(status === undefined ? {} : { status }) };
  if (info.subresources.has('status')) await expect(200, `${path}/status`, { method: 'PUT', object: reported });
  const table = await expect(200, path, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
  assert.equal(table.kind, 'Table');
  const deleted = await expect(200, path, { method: 'DELETE' });
  assert.equal(deleted.kind, RETURNS_DELETED.test(groupResourceString(info)) ? info.kind : 'Status');
  await expect(404, path);
}

test('discovery and OpenAPI show each of them', async () => {
  const groups = await expect(200, '/apis', {
    headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' },
  });
  const shown = (groups.items as unknown as readonly DiscoveredGroup[]).flatMap(({ metadata, versions }) =>
    versions.flatMap(({ version, resources }) => resources.map(({ resource }) => `${resource}.${version}.${metadata.name}`)),
  );
  const wanted = optional.map(({ resource, version, group }) => `${resource}.${version}.${group}`);
  assert.deepEqual(
    wanted.filter((one) => !shown.includes(one)),
    [],
  );
  for (const info of optional) {
    const document = await expect(200, `/openapi/v3/apis/${apiVersionOf(info)}`);
    const { paths } = document as unknown as { readonly paths: Readonly<Record<string, unknown>> };
    assert.ok(
      Object.keys(paths).some((path) => path.endsWith(`/${info.resource}`)),
      apiVersionOf(info),
    );
  }
});

interface DiscoveredGroup {
  readonly metadata: { readonly name: string };
  readonly versions: readonly { readonly version: string; readonly resources: readonly { readonly resource: string }[] }[];
}

test('a deprecated version says so, and what takes its place', async () => {
  const answer = await http1(server, '/apis/storage.k8s.io/v1beta1/volumeattributesclasses');
  assert.deepEqual(
    answer.headers.warning,
    '299 - "storage.k8s.io/v1beta1 VolumeAttributesClass is deprecated in v1.34+, unavailable in v1.37+; use storage.k8s.io/v1 VolumeAttributesClass"',
  );
});

test('a version that is off is not found', async () => {
  const plain = await startTestServer();
  try {
    const answer = await http1(plain, '/apis/storage.k8s.io/v1beta1/volumeattributesclasses');
    assert.deepEqual([answer.status, text(answer)], [404, '404 page not found\n']);
  } finally {
    await plain.stop();
  }
});
