// Server-side apply and the record of who owns which field, as pure functions of objects.
// Source: apimachinery managedfields internal FieldManager and the managers it is built of.
import { badRequest, StatusError } from '../errors.ts';
import { deepEqual, isObject, type JsonObject } from '../json-value.ts';
import { parseApiVersion } from '../resource.ts';
import { formatTime } from '../time.ts';
import type { TypeSchema } from '../type-schema.ts';
import { checkTyped } from './check.ts';
import { conflictError } from './conflicts.ts';
import { emptyObject } from './empty-object.ts';
import type { FieldSet } from './field-set.ts';
import { TypedError } from './list-items.ts';
import { conflictsWithOthers, KUBECTL, withLastApplied } from './last-applied.ts';
import { applyConfig, ApplyConflicts, type Applied, type OwnershipRules, type Versioned } from './ownership.ts';
import { ownerId, readOwners, writeOwners, type Owner, type Owners } from './owners.ts';
import { FieldSetError } from './path-element.ts';
import { recordUpdate, stripUnowned } from './update-managers.ts';

export interface WriteContext {
  /** Of the version the request speaks. */
  readonly schema: TypeSchema;
  /** `apps/v1`: the version the request speaks; objects are in it. */
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty counts as `unknown`. */
  readonly manager: string;
  /** Empty or absent for the object itself. */
  readonly subresource?: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /**
   * The object in another version of its kind that an owner speaks of; undefined where that version is gone. Absent:
   * there is one version.
   */
  readonly convert?: (object: JsonObject, apiVersion: string) => { readonly object: JsonObject; readonly schema: TypeSchema } | undefined;
  /** The part of `fields` that writes through this endpoint may own; the rest the strategy resets. Absent: all. */
  readonly filter?: (fields: FieldSet, apiVersion: string) => FieldSet;
}

export interface ApplyContext extends WriteContext {
  /** Takes fields from whoever owns them instead of failing. */
  readonly force: boolean;
}

const UNKNOWN_MANAGER = 'unknown';
/** Who owned what was there before anything was recorded. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

interface Meta {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly managedFields?: unknown;
}

const metaOf = (object: JsonObject): Meta => (object as { readonly metadata?: Meta }).metadata ?? {};

function withManagedFields(object: JsonObject, entries: unknown): JsonObject {
  const { managedFields, ...rest } = metaOf(object);
  if (deepEqual(managedFields, entries)) return object;
  if (entries === undefined) return { ...object, metadata: rest };
  return { ...object, metadata: { ...rest, managedFields: entries } };
}

const bare = (object: JsonObject): JsonObject => withManagedFields(object, undefined);

const all = (fields: FieldSet): FieldSet => fields;

/** @throws TypedError from `convert`, when `checked` and the other version lacks a field */
function rulesOf({ convert, filter }: WriteContext, checked?: 'checked'): OwnershipRules {
  return {
    convert: (from, apiVersion) => {
      if (from.apiVersion === apiVersion) return from;
      const converted = convert?.(from.object as JsonObject, apiVersion);
      if (converted === undefined) return undefined;
      if (checked !== undefined) checkTyped(converted.schema, converted.object);
      return { apiVersion, ...converted };
    },
    filter: filter ?? all,
  };
}

function writerOf({ manager, apiVersion, subresource = '', now }: WriteContext, operation: Owner['operation']): Owner {
  return { manager: manager === '' ? UNKNOWN_MANAGER : manager, operation, apiVersion, subresource, time: formatTime(now), fields: {} };
}

/** Stored entries that cannot be read count as none. */
function readable(entries: unknown): Owners {
  try {
    return readOwners(entries);
  } catch (error) {
    if (error instanceof FieldSetError) return new Map();
    throw error;
  }
}

/** A client asks to forget all owners by an empty list or one empty entry. Source: isResetManagedFields. */
function isReset(entries: unknown): boolean {
  if (!Array.isArray(entries)) return false;
  const [first] = entries as readonly unknown[];
  return entries.length === 0 || (entries.length === 1 && isObject(first) && Object.keys(first).length === 0);
}

/** A client may edit the owners along with the object. Source: decodeLiveOrNew. */
function ownersOf(live: JsonObject, updated: JsonObject, subresource: string): Owners {
  const ofLive = (): Owners => readable(metaOf(live).managedFields);
  if (subresource !== '') return ofLive();
  const given = metaOf(updated).managedFields;
  if (isReset(given)) return new Map();
  const owners = readable(given);
  return owners.size === 0 ? ofLive() : owners;
}

const versioned = ({ apiVersion, schema }: WriteContext, object: JsonObject): Versioned => ({ apiVersion, schema, object });

/**
 * `updated` with the ownership that results from `manager` writing it over `live` (undefined: creating it). Both are
 * decoded and defaulted. An object whose ownership cannot be told is left without any.
 */
export function trackUpdate(live: JsonObject | undefined, updated: JsonObject, context: WriteContext): JsonObject {
  const before = live ?? emptyLive(context);
  const owners = ownersOf(before, updated, context.subresource ?? '');
  if (owners.size === 0 && (metaOf(before).uid ?? '') !== '') return bare(updated);
  try {
    const after = recordUpdate(
      versioned(context, bare(before)),
      versioned(context, bare(updated)),
      owners,
      writerOf(context, 'Update'),
      rulesOf(context),
    );
    return withManagedFields(updated, writeOwners(after));
  } catch (error) {
    if (error instanceof TypedError) return bare(updated);
    throw error;
  }
}

