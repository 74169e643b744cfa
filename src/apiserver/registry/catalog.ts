// Every resource this server serves: its row of the schema, where it is stored, and what is special about it.
import type { ResourceInfo, Schema } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { apiVersionOf, groupResourceString, type Resource } from '#apimachinery/resource.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import type { CacheHub } from '../cache/hub.ts';
import type { ResourceCache } from '../cache/resource-cache.ts';
import { ObjectLayout, StoredObject } from '../cache/stored-object.ts';
import type { TablePrinter } from '../printers/contract.ts';
import { foreignValues } from './foreign-values.ts';
import type { StorageForm } from './storage-form.ts';
import { storagePrefix } from './storage-keys.ts';
import type { Strategy } from './strategy.ts';

/** One resource as stored, whatever versions it is served in; of a custom resource, one version as it is written and read. */
export interface StoredResource {
  /** In the version it is stored in, or, with a `form`, written and read in. */
  readonly resource: Resource;
  /** `/registry/pods/`. */
  readonly prefix: string;
  readonly layout: ObjectLayout;
  readonly cache: ResourceCache;
  readonly strategy: Strategy;
  /** Type of `resource`. */
  readonly schema: ObjectSchema;
  /** Present where objects are stored in another form than they are written and read in: custom resources. */
  readonly form?: StorageForm;
}

/** One resource in one version. */
export interface ServedResource {
  readonly info: ResourceInfo;
  readonly apiVersion: string;
  /** `deployments.apps`: for messages and metrics. */
  readonly name: string;
  readonly layout: ObjectLayout;
  /** Absent for what is computed and never stored: reviews, bindings, component statuses. */
  readonly stored: StoredResource | undefined;
  /** Present when the stored version is another one. */
  readonly conversion: Conversion | undefined;
  /** Not served: there for the definition's controller, which deletes what the store still has of it. */
  readonly hidden?: true;
  /** Columns a CRD states. */
  readonly printer?: TablePrinter;
  /** A stored object in this version. The same one each time, so that its readers share it. */
  view(object: StoredObject): StoredObject;
}

/** Between the stored version of a kind and another served one. Pure; metadata is passed through as it is. */
export interface Conversion {
  toServed(object: KubeObject): KubeObject;
  toStored(object: KubeObject): KubeObject;
}

export interface CatalogOptions {
  readonly schema: Schema;
  readonly hub: CacheHub;
  /** By `pods` or `deployments.apps`. */
  readonly strategies: Readonly<Record<string, Strategy>>;
  /** By served kind: `Event.v1.events.k8s.io`. */
  readonly conversions: Readonly<Record<string, Conversion>>;
}

const GENERIC: Strategy = {};

export class Catalog {
  readonly #options: CatalogOptions;
  readonly #served = new Map<string, ServedResource>();
  /** By `deployments.apps`. */
  readonly #stored = new Map<string, StoredResource>();
  /** `apps/v1`. */
  readonly #builtIn = new Set<string>();
  readonly #builtInGroups = new Set<string>();

  constructor(options: CatalogOptions) {
    this.#options = options;
    for (const info of options.schema.resources()) {
      this.#served.set(path(info), this.#serve(info));
      if (info.origin !== 'builtin') continue;
      this.#builtIn.add(`${info.group}/${info.version}`);
      this.#builtInGroups.add(info.group);
    }
  }

  find(gvr: { readonly group: string; readonly version: string; readonly resource: string }): ServedResource | undefined {
    return this.#served.get(path(gvr));
  }

  /** Whether there is such a resource, and such a subresource of it. */
  serves({
    subresource,
    ...gvr
  }: {
    readonly group: string;
    readonly version: string;
    readonly resource: string;
    readonly subresource: string;
  }): boolean {
    const info = this.find(gvr)?.info;
    return info !== undefined && (subresource === '' || info.subresources.has(subresource));
  }

  /** Whether the built-in API has resources in this group and version. */
  isBuiltIn({ group, version }: { readonly group: string; readonly version: string }): boolean {
    return this.#builtIn.has(`${group}/${version}`);
  }

