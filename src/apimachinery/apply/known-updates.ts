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
  readonly before: readonly (readonly [id: string, fields: FieldSet])[];
  readonly after: readonly (readonly [id: string, fields: FieldSet])[];
  /** The writer owns something that it has just written. */
  readonly written: boolean;
}

/** Most fields that may have changed in an update that is remembered. */
const MAX_FIELDS = 256;
interface Writers {
  readonly updates: Known[];
  /** Updates that were new since one was known. */
  misses: number;
}

/** Most updates remembered of one writer and of owners that begin with the same set. */
const MAX_KNOWN = 16;
/** After so many new updates in a row no other is remembered: what this writer writes is different each time, as addresses are. */
const MAX_MISSES = 64;

/**
 * By the fields of the first owner, then by writer. Stored sets are held once, so that those of one template find each
 * other.
 */
const known = new WeakMap<FieldSet, Map<string, Writers>>();
/** Most writers remembered of owners that begin with the same set. */
const MAX_WRITERS = 64;

const firstOf = (owners: Owners): FieldSet | undefined => owners.values().next().value?.fields;

/** The owners after an update that was seen before; undefined for one that is new. */
export function knownUpdate(update: Update): Owners | undefined {
  const { owners, writer } = update;
  const first = firstOf(owners);
  const id = ownerId(writer);
  const ofWriter = first && known.get(first)?.get(id);
  if (ofWriter === undefined || ofWriter.misses >= MAX_MISSES) return undefined;
  const found = ofWriter.updates.find((one) => isLike(one, update));
  if (found === undefined) {
    ofWriter.misses++;
    return undefined;
  }
  ofWriter.misses = 0;
  return new Map(
    found.after.map(([of, fields]) => {
      const owner = found.written && of === id ? writer : (owners.get(of) as Owner);
      return [of, owner.fields === fields ? owner : { ...owner, fields }];
    }),
  );
}

export function rememberUpdate({ owners, writer, ...update }: Update, after: Owners, written: boolean): void {
  const first = firstOf(owners);
  if (first === undefined) return;
  const ofWriter = writersOf(first, ownerId(writer));
  if (ofWriter === undefined || ofWriter.misses >= MAX_MISSES) return void ofWriter?.updates.splice(0);
  const { removed, modified, added } = update.changes;
  if ([removed, modified, added].reduce(fieldsLeft, MAX_FIELDS) <= 0) return;
  if (ofWriter.updates.length >= MAX_KNOWN) ofWriter.updates.shift();
  ofWriter.updates.push({ ...update, before: fieldsOf(owners), after: fieldsOf(after), written });
}

function writersOf(first: FieldSet, id: string): Writers | undefined {
  let writers = known.get(first);
  if (writers === undefined) known.set(first, (writers = new Map()));
  let ofWriter = writers.get(id);
  if (ofWriter === undefined && writers.size < MAX_WRITERS) writers.set(id, (ofWriter = { updates: [], misses: 0 }));
  return ofWriter;
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

function isLike(one: Known, { schema, filter, owners, changes }: Update): boolean {
  if (one.schema !== schema || one.filter !== filter || one.before.length !== owners.size) return false;
  for (const [id, fields] of one.before) if (owners.get(id)?.fields !== fields) return false;
  const { removed, modified, added } = one.changes;
  return deepEqual(added, changes.added) && deepEqual(modified, changes.modified) && deepEqual(removed, changes.removed);
}
