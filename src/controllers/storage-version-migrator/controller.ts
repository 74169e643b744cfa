// Writes every object of a resource anew, so that all are stored in the version that is stored now. Source:
// pkg/controller/storageversionmigrator.
import { storageversionmigrations } from '#api/resources.ts';
import type { StorageVersionMigration } from '#api/gen/storagemigration-v1beta1.ts';
import type { KubeObject, New } from '#api/types.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { apiVersionOf, type Resource } from '#apimachinery/resource.ts';
import { assertNever } from '#base/assert-never.ts';
import type { Client } from '#client/contract.ts';
import { eachPage } from '#client/pager.ts';
import type { Controller } from '../runtime/controller.ts';
import { tellEnd, tellRunning } from './definition.ts';
import { begun, ended, planStep, resourceOf, roomMade } from './plan.ts';

const NAME = 'storage-version-migrator-controller';
const BY_RESOURCE = 'migrated-resource';
const resourceIndex = (migration: StorageVersionMigration): readonly string[] => [resourceOf(migration)];
const PAGE_SIZE = 500;
/** Answers after which the same request may succeed. */
const PASSING = ['TooManyRequests', 'ServerTimeout', 'Timeout', 'ServiceUnavailable'] as const;

export const storageVersionMigrator: Controller = {
  name: NAME,
  serviceAccount: NAME,
  gates: ['StorageVersionMigrator'],
  reads: [storageversionmigrations],
  writes: ['*', 'storageversionmigrations/status', 'customresourcedefinitions/status'],
  workers: 5,
  setUp({ client, informers, queue, clock }) {
    const lister = informers.informer(storageversionmigrations);
    lister.addIndex(BY_RESOURCE, resourceIndex);
    const wakeAll = (migration: StorageVersionMigration): void => {
      for (const { metadata } of lister.byIndex(BY_RESOURCE, resourceOf(migration))) queue.add(metadata.name);
    };
    lister.addHandlers({ added: wakeAll, updated: wakeAll, deleted: wakeAll });
    return async (name) => {
      const migration = lister.get(name);
      if (migration === undefined) return;
      const write = (status: StorageVersionMigration['status']): Promise<unknown> =>
        client.update(storageversionmigrations, { ...migration, status } as New<StorageVersionMigration>, { subresource: 'status' });
      const step = planStep(migration, lister.byIndex(BY_RESOURCE, resourceOf(migration)));
      switch (step.kind) {
        case 'rest':
          return;
        case 'note-version': {
          const resource = await servedResource(migration, client);
          if (resource === undefined) {
            // A status without any version is refused.
            const looked = { ...migration, status: { ...migration.status, resourceVersion: migration.metadata.resourceVersion ?? '' } };
            await write(ended(looked, 'failed', 'resource does not exist in discovery', clock.now()));
            return;
          }
          const { metadata } = await client.list(resource, { limit: 1 });
          await write({ ...migration.status, resourceVersion: metadata.resourceVersion ?? '' });
          return;
        }
        case 'begin':
          await tellRunning(resourceOf(migration), name, { client, clock });
          await write(begun(migration, clock.now()));
          return;
        case 'migrate': {
          const failure = await migrate(migration, client);
          await write(
            failure === undefined ? ended(migration, 'succeeded', '', clock.now()) : ended(migration, 'failed', failure, clock.now()),
          );
          return;
        }
        case 'make-room':
          await tellEnd(resourceOf(migration), step.succeeded, { client, clock });
          await write(roomMade(migration));
          return;
        default:
          assertNever(step);
      }
    };
  },
};

interface DiscoveredResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** In the version that its group prefers; undefined when nobody serves it. */
async function servedResource(
  { spec: { resource: wanted } }: StorageVersionMigration,
  client: Client,
): Promise<Resource<KubeObject> | undefined> {
  const { group, resource } = wanted;
  try {
    const version =
      group === '' ? 'v1' : (await client.getPath<{ preferredVersion: { version: string } }>(`/apis/${group}`)).preferredVersion.version;
    const path = group === '' ? '/api/v1' : `/apis/${group}/${version}`;
    const { resources } = await client.getPath<{ resources: readonly DiscoveredResource[] }>(path);
    const found = resources.find(({ name }) => name === resource);
    return found === undefined ? undefined : { group, version, resource, kind: found.kind, namespaced: found.namespaced };
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/**
 * Applies nothing to each object, which writes it again. One that was changed, replaced or removed meanwhile is written already, or
 * need not be: uid and resourceVersion say which was meant. Gives why it failed for good.
 * @throws StatusError, ConnectionError for what may pass: then it begins anew
 */
async function migrate(migration: StorageVersionMigration, client: Client): Promise<string | undefined> {
  const resource = await servedResource(migration, client);
  if (resource === undefined) return 'resource not found';
  for await (const page of eachPage(client, resource, {}, PAGE_SIZE))
    for (const { metadata } of page) {
      const { name, namespace, uid, resourceVersion } = metadata;
      const body = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { uid, resourceVersion } };
      const ref = { name, ...(namespace === undefined ? {} : { namespace }) };
      try {
        await client.patch(resource, ref, { type: 'apply', body, fieldManager: NAME });
      } catch (error) {
        if (isStatusError(error, 'Conflict')) continue;
        if (!(error instanceof StatusError) || PASSING.some((reason) => isStatusError(error, reason))) throw error;
        return 'migration encountered unhandled error';
      }
    }
  return undefined;
}