/** Custom objects begin with what names their type, built-in ones with the members a struct always has. */
function emptyLive({ schema, apiVersion, kind }: WriteContext): JsonObject {
  const builtIn = schema.shape === 'object' && schema.name !== '';
  return builtIn ? { ...emptyObject(schema), apiVersion, kind } : { apiVersion, kind };
}

/** `/v1, Kind=Pod`, as Go prints a kind. */
export function gvkString(apiVersion: string, kind: string): string {
  if (apiVersion.split('/').length > 2) return '/, Kind='; // Source: Unstructured.GroupVersionKind
  const { group, version } = parseApiVersion(apiVersion);
  return `${group}/${version}, Kind=${kind}`;
}

const textOf = (member: unknown): string => (typeof member === 'string' ? member : '');

/** Source: versionCheckManager, structuredMergeManager.Apply. */
function checkConfig(config: JsonObject, { schema, apiVersion, kind }: WriteContext): void {
  const given = { apiVersion: textOf(config['apiVersion']), kind: textOf(config['kind']) };
  if (given.apiVersion !== apiVersion || given.kind !== kind)
    throw badRequest(`invalid object type: ${gvkString(given.apiVersion, given.kind)}`);
  const { managedFields, name = '', namespace = '' } = metaOf(config);
  if (Array.isArray(managedFields)) throw badRequest('metadata.managedFields must be nil'); // what is no list is of the wrong type
  try {
    checkTyped(schema, config);
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    const which = `${namespace}/${name}; ${gvkString(apiVersion, kind)}`;
    throw new StatusError('', `failed to create typed patch object (${which}): ${error.message}`);
  }
}

function ownersOfLive(live: JsonObject): Owners {
  try {
    return readOwners(metaOf(live).managedFields);
  } catch (error) {
    if (error instanceof FieldSetError) throw new StatusError('', `failed to decode managed fields: ${error.message}`);
    throw error;
  }
}

/** Kubectl takes over its own client-side applied fields. Source: lastAppliedManager. */
function applyAs(live: Versioned, config: JsonObject, owners: Owners, writer: Owner, context: ApplyContext): Applied {
  const id = ownerId(writer);
  const rules = rulesOf(context, 'checked');
  const attempt = (force: boolean): Applied => applyConfig(live, config, owners, { writer, id, force }, rules);
  try {
    return attempt(context.force);
  } catch (error) {
    // A version that an owner speaks of lacks a field that the object has by now. Source: reconcileManagedFieldsWithSchemaChanges.
    if (error instanceof TypedError) throw new StatusError('', error.message);
    if (!(error instanceof ApplyConflicts)) throw error;
    if (context.manager !== KUBECTL) throw conflictError(error.conflicts);
    const others = conflictsWithOthers(live, error.conflicts);
    if (others.length > 0) throw conflictError(others);
    return attempt(true);
  }
}

/**
 * `live` (undefined: there is none yet) with the applied configuration merged in and the owners brought up to date.
 * `live` is decoded and defaulted, `config` as the client wrote it; the answer is still to be decoded and defaulted.
 * @throws StatusError Conflict naming each field another manager owns, unless `force`; BadRequest for another type of
 * object; without a reason (500) for a configuration that does not fit the schema, as upstream, and where the version of an
 * owner lacks a field
 */
export function apply(live: JsonObject | undefined, config: JsonObject, context: ApplyContext): JsonObject {
  const current = live ?? emptyLive(context);
  checkConfig(config, context);
  const before = versioned(context, bare(current));
  const owners = ownersBeforeApply(current, before, context);
  const writer = writerOf(context, 'Apply');
  const id = ownerId(writer);
  const applied = applyAs(before, config, owners, writer, context);
  const after = new Map(applied.owners);
  stripUnowned(after, id);
  const own = after.get(id);
  if (own !== undefined && applied.object === undefined) {
    const { time: _now, ...rest } = own;
    const { time } = owners.get(id) ?? {};
    after.set(id, time === undefined ? rest : { ...rest, time });
  }
  const object = applied.object === undefined ? current : (applied.object as JsonObject);
  const recorded = context.manager === KUBECTL ? withLastApplied(object, config) : object;
  return withManagedFields(recorded, writeOwners(after));
}

/** What nobody is recorded for belongs to whoever wrote before. Source: skipNonAppliedManager.Apply. */
function ownersBeforeApply(live: JsonObject, before: Versioned, context: WriteContext): Owners {
  const owners = ownersOfLive(live);
  if (owners.size > 0) return owners;
  const writer = writerOf({ ...context, manager: BEFORE_FIRST_APPLY }, 'Update');
  const empty = versioned(context, emptyLive(context));
  try {
    return recordUpdate(empty, before, owners, writer, rulesOf(context));
  } catch (error) {
    if (error instanceof TypedError) throw new StatusError('', `failed to create manager for existing fields: ${error.message}`);
    throw error;
  }
}
