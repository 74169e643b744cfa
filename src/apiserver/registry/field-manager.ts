// Who owns which fields: server-side apply, and the record that every other write leaves in metadata.managedFields.
// How owners are found is #apimachinery/apply; here it learns of versions, endpoints and their rules.
import { apply, gvkString, trackUpdate, type WriteContext } from '#apimachinery/apply/apply.ts';
import { recursiveDifference, setOfPaths, type FieldSet } from '#apimachinery/apply/field-set.ts';
import type { JsonObject } from '#apimachinery/json-value.ts';
import { parseApiVersion } from '#apimachinery/resource.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { applyDefaults } from '#api/defaults.ts';
import { DecodeError } from '#api/decode.ts';
import { decodeKind, isCustomType } from '#api/decode-kind.ts';
import { readStored } from '#api/structural/prune.ts';
import type { KubeObject } from '#api/types.ts';
import type { Catalog, ServedResource } from './catalog.ts';
import { sharing } from '#apimachinery/sharing.ts';
import { CreatedAlike } from './created-alike.ts';
import { Conversions, withConversions } from './pending-conversions.ts';
import { SharedFields } from './shared-fields.ts';
import type { Waiting } from './storage-form.ts';

export interface FieldChange {
  readonly served: ServedResource;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly manager: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Whose write it is. */
  readonly request: Waiting;
  /** What is written, where it is not the served resource itself: a Scale. */
  readonly as?: { readonly schema: ObjectSchema; readonly apiVersion: string; readonly kind: string };
}

/**
 * Objects are in the served version. Results are promises only where a webhook has to convert an object for managers that
 * wrote other versions. Source: managedfields.FieldManager.
 */
export interface FieldManager {
  /** `object` with the ownership that results from `manager` writing it over `live` (undefined: creating it). */
  update(live: KubeObject | undefined, object: KubeObject, change: FieldChange): KubeObject | Promise<KubeObject>;
  /**
   * `live` with the applied configuration merged in, complete with defaults.
   * @throws StatusError Conflict naming each field another manager owns, unless `force`
   */
  apply(
    live: KubeObject | undefined,
    configuration: KubeObject,
    change: FieldChange & { readonly force: boolean },
  ): KubeObject | Promise<KubeObject>;
}

const json = (object: KubeObject): JsonObject => object as unknown as JsonObject;
const object = (value: JsonObject): KubeObject => value as unknown as KubeObject;

