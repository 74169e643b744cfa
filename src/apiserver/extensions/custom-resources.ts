// Serves what definitions define: follows them in the cache, and adds and takes rows of schema and catalogue as they change.
// Source: apiextensions customresource_handler.go.
import type { Schema } from '#api/schema.ts';
import { isTrue } from '#api/structural/resources.ts';
import { customresourcedefinitions } from '#api/resources.ts';
import type { CustomResourceDefinition } from '#api/types.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { apiVersionOf, groupResourceString } from '#apimachinery/resource.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { CacheHub } from '../cache/hub.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { Catalog, ServedResource } from '../registry/catalog.ts';
import { storagePrefix } from '../registry/storage-keys.ts';
import type { ConvertByWebhook } from './form.ts';
import { VersionLayouts } from './layouts.ts';
import type { RuleMetrics } from './rule-metrics.ts';
import { servedVersions, type CustomStorage } from './served.ts';

/** Pause before a resource whose objects could not be read is tried again, milliseconds. */
const RETRY_MS = 500;

export interface CustomResourcesDeps {
  readonly schema: Schema;
  readonly catalog: Catalog;
  readonly hub: CacheHub;
  readonly reader: CacheReader;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: RuleMetrics;
  /** How objects of a definition are converted; undefined where only their version's name changes. */
  webhookOf(crd: CustomResourceDefinition): ConvertByWebhook | undefined;
}

/** A definition's objects and the versions they are read in. */
export interface Served {
  readonly storage: CustomStorage;
  readonly rows: readonly ServedResource[];
}

interface Entry {
  /** As the rows were made from it. */
  crd: CustomResourceDefinition;
  storage: CustomStorage | undefined;
  rows: readonly ServedResource[];
}

export class CustomResources {
  readonly #deps: CustomResourcesDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #handlers = new Set<(name: string) => void>();
  readonly #attaching = new Set<Promise<void>>();
  #stopFollowing = (): void => {};
  #stopped = false;

  constructor(deps: CustomResourcesDeps) {
    this.#deps = deps;
  }

  /** Resolves when everything defined is served. */
  async start(): Promise<void> {
    const { reader } = this.#deps;
    this.#stopFollowing = reader.onChange(customresourcedefinitions, ({ object, previous }) => {
      const name = object?.metadata.name ?? previous?.metadata.name;
      if (name !== undefined) this.#follow(name);
    });
    for (const { metadata } of [...reader.list(customresourcedefinitions)]) this.#follow(metadata.name);
    while (this.#attaching.size > 0) await Promise.all(this.#attaching);
  }

  stop(): void {
    this.#stopped = true;
    this.#stopFollowing();
  }

  /** What is served of a definition; undefined while nothing is. */
  find(name: string): Served | undefined {
    const { storage, rows } = this.#entries.get(name) ?? {};
    return storage === undefined || rows === undefined ? undefined : { storage, rows };
  }

  /** Calls `handler` when a definition begins to be served. Returns the remover. */
  onServed(handler: (name: string) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  #follow(name: string): void {
    if (this.#stopped) return;
    const crd = this.#deps.reader.get(customresourcedefinitions, name);
    const entry = this.#entries.get(name);
    if (entry !== undefined && (crd === undefined || !isServed(crd) || !sameStorage(crd, entry.crd))) this.#drop(name, entry);
    // Paths of a group of the built-in API lead to the built-in API.
    if (crd === undefined || !isServed(crd) || this.#deps.catalog.hasBuiltIn(crd.spec.group)) return;
    const kept = this.#entries.get(name);
    if (kept !== undefined) return this.#change(kept, crd);
    const added: Entry = { crd, storage: undefined, rows: [] };
    this.#entries.set(name, added);
    const attaching = this.#attach(name, added).finally(() => this.#attaching.delete(attaching));
    this.#attaching.add(attaching);
  }

  async #attach(name: string, entry: Entry): Promise<void> {
    const { hub, logger, clock } = this.#deps;
    const { group } = entry.crd.spec;
    const { plural, kind } = entry.crd.status.acceptedNames;
    const prefix = storagePrefix({ group, resource: plural }, true);
    const layouts = new VersionLayouts(kind);
    for (const { name: version } of entry.crd.spec.versions) layouts.of(apiVersionOf({ group, version }));
    try {
      const cache = await hub.attach({
        name: groupResourceString({ group, resource: plural }),
        prefix,
        layout: layouts,
        fields: new Map(),
      });
      if (this.#entries.get(name) !== entry) return hub.detach(cache);
      entry.storage = { prefix, layouts, cache };
      this.#serve(entry);
      for (const handler of this.#handlers) handler(name);
    } catch (error) {
      logger.warn('custom resource cannot be served yet', { definition: name, error });
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
      clock.after(RETRY_MS, () => this.#follow(name));
    }
  }

  #change(entry: Entry, crd: CustomResourceDefinition): void {
    const before = entry.crd;
    entry.crd = crd;
    if (entry.storage === undefined) return;
    const same = deepEqual(before.spec, crd.spec) && deepEqual(before.status.acceptedNames, crd.status.acceptedNames);
    if (same && before.metadata.deletionTimestamp === crd.metadata.deletionTimestamp) return;
    this.#serve(entry);
    // Those who watch see objects as they were defined: they begin again. Source: crdHandler.removeStorage_locked.
    if (!same) entry.storage.cache.watchers.lost();
  }

  #serve(entry: Entry): void {
    if (entry.storage === undefined) return;
    const { schema, catalog, webhookOf } = this.#deps;
    const before = entry.rows;
    entry.rows = servedVersions(entry.crd, entry.storage, webhookOf(entry.crd), this.#deps.metrics);
    for (const row of before) {
      if (!entry.rows.some(({ info }) => info.version === row.info.version)) catalog.remove(row);
      if (!entry.rows.some(({ info, hidden }) => info.version === row.info.version && hidden !== true)) schema.remove(row.info);
    }
    for (const row of entry.rows) {
      if (row.hidden !== true) schema.add(row.info);
      catalog.add(row);
    }
  }

  #drop(name: string, entry: Entry): void {
    const { schema, catalog, hub } = this.#deps;
    this.#entries.delete(name);
    for (const row of entry.rows) {
      catalog.remove(row);
      schema.remove(row.info);
    }
    if (entry.storage !== undefined) hub.detach(entry.storage.cache);
  }
}

/** Source: crdHandler.ServeHTTP. */
const isServed = (crd: CustomResourceDefinition): boolean => isTrue(crd, 'NamesAccepted') || isTrue(crd, 'Established');

/** Whether objects lie where they lay, in the same form. */
function sameStorage(a: CustomResourceDefinition, b: CustomResourceDefinition): boolean {
  const [x, y] = [a.status.acceptedNames, b.status.acceptedNames];
  return a.metadata.uid === b.metadata.uid && a.spec.scope === b.spec.scope && x.plural === y.plural && x.kind === y.kind;
}
