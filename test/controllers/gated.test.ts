// Controllers behind feature gates that are closed by default, each over an API server that serves what it needs.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { clustertrustbundles, podgroups, resourcepoolstatusrequests } from '#api/optional-resources.ts';
import {
  customresourcedefinitions,
  leases,
  pods,
  resourceclaims,
  resourceslices,
  storageversionmigrations,
  storageversions,
} from '#api/resources.ts';
import type { StorageVersion } from '#api/gen/apiserverinternal-v1alpha1.ts';
import type { ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { ResourcePoolStatusRequest } from '#api/gen/resource-v1alpha3.ts';
import type { PodGroup } from '#api/gen/scheduling-v1alpha2.ts';
import type { StorageVersionMigration } from '#api/gen/storagemigration-v1beta1.ts';
import type { CustomResourceDefinition, KubeObject, New, Pod } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { createTestAuthority } from '#apiserver/testing/certificates.ts';
import { systemClock } from '#base/clock.ts';
import { trustBundlePublisher } from '#controllers/certificates/trust-bundle.ts';
import { resourcePoolStatusController } from '#controllers/resource-pool-status/controller.ts';
import { podGroupProtection } from '#controllers/storage-protection/controllers.ts';
import { storageVersionCollector } from '#controllers/storage-version-gc/controller.ts';
import { storageVersionMigrator } from '#controllers/storage-version-migrator/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

const { certificate } = await createTestAuthority(systemClock.now());
const SIGNER = 'kubernetes.io/kube-apiserver-serving';
const GATES = ['ClusterTrustBundle', 'DRAResourcePoolStatus', 'GenericWorkload', 'StorageVersionAPI', 'StorageVersionMigrator'];

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({
    controllers: [trustBundlePublisher, resourcePoolStatusController, podGroupProtection, storageVersionCollector, storageVersionMigrator],
    gates: GATES.map((gate) => `${gate}=true`).join(','),
    schema: { serves: () => true },
    config: { rootCA: certificate },
    prepare: async (client) => {
      const stale = { metadata: { name: `${SIGNER.replace('/', ':')}:old` }, spec: { signerName: SIGNER, trustBundle: certificate } };
      await client.create(clustertrustbundles, stale);
      const other = { metadata: { name: 'example.com:mine:1' }, spec: { signerName: 'example.com/mine', trustBundle: certificate } };
      await client.create(clustertrustbundles, other);
    },
  });
});
after(async () => {
  await t.stop();
  assert.deepEqual(
    t.warnings.filter((line) => !/incomplete pools detected/.test(line)),
    [],
  );
});

test("the authority of API servers is published under its signer's name, and what that signer had before goes", async () => {
  const name = `kubernetes.io:kube-apiserver-serving:${createHash('sha256').update(certificate).digest('hex').slice(0, 24)}`;
  const names = async () => (await t.client.list(clustertrustbundles)).items.map(({ metadata }) => metadata.name).toSorted();
  const expected = ['example.com:mine:1', name];
  await t.until(async () => ((await names()).join() === expected.join() ? true : undefined));
  const made = await t.client.get(clustertrustbundles, { name });
  assert.deepEqual(made.spec, { signerName: SIGNER, trustBundle: certificate });
  await t.client.delete(clustertrustbundles, { name });
  await t.until(async () => ((await names()).join() === expected.join() ? true : undefined));
});

