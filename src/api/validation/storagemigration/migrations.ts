// StorageVersionMigrations. Source: storagemigration validation.go.
import type { StorageVersionMigration } from '../../gen/storagemigration-v1beta1.ts';
import { isConditionTrue } from '../../conditions.ts';
import { Path } from '#apimachinery/field-path.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { dns1035Label, dns1123Subdomain } from '#apimachinery/names.ts';
import { validateConditions } from '../conditions.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';

const RESOURCE = Path.of('spec', 'resource');
const STATUS = Path.of('status');

export function validateMigration(out: Problems, { metadata, spec }: StorageVersionMigration): void {
  validateObjectMeta(out, metadata, 'cluster', subdomainName);
  const { group, resource } = spec.resource;
  const joined = (at: Path, value: string, errors: readonly string[]): void => {
    if (errors.length > 0) out.invalid(at, value, errors.join(','));
  };
  if (blank(resource)) out.required(RESOURCE.child('resource'), 'resource is required to be set');
  else joined(RESOURCE.child('resource'), resource, dns1035Label(resource));
  if (!blank(group)) joined(RESOURCE.child('group'), group, dns1123Subdomain(group));
}

export function validateMigrationUpdate(out: Problems, migration: StorageVersionMigration, old: StorageVersionMigration): void {
  validateMigration(out, migration);
  validateObjectMetaUpdate(out, migration.metadata, old.metadata);
  out.immutable(Path.of('spec'), migration.spec, deepEqual(migration.spec, old.spec));
}

/** What the API server gives its objects. Source: resourceversion.CompareResourceVersion. */
const RESOURCE_VERSION = /^[1-9]\d*$/;

export function validateMigrationStatusUpdate(out: Problems, migration: StorageVersionMigration, old: StorageVersionMigration): void {
  validateObjectMetaUpdate(out, migration.metadata, old.metadata);
  const { conditions = [], resourceVersion = '' } = migration.status;
  const before = old.status.resourceVersion ?? '';
  const at = STATUS.child('resourceVersion');
  if (!RESOURCE_VERSION.test(resourceVersion)) out.invalid(at, resourceVersion, `resource version is not well formed: ${resourceVersion}`);
  validateConditions(out, STATUS.child('conditions'), conditions);
  if (before !== '' && before !== resourceVersion) out.invalid(at, resourceVersion, 'field is immutable');

  const now = (type: string): boolean => isConditionTrue(conditions, type);
  const was = (type: string): boolean => isConditionTrue(old.status.conditions, type);
  for (const [holds, why] of [
    [now('Succeeded') && now('Failed'), 'Both success and failed conditions cannot be true at the same time'],
    [now('Succeeded') && now('Running'), 'Running condition cannot be true when success condition is true'],
    [now('Failed') && now('Running'), 'Running condition cannot be true when failed condition is true'],
    [was('Succeeded') && !now('Succeeded'), 'Success condition cannot be set to false once it is true'],
    [was('Failed') && !now('Failed'), 'Failed condition cannot be set to false once it is true'],
  ] as const)
    if (holds) out.invalid(STATUS.child('conditions'), conditions, why);
}
