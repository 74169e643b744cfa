// Ownership as writes change it, at the level of typed values. Source: structured-merge-diff merge.Updater.
import { deepEqual, type JsonObject } from '../json-value.ts';
import type { TypeSchema } from '../type-schema.ts';
import { compare, type Comparison } from './compare.ts';
import { difference, intersection, isEmptySet, NO_FIELDS, pathsOf, union, type FieldSet } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { merge } from './merge.ts';
import { withFields, type Owner, type Owners } from './owners.ts';
import { removeFields } from './remove.ts';
import { reconciled, withNamedFields } from './schema-of-sets.ts';

/** An object in one version of its kind. */
export interface Versioned {
  readonly apiVersion: string;
  readonly schema: TypeSchema;
  readonly object: unknown;
}

export interface OwnershipRules {
  /** The object in another version; undefined where that version is no longer known, which forgets its owners. */
  readonly convert: (from: Versioned, apiVersion: string) => Versioned | undefined;
  /** The part of a set that this endpoint lets anyone own: writes to the rest are reset. */
  readonly filter: (fields: FieldSet, apiVersion: string) => FieldSet;
}

/** A field that another manager owns with another value. */
export interface Conflict {
  readonly owner: Owner;
  /** Elements of the path. */
  readonly path: readonly string[];
}

/** Thrown by an apply that is not forced. */
export class ApplyConflicts extends Error {
  override readonly name = 'ApplyConflicts';
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super(`${conflicts.length} conflicts`);
    this.conflicts = conflicts;
  }
}

/** Forgets versions that are gone, follows lists and maps that became atomic. */
function reconciledOwners(live: Versioned, owners: Owners, { convert }: OwnershipRules): Map<string, Owner> {
  const out = new Map<string, Owner>();
  for (const [id, owner] of owners) {
    const versioned = convert(live, owner.apiVersion);
    if (versioned !== undefined) out.set(id, { ...owner, fields: reconciled(owner.fields, versioned.schema) });
  }
  return out;
}

/** What differs in a version, as far as this endpoint lets it be owned; undefined where that version is gone. @throws TypedError */
export function compared(before: Versioned, after: Versioned, rules: OwnershipRules, apiVersion: string): Comparison | undefined {
  const from = rules.convert(before, apiVersion);
  const to = rules.convert(after, apiVersion);
  if (from === undefined || to === undefined) return undefined;
  const { removed, modified, added } = compare(from.schema, from.object, to.object);
  return {
    removed: rules.filter(removed, apiVersion),
    modified: rules.filter(modified, apiVersion),
    added: rules.filter(added, apiVersion),
  };
}

/**
 * Takes from everyone but `writer` what changed. Source: Updater.update.
 * @throws ApplyConflicts unless `force`
 */
function takeChanged(
  { before, after }: { readonly before: Versioned; readonly after: Versioned },
  owners: Map<string, Owner>,
  rules: OwnershipRules,
  { writer, force, changes }: { readonly writer: string; readonly force: boolean; readonly changes?: Comparison | undefined },
): Comparison {
  const comparisons = new Map<string, Comparison | undefined>(changes === undefined ? [] : [[before.apiVersion, changes]]);
  const at = (version: string): Comparison | undefined => {
    if (!comparisons.has(version)) comparisons.set(version, compared(before, after, rules, version));
    return comparisons.get(version);
  };
  const conflicts: { readonly id: string; readonly owner: Owner; readonly fields: FieldSet }[] = [];
  for (const [id, owner] of [...owners].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (id === writer) continue;
    const ofVersion = at(owner.apiVersion);
    if (ofVersion === undefined) {
      owners.delete(id);
      continue;
    }
    const fields = intersection(owner.fields, union(ofVersion.modified, ofVersion.added));
    if (!isEmptySet(fields)) conflicts.push({ id, owner, fields });
  }
  if (!force && conflicts.length > 0) {
    throw new ApplyConflicts(conflicts.flatMap(({ owner, fields }) => pathsOf(fields).map((path) => ({ owner, path }))));
  }
  for (const { id, owner, fields } of conflicts) owners.set(id, { ...owner, fields: difference(owner.fields, fields) });
  for (const [id, owner] of owners) {
    const removed = id === writer ? NO_FIELDS : (at(owner.apiVersion)?.removed ?? NO_FIELDS);
    withFields(owners, id, owner, difference(owner.fields, removed));
  }
  return at(before.apiVersion) as Comparison;
}