test('a request for the status of pools is answered once and removed after an hour', async () => {
  const slice = (name: string, pool: string, of: number, generation = 1) =>
    t.client.create(resourceslices, {
      metadata: { name },
      spec: {
        driver: 'd.example.com',
        nodeName: 'n',
        pool: { name: pool, generation, resourceSliceCount: of },
        devices: [{ name: 'a' }, { name: 'b' }],
      },
    } as New<ResourceSlice>);
  await slice('whole', 'whole', 1, 2);
  await slice('before', 'whole', 1, 1);
  const claim = await t.client.create(resourceclaims, {
    metadata: { name: 'c', namespace: 'ns' },
    spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'k', allocationMode: 'ExactCount', count: 1 } }] } },
  } as New<ResourceClaim>);
  const results = [{ request: 'one', driver: 'd.example.com', pool: 'whole', device: 'a' }];
  const status = { allocation: { devices: { results } } };
  await t.client.update(resourceclaims, { ...claim, status } as New<ResourceClaim>, { subresource: 'status' });

  const ask = (name: string, poolName?: string) =>
    t.client.create(resourcepoolstatusrequests, {
      metadata: { name },
      spec: { driver: 'd.example.com', ...(poolName === undefined ? {} : { poolName }) },
    } as New<ResourcePoolStatusRequest>);
  await ask('q');
  const answered = await t.until(async () => (await t.client.get(resourcepoolstatusrequests, { name: 'q' })).status);
  assert.deepEqual(
    [answered.poolCount, answered.pools],
    [
      1,
      [
        {
          driver: 'd.example.com',
          poolName: 'whole',
          generation: 2,
          nodeName: 'n',
          resourceSliceCount: 1,
          totalDevices: 2,
          allocatedDevices: 1,
          availableDevices: 1,
          unavailableDevices: 0,
        },
      ],
    ],
  );
  const [condition] = answered.conditions ?? [];
  assert.deepEqual(
    [condition?.type, condition?.reason, condition?.message],
    ['Complete', 'CalculationComplete', 'Calculated status for 1 pools'],
  );

  await slice('half', 'half', 2);
  await ask('unready', 'half');
  await t.gone(() => t.client.get(resourcepoolstatusrequests, { name: 'q' }), 60_000);
  assert.equal((await t.client.get(resourcepoolstatusrequests, { name: 'unready' })).status, undefined);
  await t.gone(() => t.client.get(resourcepoolstatusrequests, { name: 'unready' }), 600_000);
});

test('a group of pods stays until its last pod has ended', async () => {
  const spec = { schedulingPolicy: { gang: { minCount: 1 } } };
  const finalizers = ['scheduling.k8s.io/podgroup-protection'];
  await t.client.create(podgroups, { metadata: { name: 'g', namespace: 'ns', finalizers }, spec } as New<PodGroup>);
  const member = { schedulingGroup: { podGroupName: 'g' }, nodeName: 'n', containers: [{ name: 'c', image: 'i' }] };
  const pod = await t.client.create(pods, { metadata: { name: 'member', namespace: 'ns' }, spec: member } as New<Pod>);
  await t.client.delete(podgroups, { name: 'g', namespace: 'ns' });
  assert.notEqual((await t.client.get(podgroups, { name: 'g', namespace: 'ns' })).metadata.deletionTimestamp, undefined);
  await t.client.update(pods, { ...pod, status: { ...pod.status, phase: 'Succeeded' } } as New<Pod>, { subresource: 'status' });
  await t.gone(() => t.client.get(podgroups, { name: 'g', namespace: 'ns' }));
});

test('servers that are gone leave StorageVersions, and those go that no server is left of', async () => {
  const identity = (name: string) => ({
    metadata: { name, namespace: 'kube-system', labels: { 'apiserver.kubernetes.io/identity': 'kube-apiserver' } },
    spec: { holderIdentity: name },
  });
  await t.client.create(leases, identity('a'));
  await t.client.create(leases, identity('b'));
  const server = (apiServerID: string, encodingVersion: string) => ({ apiServerID, encodingVersion, decodableVersions: ['v1', 'v1beta1'] });
  const version = async (name: string, storageVersionsOf: readonly { readonly encodingVersion: string }[]) => {
    const made = await t.client.create(storageversions, { metadata: { name }, spec: {} } as New<StorageVersion>);
    const common = new Set(storageVersionsOf.map(({ encodingVersion }) => encodingVersion)).size === 1;
    const status = {
      storageVersions: storageVersionsOf,
      ...(common ? { commonEncodingVersion: storageVersionsOf[0]?.encodingVersion } : {}),
    };
    await t.client.update(storageversions, { ...made, status } as New<StorageVersion>, { subresource: 'status' });
  };
  await version('apps.deployments', [server('a', 'v1'), server('b', 'v1beta1')]);
  await version('apps.replicasets', [server('b', 'v1')]);
  await version('apps.daemonsets', [server('never', 'v1')]);
  await t.gone(() => t.client.get(storageversions, { name: 'apps.daemonsets' }));
  await t.client.delete(leases, { name: 'b', namespace: 'kube-system' });
  await t.gone(() => t.client.get(storageversions, { name: 'apps.replicasets' }));
  const { status } = await t.until(async () => {
    const found = await t.client.get(storageversions, { name: 'apps.deployments' });
    return found.status.storageVersions?.length === 1 ? found : undefined;
  });
  assert.equal(status.commonEncodingVersion, 'v1');
  const [condition] = status.conditions ?? [];
  assert.deepEqual(
    [condition?.type, condition?.status, condition?.reason],
    ['AllEncodingVersionsEqual', 'True', 'CommonEncodingVersionSet'],
  );
});

