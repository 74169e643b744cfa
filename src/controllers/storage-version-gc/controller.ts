// Takes servers that are gone out of StorageVersions, and StorageVersions that no server is left of. Source:
// pkg/controller/storageversiongc.
import { leases, storageversions } from '#api/resources.ts';
import type { StorageVersion } from '#api/gen/apiserverinternal-v1alpha1.ts';
import type { New } from '#api/types.ts';
import { NAMESPACE } from '#api/well-known.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Client } from '#client/contract.ts';
import type { Controller } from '../runtime/controller.ts';
import { isIdentity, planVersion } from './plan.ts';

const BY_SERVER = 'api-server';
const serversOf = ({ status }: StorageVersion): readonly string[] => (status?.storageVersions ?? []).map(({ apiServerID }) => apiServerID);

export const storageVersionCollector: Controller = {
  name: 'storageversion-garbage-collector-controller',
  serviceAccount: 'storage-version-garbage-collector',
  gates: ['APIServerIdentity', 'StorageVersionAPI'],
  reads: [leases, storageversions],
  writes: ['storageversions', 'storageversions/status'],
  workers: 1,
  setUp({ client, informers, queue, clock }) {
    const leaseLister = informers.informer(leases);
    const versions = informers.informer(storageversions);
    versions.addIndex(BY_SERVER, serversOf);
    const seems = (id: string): boolean => {
      const lease = leaseLister.get(id, NAMESPACE.system);
      return lease !== undefined && isIdentity(lease);
    };
    const look = (version: StorageVersion): void => {
      if (!serversOf(version).every(seems)) queue.add(version.metadata.name);
    };
    versions.addHandlers({ added: look, updated: look });
    leaseLister.addHandlers({
      deleted(lease) {
        if (lease.metadata.namespace !== NAMESPACE.system || !isIdentity(lease)) return;
        for (const { metadata } of versions.byIndex(BY_SERVER, lease.metadata.name)) queue.add(metadata.name);
      },
    });
    return async (name, signal) => {
      // A server that has just begun may be known to the API server alone.
      const version = await found(client.get(storageversions, { name }, { signal }));
      if (version === undefined) return;
      const living = await livingServers(serversOf(version), client);
      const plan = planVersion(version, (id) => living.has(id), clock.now());
      if (plan.kind === 'steady') return;
      try {
        if (plan.kind === 'delete') await client.delete(storageversions, { name }, { signal });
        else
          await client.update(storageversions, { ...version, status: plan.status } as New<StorageVersion>, {
            subresource: 'status',
            signal,
          });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    };
  },
};

async function livingServers(ids: readonly string[], client: Client): Promise<ReadonlySet<string>> {
  const living = await Promise.all(
    ids.map(async (name) => {
      const lease = await found(client.get(leases, { name, namespace: NAMESPACE.system }));
      return lease !== undefined && isIdentity(lease) ? [name] : [];
    }),
  );
  return new Set(living.flat());
}

async function found<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}