  /** Whether the built-in API has resources in this group, in any version. */
  hasBuiltIn(group: string): boolean {
    return this.#builtInGroups.has(group);
  }

  /** In the stored version: what parts inside the server read. */
  findStored(gr: { readonly group: string; readonly resource: string }): StoredResource | undefined {
    return this.#stored.get(groupResourceString(gr));
  }

  /** Serves a version of a custom resource from now on, or serves it anew. */
  add(served: ServedResource): void {
    this.#served.set(path(served.info), served);
    const { stored, info } = served;
    if (stored !== undefined && info.storage.version === info.version) this.#stored.set(served.name, stored);
  }

  /** Serves a version of a custom resource no more. */
  remove(served: ServedResource): void {
    if (this.#served.get(path(served.info)) === served) this.#served.delete(path(served.info));
    if (this.#stored.get(served.name) === served.stored) this.#stored.delete(served.name);
  }

  /** In the order of discovery. */
  resources(): IterableIterator<ServedResource> {
    return this.#served.values();
  }

  #serve(info: ResourceInfo): ServedResource {
    const stored = this.#storedFor(info);
    const same = stored === undefined || (stored.resource.version === info.version && stored.resource.group === info.group);
    const conversion = same ? undefined : this.#options.conversions[`${info.kind}.${info.version}.${info.group}`];
    if (!same && conversion === undefined) throw new Error(`no conversion for ${info.kind} ${apiVersionOf(info)}`);
    const layout =
      same && stored !== undefined
        ? stored.layout
        : new ObjectLayout({ apiVersion: apiVersionOf(info), kind: info.kind, typedItems: false });
    return {
      info,
      apiVersion: apiVersionOf(info),
      name: groupResourceString(info),
      layout,
      stored,
      conversion,
      view: conversion === undefined ? (object) => object : converter(layout, conversion),
    };
  }

  #storedFor(info: ResourceInfo): StoredResource | undefined {
    // Reviews are only created; bindings too. What is stored can be deleted.
    if (!info.verbs.includes('delete')) return undefined;
    const id = groupResourceString(info.storage);
    let found = this.#stored.get(id);
    if (found === undefined) this.#stored.set(id, (found = this.#store(info, id)));
    return found;
  }

  #store({ storage, namespaced, origin }: ResourceInfo, id: string): StoredResource {
    const { hub, strategies, schema, conversions } = this.#options;
    const type = schema.kind(storage);
    if (type === undefined) throw new Error(`${id} is stored as a kind nobody knows: ${storage.kind}`);
    const strategy = strategies[id] ?? GENERIC;
    const custom = origin === 'custom';
    const prefix = storagePrefix(storage, custom);
    const layout = new ObjectLayout({
      apiVersion: apiVersionOf(storage),
      kind: storage.kind,
      typedItems: custom,
      ...(custom ? {} : { foreign: foreignValues(schema, storage.kind, conversions) }),
    });
    const fields = new Map(
      (strategy.indexedFields ?? []).map((label) => {
        const read = strategy.selectableFields?.[label];
        if (read === undefined) throw new Error(`${id}: ${label} is indexed but not selectable`);
        return [label, (object: StoredObject) => read(object.trimmed)] as const;
      }),
    );
    const cache = hub.add({ name: id, prefix, layout, fields });
    return { resource: { ...storage, namespaced }, prefix, layout, cache, strategy, schema: type };
  }
}

const path = ({ group, version, resource }: { readonly group: string; readonly version: string; readonly resource: string }): string =>
  `${group}/${version}/${resource}`;

function converter(layout: ObjectLayout, { toServed }: Conversion): (object: StoredObject) => StoredObject {
  const views = new WeakMap<StoredObject, StoredObject>();
  return (stored) => {
    let view = views.get(stored);
    if (view === undefined) {
      // Of the object itself the view keeps nothing: it stays for as long as what it shows.
      const value = layout.encode(toServed(stored.fleeting));
      view = new StoredObject(layout, stored.key, stored.revision, value, undefined);
      view.forgetDecoded();
      views.set(stored, view);
    }
    return view;
  };
}