export class FieldTracking implements FieldManager {
  readonly #catalog: Catalog;
  readonly #sets = new SharedFields();
  readonly #created = new CreatedAlike();
  readonly #filters = new WeakMap<ServedResource, Map<string, (fields: FieldSet) => FieldSet>>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  update(live: KubeObject | undefined, written: KubeObject, change: FieldChange): KubeObject | Promise<KubeObject> {
    const updated = change.as === undefined ? (change.served.stored?.strategy.read?.(written) ?? written) : written;
    const track = (before: KubeObject | undefined, after: KubeObject, conversions: Conversions): KubeObject =>
      this.#sets.share(object(trackUpdate(before && json(before), json(after), this.#context(change, conversions))));
    // Without owners there is no version to convert to. What is not stored is not remembered either: a review carries a token.
    if (live === undefined && updated.metadata.managedFields === undefined && change.served.stored !== undefined)
      return this.#created.owned(updated, change, (given) => track(undefined, given, new Conversions()));
    // One that was decoded anew has sets of its own, which tell nothing of updates like this one.
    const before = live && this.#sets.share(live);
    return withConversions((conversions) => track(before, sharing(before, updated), conversions));
  }

  apply(
    live: KubeObject | undefined,
    configuration: KubeObject,
    change: FieldChange & { readonly force: boolean },
  ): KubeObject | Promise<KubeObject> {
    const { schema } = change.as ?? change.served.info;
    return withConversions((conversions) => {
      const merged = apply(live === undefined ? undefined : json(live), json(configuration), {
        ...this.#context(change, conversions, 'converted'),
        force: change.force,
      });
      return this.#sets.share(applyDefaults(versioned(merged, configuration, schema), schema, change.now));
    });
  }

  /** @param how an applied configuration is refused for fields that a version does not know; a write does without them */
  #context(
    { served, subresource, manager, now, as, request }: FieldChange,
    conversions: Conversions,
    how: 'convert' | 'converted' = 'convert',
  ): WriteContext {
    if (as !== undefined) return { ...as, manager, subresource, now };
    return {
      schema: served.info.schema,
      apiVersion: served.apiVersion,
      kind: served.info.kind,
      manager,
      subresource,
      now,
      convert: (value, apiVersion) => this.#convert(served, value, apiVersion, { conversions, request, how }),
      filter: this.#filter(served, subresource),
    };
  }

  /** Through the stored version, which every other converts to and from. */
  #convert(
    from: ServedResource,
    value: JsonObject,
    apiVersion: string,
    { conversions, request, how }: { readonly conversions: Conversions; readonly request: Waiting; readonly how: 'convert' | 'converted' },
  ): { readonly object: JsonObject; readonly schema: ServedResource['info']['schema'] } | undefined {
    const { form } = from.stored ?? {};
    if (form !== undefined) {
      const schema = form.schemaOf(apiVersion);
      const found = conversions.get(value, apiVersion, () => form[how](object(value), apiVersion, form.waits ? request.signal : undefined));
      return found === undefined || schema === undefined ? undefined : { object: json(found), schema };
    }
    const to = this.#catalog.find({ ...parseApiVersion(apiVersion), resource: from.info.resource });
    if (to === undefined || to.stored?.cache !== from.stored?.cache) return undefined;
    const stored = from.conversion === undefined ? object(value) : from.conversion.toStored(object(value));
    const converted = to.conversion === undefined ? stored : to.conversion.toServed(stored);
    return { object: json(converted), schema: to.info.schema };
  }

  /** Nobody owns what this endpoint resets anyway. Source: ResetFieldsStrategy. */
  #filter(served: ServedResource, subresource: string): (fields: FieldSet) => FieldSet {
    let filters = this.#filters.get(served);
    if (filters === undefined) this.#filters.set(served, (filters = new Map()));
    let filter = filters.get(subresource);
    if (filter === undefined) {
      const paths = served.stored?.strategy.resetFields?.[subresource] ?? [];
      const reset = setOfPaths(...paths.map((path) => path.map((name) => `f:${name}`)));
      filters.set(subresource, (filter = paths.length === 0 ? (fields) => fields : (fields) => recursiveDifference(fields, reset)));
    }
    return filter;
  }
}

/** @throws StatusError for a value that is of its type's shape but none, such as a quantity. Source: structuredMergeManager.Apply */
function versioned(merged: JsonObject, { apiVersion, kind, metadata }: KubeObject, schema: ObjectSchema): KubeObject {
  try {
    return decodeKind<KubeObject>(readable(merged, schema), schema, { fieldValidation: 'Ignore', nulls: 'kept' }).object;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const type = gvkString(apiVersion, kind);
    const which = `${metadata.namespace ?? ''}/${metadata.name}; ${type}`;
    throw new StatusError(
      '',
      `failed to convert new object (${which}) to proper version: unable to convert unstructured object to ${type}: ${error.message}`,
    );
  }
}

/**
 * A custom object that was applied is a map: of its metadata, what cannot be read and is of a type that says it could be, such as a
 * time that is none, counts as not said. Source: unstructured.Unstructured GetCreationTimestamp, GetGeneration.
 */
function readable(merged: JsonObject, schema: ObjectSchema): JsonObject {
  if (!isCustomType(schema)) return merged;
  const { metadata } = readStored<KubeObject>({ metadata: merged['metadata'] }, schema);
  return { ...merged, metadata: metadata as unknown as JsonObject };
}
