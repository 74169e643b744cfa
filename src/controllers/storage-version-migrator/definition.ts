// What a definition is told of the migration of its objects: that it runs, and which versions are stored after it. Source:
// migrationrunner.go markAsActive, finishCRDMigration.
import { findCondition } from '#api/conditions.ts';
import { customresourcedefinitions } from '#api/resources.ts';
import type { CustomResourceDefinition } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Clock } from '#base/clock.ts';
import type { Client } from '#client/contract.ts';

const MIGRATING = 'StorageMigrating';
const MANAGER = 'migration-runner-controller';

export interface DefinitionDeps {
  readonly client: Client;
  readonly clock: Clock;
}

/** @param name `lamps.example.com`; nothing is done for a built-in resource. @throws StatusError */
export async function tellRunning(name: string, migration: string, deps: DefinitionDeps): Promise<void> {
  const crd = await definition(name, deps.client);
  if (crd === undefined) return;
  await apply(crd, { status: 'True', reason: 'MigrationRunning', message: `Migration ${migration} is running` }, undefined, deps);
}

/** Versions that were stored before go from its status, if it was not changed meanwhile. @throws StatusError */
export async function tellEnd(name: string, succeeded: boolean, deps: DefinitionDeps): Promise<void> {
  const crd = await definition(name, deps.client);
  if (crd === undefined) return;
  const known = findCondition(crd.status?.conditions, MIGRATING);
  const unchanged = known !== undefined && Number(known.observedGeneration ?? 0) === Number(crd.metadata.generation ?? 0);
  const stored = crd.spec.versions.find(({ storage }) => storage)?.name;
  const told = unchanged
    ? ' and the stored versions have been updated'
    : ' but the stored versions have not been updated due to a generation mismatch';
  const end = succeeded
    ? { reason: 'MigrationSucceeded', message: `The migration has succeeded${told}` }
    : { reason: 'MigrationFailed', message: 'The migration has failed' };
  await apply(crd, { status: 'False', ...end }, succeeded && unchanged ? stored : undefined, deps);
}

async function definition(name: string, client: Client): Promise<CustomResourceDefinition | undefined> {
  try {
    return await client.get(customresourcedefinitions, { name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function apply(
  { metadata: { name, generation } }: CustomResourceDefinition,
  condition: { readonly status: string; readonly reason: string; readonly message: string },
  stored: string | undefined,
  { client, clock }: DefinitionDeps,
): Promise<void> {
  const told = { type: MIGRATING, ...condition, lastTransitionTime: formatTime(clock.now()), observedGeneration: Number(generation ?? 0) };
  const body = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    status: { conditions: [told], ...(stored === undefined ? {} : { storedVersions: [stored] }) },
  };
  const patch = { type: 'apply', body, fieldManager: MANAGER, force: true } as const;
  await client.patch(customresourcedefinitions, { name }, patch, { subresource: 'status' });
}
