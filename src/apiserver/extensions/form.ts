// How objects of one version of a custom resource come out of the store and go into it: pruned and given defaults as they
// are read, converted between versions. Source: crdConversionRESTOptionsGetter, schemaCoercingDecoder, conversion package.
import { DecodeError } from '#api/decode.ts';
import { applyDefaults } from '#api/defaults.ts';
import { decodeCustom, readStored } from '#api/structural/prune.ts';
import type { KubeObject } from '#api/types.ts';
import { internalError } from '#apimachinery/errors.ts';
import type { JsonObject } from '#apimachinery/json-value.ts';
import { byteOrder } from '#apimachinery/go-format.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { StoredObject, type ObjectLayout } from '../cache/stored-object.ts';
import type { HeapBytes } from '../cache/heap-bytes.ts';
import { withMetadata } from '../registry/metadata.ts';
import type { Kept, StorageForm } from '../registry/storage-form.ts';

/** One version of the resource. */
export interface VersionType {
  readonly schema: ObjectSchema;
  readonly layout: ObjectLayout;
}

/**
 * Turns objects, of one version each, into `apiVersion`, in order. `signal` ends it early.
 * @throws StatusError InternalError when the webhook fails or answers nonsense
 */
export type ConvertByWebhook = (objects: readonly KubeObject[], apiVersion: string, signal?: AbortSignal) => Promise<readonly KubeObject[]>;

export interface FormOptions {
  readonly own: VersionType;
  /** The version objects are stored in. */
  readonly storage: VersionType;
  /** By `example.com/v1`: every version the definition has. */
  readonly versions: ReadonlyMap<string, VersionType>;
  /** Absent: versions differ in nothing but their names. */
  readonly webhook: ConvertByWebhook | undefined;
}

interface Shown {
  readonly value: HeapBytes;
  readonly object: KubeObject;
}

export class VersionForm implements StorageForm {
  readonly #options: FormOptions;
  /** Whether an object without a status gets one. */
  readonly #hasDefaultStatus: boolean;
  /** By the bytes in the store; `same`: they are what is shown. */
  readonly #shown = new WeakMap<HeapBytes, Shown | 'same'>();
  readonly #views = new WeakMap<StoredObject, StoredObject>();

  constructor(options: FormOptions) {
    this.#options = options;
    const bare = { apiVersion: options.own.layout.apiVersion, kind: '', metadata: {} } as unknown as KubeObject;
    this.#hasDefaultStatus = 'status' in applyDefaults(bare, options.own.schema, 0);
  }

  get waits(): boolean {
    return this.#options.webhook !== undefined;
  }

