// An object of every version that is off by default, for tests that turn them all on.
import { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { ResourceInfo } from '#api/schema.ts';
import { groupResourceString } from '#apimachinery/resource.ts';
import { systemClock } from '#base/clock.ts';
import { createTestAuthority } from './certificates.ts';

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

/** What is said beside kind and metadata; undefined for what is not known here. */
export const optionalContent = (info: ResourceInfo): object | undefined =>
  CONTENT[groupResourceString(info)] ?? CONTENT[`${info.resource}.${info.version}.${info.group}`];

/** A name that the kind takes. */
export const optionalName = (info: ResourceInfo): string => NAMES[groupResourceString(info)] ?? 'one';

/** A status that the kind takes, where it takes none that says nothing. */
export const optionalStatus = (info: ResourceInfo): object | undefined => STATUSES[groupResourceString(info)];
