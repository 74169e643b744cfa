// What became of owners in updates like this one: objects of one template are written alike, by the same writers.
import { deepEqual } from '../json-value.ts';
import type { TypeSchema } from '../type-schema.ts';
import type { Comparison } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import type { OwnershipRules } from './ownership.ts';
import { ownerId, type Owner, type Owners } from './owners.ts';

/** All that the owners after an update depend on, times apart. Owners are of the version the writer speaks. */
export interface Update {
  readonly schema: TypeSchema;
  readonly filter: OwnershipRules['filter'];
  readonly owners: Owners;
  readonly writer: Owner;
  readonly changes: Comparison;
}

interface Known extends Omit<Update, 'owners' | 'writer'> {
  readonly writer: string;
  readonly before: readonly (readonly [id: string, fields: FieldSet])[];
  readonly after: readonly (readonly [id: string, fields: FieldSet])[];
  /** The writer owns something that it has just written. */
  readonly written: boolean;
}

/** Most fields that may have changed in an update that is remembered. */
const MAX_FIELDS = 256;
/** Most updates remembered of owners that begin with the same set. */
const MAX_KNOWN = 32;

/** By the fields of the first owner. Stored sets are held once, so that those of one template find each other. */
const known = new WeakMap<FieldSet, Known[]>();

const firstOf = (owners: Owners): FieldSet | undefined => owners.values().next().value?.fields;

/** The owners after an update that was seen before; undefined for one that is new. */
export function knownUpdate(update: Update): Owners | undefined {
  const first = firstOf(update.owners);
  const found = first && known.get(first)?.find((one) => isLike(one, update));
  if (found === undefined) return undefined;
  const { owners, writer } = update;
  return new Map(
    found.after.map(([id, fields]) => {
      const owner = found.written && id === found.writer ? writer : (owners.get(id) as Owner);
      return [id, owner.fields === fields ? owner : { ...owner, fields }];
    }),
  );
}

export function rememberUpdate({ owners, writer, ...update }: Update, after: Owners, written: boolean): void {
  const first = firstOf(owners);
  const { removed, modified, added } = update.changes;
  if (first === undefined || [removed, modified, added].reduce(fieldsLeft, MAX_FIELDS) <= 0) return;
  const list = known.get(first) ?? [];
  if (list.length === 0) known.set(first, list);
  if (list.length >= MAX_KNOWN) list.shift();
  list.push({ ...update, writer: ownerId(writer), before: fieldsOf(owners), after: fieldsOf(after), written });
}

/** `left` less the nodes of a set. */
function fieldsLeft(left: number, set: FieldSet): number {
  let rest = left;
  for (const element in set) {
    rest = fieldsLeft(rest - 1, set[element] as FieldSet);
    if (rest <= 0) break;
  }
  return rest;
}

const fieldsOf = (owners: Owners): Known['before'] => Array.from(owners, ([id, { fields }]) => [id, fields]);

function isLike(one: Known, { schema, filter, owners, writer, changes }: Update): boolean {
  if (one.schema !== schema || one.filter !== filter || one.before.length !== owners.size) return false;
  for (const [id, fields] of one.before) if (owners.get(id)?.fields !== fields) return false;
  const { removed, modified, added } = one.changes;
  if (!deepEqual(added, changes.added) || !deepEqual(modified, changes.modified) || !deepEqual(removed, changes.removed)) return false;
  return one.writer === ownerId(writer);
}