  ready(objects: Iterable<StoredObject>, signal?: AbortSignal): Promise<void> | undefined {
    const { webhook, own } = this.#options;
    if (webhook === undefined) return undefined;
    const lacking = new Map<HeapBytes, StoredObject>();
    for (const object of objects) if (object.layout !== own.layout && !this.#shown.has(object.value)) lacking.set(object.value, object);
    return lacking.size === 0 ? undefined : this.#convertStored([...lacking.values()], webhook, signal);
  }

  async #convertStored(objects: readonly StoredObject[], webhook: ConvertByWebhook, signal: AbortSignal | undefined): Promise<void> {
    const { own } = this.#options;
    const converted = await webhook(
      objects.map((stored) => withMetadata(this.#completed(stored), { resourceVersion: undefined })),
      own.layout.apiVersion,
      signal,
    );
    objects.forEach(({ value }, i) => this.#shown.set(value, shownAs(pruned(converted[i] as KubeObject, own.schema), own.layout)));
  }

  view(stored: StoredObject): StoredObject {
    let shown = this.#shown.get(stored.value);
    if (shown === undefined) this.#shown.set(stored.value, (shown = this.#show(stored)));
    if (shown === 'same') return stored;
    let view = this.#views.get(stored);
    if (view === undefined) {
      view = new StoredObject(this.#options.own.layout, stored.key, stored.revision, shown.value, shown.object);
      this.#views.set(stored, view);
    }
    return view;
  }

  #show(stored: StoredObject): Shown | 'same' {
    const { own, webhook } = this.#options;
    const completed = this.#completed(stored);
    if (stored.layout === own.layout) {
      const value = own.layout.encode(completed);
      return value.equals(stored.value) ? 'same' : { value, object: completed };
    }
    if (webhook !== undefined) throw new Error(`${stored.key} was not converted before it was shown`);
    return shownAs(pruned({ ...completed, apiVersion: own.layout.apiVersion }, own.schema), own.layout);
  }

  /** As the version it was stored in has it. @throws StatusError InternalError for a version the definition no longer has */
  #completed({ layout, object }: StoredObject): KubeObject {
    const type = this.#options.versions.get(layout.apiVersion);
    if (type === undefined) throw internalError(new Error(`request to convert CR from an invalid group/version: ${layout.apiVersion}`));
    const read = readStored<KubeObject>(object as unknown as JsonObject, type.schema);
    return applyDefaults((read.metadata.generation ?? 0) === 0 ? withMetadata(read, { generation: 1 }) : read, type.schema, 0);
  }

  kept(object: KubeObject, signal?: AbortSignal): Kept | Promise<Kept> {
    const { own, storage } = this.#options;
    if (own.layout === storage.layout) return { object: ordered(object), layout: own.layout };
    const converted = this.convert(object, storage.layout.apiVersion, signal) as KubeObject | Promise<KubeObject>; // there is a storage version
    const keep = (kept: KubeObject): Kept => ({ object: kept, layout: storage.layout });
    return converted instanceof Promise ? converted.then(keep) : keep(converted);
  }

  wrote(value: HeapBytes): void {
    const { own, storage } = this.#options;
    // What writes take out of an object, its status, has its defaults when the object is read.
    if (own.layout === storage.layout && !this.#hasDefaultStatus) this.#shown.set(value, 'same');
  }

  convert(object: KubeObject, apiVersion: string, signal?: AbortSignal): KubeObject | Promise<KubeObject> | undefined {
    const converted = this.converted(object, apiVersion, signal);
    const schema = this.schemaOf(apiVersion);
    if (converted === undefined || schema === undefined || object.apiVersion === apiVersion) return converted;
    return converted instanceof Promise ? converted.then((whole) => pruned(whole, schema)) : pruned(converted, schema);
  }

  converted(object: KubeObject, apiVersion: string, signal?: AbortSignal): KubeObject | Promise<KubeObject> | undefined {
    const { versions, webhook } = this.#options;
    if (!versions.has(apiVersion)) return undefined;
    if (object.apiVersion === apiVersion) return object;
    if (webhook === undefined) return { ...object, apiVersion };
    return webhook([object], apiVersion, signal).then(([converted]) => converted as KubeObject);
  }

  schemaOf(apiVersion: string): ObjectSchema | undefined {
    return this.#options.versions.get(apiVersion)?.schema;
  }
}

const shownAs = (object: KubeObject, layout: ObjectLayout): Shown => ({ object, value: layout.encode(object) });

/** @throws StatusError InternalError for metadata that cannot be read */
function pruned(object: KubeObject, schema: ObjectSchema): KubeObject {
  try {
    return decodeCustom<KubeObject>(object, schema, { fieldValidation: 'Ignore' }).object;
  } catch (error) {
    if (error instanceof DecodeError) throw internalError(error);
    throw error;
  }
}

const HEAD: ReadonlySet<string> = new Set(['kind', 'apiVersion', 'metadata']);

/** Members in alphabetical order after those every object has: equal objects have equal bytes. */
function ordered(object: KubeObject): KubeObject {
  const names = Object.keys(object).filter((name) => !HEAD.has(name));
  if (names.every((name, i) => i === 0 || byteOrder(names[i - 1] as string, name) < 0)) return object;
  const members = object as unknown as Readonly<Record<string, unknown>>;
  const { kind, apiVersion, metadata } = object;
  return { kind, apiVersion, metadata, ...Object.fromEntries(names.sort(byteOrder).map((name) => [name, members[name]])) } as KubeObject;
}