const lamps: Resource<KubeObject> = { group: 'example.com', version: 'v1', resource: 'lamps', kind: 'Lamp', namespaced: true };

const migrated = (name: string, type: string) =>
  t.until(async () => {
    const { status } = await t.client.get(storageversionmigrations, { name });
    const conditions = status?.conditions ?? [];
    const settled = !conditions.some((condition) => condition.type === 'Running');
    return settled ? conditions.find((condition) => condition.type === type) : undefined;
  });

test('a migration writes every object in the version that is stored now, and the definition forgets the one before', async () => {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const names = { plural: 'lamps', singular: 'lamp', kind: 'Lamp', listKind: 'LampList' };
  const version = (name: string, storage: boolean) => ({ name, served: true, storage, schema });
  const crd = await t.client.create(customresourcedefinitions, {
    metadata: { name: 'lamps.example.com' },
    spec: { group: 'example.com', scope: 'Namespaced', names, versions: [version('v1', true), version('v2', false)] },
  } as unknown as New<CustomResourceDefinition>);
  await t.until(async () => {
    const { status } = await t.client.get(customresourcedefinitions, crd.metadata);
    return status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True') === true ? true : undefined;
  });
  for (const name of ['one', 'two'])
    await t.client.create(lamps, { apiVersion: 'example.com/v1', kind: 'Lamp', metadata: { name, namespace: 'ns' } } as New<KubeObject>);
  const before = await t.client.get(customresourcedefinitions, crd.metadata);
  const versions = [version('v1', false), version('v2', true)];
  await t.client.update(customresourcedefinitions, { ...before, spec: { ...before.spec, versions } } as New<CustomResourceDefinition>);

  for (const name of ['first', 'second']) {
    const spec = { resource: { group: 'example.com', resource: 'lamps' } };
    await t.client.create(storageversionmigrations, { metadata: { name }, spec } as New<StorageVersionMigration>);
  }
  assert.equal((await migrated('first', 'Succeeded')).reason, 'StorageVersionMigrationSucceeded');
  assert.equal((await migrated('second', 'Succeeded')).reason, 'StorageVersionMigrationSucceeded');
  const { status, metadata, spec } = await t.client.get(customresourcedefinitions, crd.metadata);
  assert.deepEqual(status?.storedVersions, ['v2']);
  const migrating = status?.conditions?.find(({ type }) => type === 'StorageMigrating');
  assert.deepEqual(
    [migrating?.status, migrating?.reason, migrating?.message],
    ['False', 'MigrationSucceeded', 'The migration has succeeded and the stored versions have been updated'],
  );
  // Objects that were still stored in the version before could not be read any more.
  const only = { ...spec, versions: [version('v2', true)] };
  await t.client.update(customresourcedefinitions, { ...crd, metadata, status, spec: only } as unknown as New<CustomResourceDefinition>);
  const v2 = { ...lamps, version: 'v2' };
  await t.until(async () => ((await t.client.list(v2, { namespace: 'ns' })).items.length === 2 ? true : undefined));
});

test('a migration of what nobody serves fails', async () => {
  const spec = { resource: { group: 'example.org', resource: 'nothings' } };
  await t.client.create(storageversionmigrations, { metadata: { name: 'none' }, spec } as New<StorageVersionMigration>);
  const failed = await migrated('none', 'Failed');
  assert.deepEqual([failed.reason, failed.message], ['StorageVersionMigrationFailed', 'resource does not exist in discovery']);
});
