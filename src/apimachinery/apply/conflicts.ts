// How conflicting ownership is told to the client. Source: apimachinery managedfields internal conflict.go.
import { StatusError, type StatusCause } from '../errors.ts';
import { goQuote } from '../go-format.ts';
import type { Conflict } from './ownership.ts';
import { ownerId, type Owner } from './owners.ts';
import { pathString } from './path-element.ts';

function ownerString({ manager, subresource, operation, apiVersion }: Owner): string {
  const name = `${goQuote(manager)}${subresource === '' ? '' : ` with subresource ${goQuote(subresource)}`}`;
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}

function message(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1 && first !== undefined)
    return `Apply failed with 1 conflict: conflict with ${ownerString(first.owner)}: ${pathString(first.path)}`;
  const byOwner = Map.groupBy(conflicts, ({ owner }) => ownerId(owner));
  const lines = [...byOwner.keys()].toSorted().flatMap((id) => {
    const ofOwner = byOwner.get(id) as Conflict[];
    return [`conflicts with ${ownerString((ofOwner[0] as Conflict).owner)}:`, ...ofOwner.map(({ path }) => `- ${pathString(path)}`)];
  });
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

/** 409 with a cause `FieldManagerConflict` for each field. Source: NewConflictError. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const causes: readonly StatusCause[] = conflicts.map(({ owner, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${ownerString(owner)}`,
    field: pathString(path),
  }));
  return new StatusError('Conflict', message(conflicts), { causes });
}
