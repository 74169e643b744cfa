// Specs of persistent volume claims, also inside templates. Source: ValidatePersistentVolumeClaimSpec.
import type { PersistentVolumeClaimSpec, TypedLocalObjectReference, TypedObjectReference } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { dns1123Subdomain } from '#apimachinery/names.ts';
import { validateLabelSelector } from '../label-selectors.ts';
import { labelName, subdomainName } from '../metadata.ts';
import { blank, type Problems, quantity } from '../problems.ts';
import { validateAmount } from './resource-names.ts';

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const VOLUME_MODES = ['Block', 'Filesystem'];

export function validateAccessModes(out: Problems, at: Path, modes: readonly string[], missing = ''): void {
  if (modes.length === 0) out.required(at, missing);
  for (const mode of modes) out.oneOf(at, mode, ACCESS_MODES);
  if (modes.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod' && ACCESS_MODES.includes(mode))) {
    out.forbidden(at, 'may not use ReadWriteOncePod with other access modes');
  }
}

function validateSource(out: Problems, at: Path, { apiGroup: group, kind, name }: TypedLocalObjectReference | TypedObjectReference): void {
  const apiGroup = group ?? '';
  if (blank(name)) out.required(at.child('name'));
  if (blank(kind)) out.required(at.child('kind'));
  if (blank(apiGroup)) {
    if (kind !== 'PersistentVolumeClaim')
      out.invalid(at, kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  } else out.each(at.child('apiGroup'), apiGroup, dns1123Subdomain(apiGroup));
}

export function validateClaimSpec(out: Problems, at: Path, spec: PersistentVolumeClaimSpec): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) out.required(at.child('accessModes'), 'at least 1 access mode is required');
  validateLabelSelector(out, at.child('selector'), spec.selector);
  if (modes.length > 0) validateAccessModes(out, at.child('accessModes'), modes);
  const storageAt = at.child('resources').key('storage');
  const storage = spec.resources?.requests?.['storage'];
  if (storage === undefined) out.required(storageAt);
  else if (quantity(storage).sign() <= 0) out.positiveQuantity(storageAt, quantity(storage));
  else validateAmount(out, storageAt, 'storage', quantity(storage));
  if (!blank(spec.storageClassName))
    out.each(at.child('storageClassName'), spec.storageClassName, subdomainName(spec.storageClassName, false));
  if (spec.volumeMode !== undefined) out.oneOf(at.child('volumeMode'), spec.volumeMode, VOLUME_MODES);
  validateDataSources(out, at, spec);
  const attributes = spec.volumeAttributesClassName;
  if (!blank(attributes)) out.each(at.child('volumeAttributesClassName'), attributes, subdomainName(attributes, false));
}

function validateDataSources(out: Problems, at: Path, { dataSource, dataSourceRef }: PersistentVolumeClaimSpec): void {
  if (dataSource !== undefined) validateSource(out, at.child('dataSource'), dataSource);
  if (dataSourceRef !== undefined) {
    validateSource(out, at.child('dataSourceRef'), dataSourceRef);
    const { namespace } = dataSourceRef;
    if (!blank(namespace)) out.each(at.child('dataSourceRef', 'namespace'), namespace, labelName(namespace, false));
  }
  if (dataSource === undefined || dataSourceRef === undefined) return;
  // Upstream gives the path object itself as the bad value, which prints as an empty one.
  if (!blank(dataSourceRef.namespace)) out.invalid(at, {}, 'may not be specified when dataSourceRef.namespace is specified');
  else if (
    dataSource.apiGroup !== dataSourceRef.apiGroup ||
    dataSource.kind !== dataSourceRef.kind ||
    dataSource.name !== dataSourceRef.name
  ) {
    out.invalid(at, {}, 'must match dataSourceRef');
  }
}
