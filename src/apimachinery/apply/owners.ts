// metadata.managedFields read and written. Source: apimachinery managedfields internal managedfields.go.
import { goQuote } from '../go-format.ts';
import { isObject } from '../json-value.ts';
import { parseTime } from '../time.ts';
import { inOrder, isEmptySet, parseFieldSet, type FieldSet } from './field-set.ts';
import { FieldSetError } from './path-element.ts';

/** One writer of an object and the fields it owns. */
export interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  /** The version of the object that `fields` speak of. */
  readonly apiVersion: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** RFC 3339; absent where never set. */
  readonly time?: string;
  readonly fields: FieldSet;
}

/** By ownerId. */
export type Owners = ReadonlyMap<string, Owner>;

/** What tells owners apart: appliers are the same in every version. Source: BuildManagerIdentifier. */
export function ownerId({ manager, operation, apiVersion, subresource }: Omit<Owner, 'fields' | 'time'>): string {
  return JSON.stringify({
    manager: manager === '' ? undefined : manager,
    operation,
    apiVersion: operation === 'Apply' ? undefined : apiVersion,
    subresource: subresource === '' ? undefined : subresource,
  });
}

/** An entry as it is stored. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly time?: string | null;
  readonly fieldsType?: string;
  readonly fieldsV1?: unknown;
  readonly subresource?: string;
}

function readEntry(entry: ManagedFieldsEntry, i: number): Owner {
  const { operation, apiVersion = '', fieldsType = '' } = entry;
  if (operation !== 'Apply' && operation !== 'Update') throw new FieldSetError('operation must be `Apply` or `Update`');
  if (apiVersion === '') throw new FieldSetError('apiVersion must not be empty');
  if (fieldsType === '') throw new FieldSetError(`missing fieldsType in managed fields entry ${i}`);
  if (fieldsType !== 'FieldsV1') throw new FieldSetError(`invalid fieldsType ${goQuote(fieldsType)} in managed fields entry ${i}`);
  return {
    manager: entry.manager ?? '',
    operation,
    apiVersion,
    subresource: entry.subresource ?? '',
    ...(typeof entry.time === 'string' ? { time: entry.time } : {}),
    fields: parseFieldSet(entry.fieldsV1 ?? {}),
  };
}

/**
 * The owners that stored entries name. Entries of one owner: the last one counts.
 * @throws FieldSetError
 */
export function readOwners(entries: unknown): Owners {
  const owners = new Map<string, Owner>();
  if (!Array.isArray(entries)) return owners;
  entries.forEach((entry: unknown, i) => {
    const owner = readEntry(isObject(entry) ? entry : {}, i);
    owners.set(ownerId(owner), owner);
  });
  return owners;
}

const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Whole seconds; 0 where there is no time. */
export const secondsOf = ({ time }: Pick<Owner, 'time'>): number => (time === undefined ? 0 : Math.floor(parseTime(time) / 1000));

/** Source: sortEncodedManagedFields. */
const compareOwners = (a: Owner, b: Owner): number =>
  order(a.operation, b.operation) ||
  secondsOf(a) - secondsOf(b) ||
  order(a.manager, b.manager) ||
  order(a.apiVersion, b.apiVersion) ||
  order(a.subresource, b.subresource);

function writeEntry({ manager, operation, apiVersion, subresource, time, fields }: Owner): ManagedFieldsEntry {
  return {
    ...(manager === '' ? {} : { manager }),
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: inOrder(fields),
    ...(subresource === '' ? {} : { subresource }),
  };
}

/** The entries to store, in upstream's order; undefined when nobody owns anything. */
export function writeOwners(owners: Owners): readonly ManagedFieldsEntry[] | undefined {
  if (owners.size === 0) return undefined;
  return [...owners.values()].toSorted(compareOwners).map(writeEntry);
}

/** Owners with `fields` in place; without the owner when nothing is left. */
export function withFields(owners: Map<string, Owner>, id: string, owner: Owner, fields: FieldSet): void {
  if (isEmptySet(fields)) owners.delete(id);
  else owners.set(id, fields === owner.fields ? owner : { ...owner, fields });
}