/**
 * The owners after `writer`, known as `id`, replaced `before` by `after`; `changes` between them in the version of
 * `before`, where they are known. Source: Updater.Update.
 * @throws TypedError
 */
export function ownersAfterUpdate(
  change: { readonly before: Versioned; readonly after: Versioned; readonly changes?: Comparison | undefined },
  owners: Owners,
  writer: Owner,
  id: string,
  rules: OwnershipRules,
): Owners {
  const { before, after, changes } = change;
  const out = reconciledOwners(before, owners, rules);
  const { removed, modified, added } = takeChanged({ before, after }, out, rules, { writer: id, force: true, changes });
  const had = out.get(id)?.fields ?? NO_FIELDS;
  const fields = rules.filter(union(union(difference(had, removed), modified), added), after.apiVersion);
  withFields(out, id, writer, fields);
  return out;
}

export interface Applied {
  /** Undefined when applying changed nothing. */
  readonly object: unknown;
  readonly owners: Owners;
}

/**
 * `live` with `config` merged in and what `writer` no longer states removed. Source: Updater.Apply.
 * @throws ApplyConflicts unless `force`
 * @throws TypedError
 */
export function applyConfig(
  live: Versioned,
  config: unknown,
  owners: Owners,
  { writer, id, force }: { readonly writer: Owner; readonly id: string; readonly force: boolean },
  rules: OwnershipRules,
): Applied {
  const out = reconciledOwners(live, owners, rules);
  const merged: Versioned = { ...live, object: merge(live.schema, live.object, config) };
  const last = out.get(id);
  out.set(id, { ...writer, fields: rules.filter(fieldsOf(live.schema, config), live.apiVersion) });
  const own = out.get(id) as Owner;
  const after = dropsNothing(last, own) ? merged : prune(merged, out, last, rules);
  takeChanged({ before: live, after }, out, rules, { writer: id, force });
  withFields(out, id, own, own.fields);
  return { object: deepEqual(live.object, after.object) ? undefined : after.object, owners: out };
}

/** Whether all that was applied last time is applied again: then there is nothing to remove. */
const dropsNothing = (last: Owner | undefined, now: Owner): boolean =>
  last !== undefined && last.apiVersion === now.apiVersion && isEmptySet(difference(last.fields, now.fields));

const without = (versioned: Versioned, fields: FieldSet): Versioned => ({
  ...versioned,
  object: (removeFields(versioned.schema, versioned.object, fields) ?? {}) as JsonObject,
});

/** Removes what was applied last time and is no longer, unless someone else owns it. Source: Updater.prune. */
function prune(merged: Versioned, owners: Owners, last: Owner | undefined, rules: OwnershipRules): Versioned {
  if (last === undefined || isEmptySet(last.fields)) return merged;
  const converted = rules.convert(merged, last.apiVersion);
  if (converted === undefined) return merged;
  const removed = without(converted, withNamedFields(last.fields, converted.schema));
  const owned = addBackOwned(converted, removed, owners, rules);
  const pruned = addBackDangling(converted, owned, last, rules);
  return rules.convert(pruned, merged.apiVersion) ?? merged;
}

const statedFields = ({ schema, object }: Versioned): FieldSet => withNamedFields(fieldsOf(schema, object), schema);

/** Source: Updater.addBackOwnedItems: first in the version that was pruned, then in the others. */
function addBackOwned(merged: Versioned, pruned: Versioned, owners: Owners, rules: OwnershipRules): Versioned {
  const byVersion = new Map<string, FieldSet>([[pruned.apiVersion, NO_FIELDS]]);
  for (const { apiVersion, fields } of owners.values()) {
    byVersion.set(apiVersion, union(byVersion.get(apiVersion) ?? NO_FIELDS, fields));
  }
  let out = pruned;
  for (const [version, managed] of byVersion) {
    const from = rules.convert(merged, version);
    const left = rules.convert(out, version);
    if (from === undefined || left === undefined) continue;
    const keep = union(statedFields(left), withNamedFields(managed, from.schema));
    out = without(from, difference(statedFields(from), keep));
  }
  return out;
}

/** What nobody owned before stays: only the applier's own last fields go. Source: Updater.addBackDanglingItems. */
function addBackDangling(merged: Versioned, pruned: Versioned, last: Owner, rules: OwnershipRules): Versioned {
  const left = rules.convert(pruned, last.apiVersion);
  if (left === undefined) return merged;
  const gone = difference(statedFields(merged), statedFields(left));
  return without(merged, intersection(gone, withNamedFields(last.fields, merged.schema)));
}
