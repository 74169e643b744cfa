// The registry: which groups, resources and kinds exist, and the TypeSchema of each. Built-in rows come from the
// tables; a CRD adds its own at run time, so both kinds of resource go through the same code from here on.
import type { GroupVersionKind, GroupVersionResource, Resource } from '#apimachinery/resource.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import type { CustomResourceColumnDefinition } from './gen/apiextensions-v1.ts';
import type { Props } from './structural/from-crd.ts';
import { definitions, groupRows, resourceRows, type ResourceRow, type SubresourceRow } from './schema/tables.ts';
import { definitionSchema } from './schema/type-graph.ts';

export interface SubresourceInfo {
  /** `status`, `scale`, `exec`, … */
  readonly name: string;
  /** Kind of what is sent and answered. */
  readonly kind: GroupVersionKind;
  readonly verbs: readonly string[];
  /** Absent where the request has no body: its options are query parameters. */
  readonly schema: ObjectSchema | undefined;
  /** The request is upgraded or proxied. */
  readonly connect: boolean;
  /** A path may follow the subresource: `…/proxy/index.html`. */
  readonly pathSuffix: boolean;
  /** Query parameters and their JSON types. */
  readonly params: Readonly<Record<string, string>>;
}

export interface ResourceInfo extends Resource {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Empty for resources that cannot be listed. */
  readonly listKind: string;
  readonly verbs: readonly string[];
  readonly schema: ObjectSchema;
  /** By name, in alphabetical order. */
  readonly subresources: ReadonlyMap<string, SubresourceInfo>;
  /**
   * What the store holds: versions of one resource, and events of both groups, are one set of objects, kept under
   * this resource and in this version. Equal to the resource itself for most.
   */
  readonly storage: GroupVersionResource & GroupVersionKind;
  /** Release that removes a beta or alpha version, `1.39`; for the deprecation warning. */
  readonly removedIn: string | undefined;
  readonly deprecatedIn: string | undefined;
  /** Kind that takes the place of a deprecated one. */
  readonly replacement?: GroupVersionKind;
  readonly origin: 'builtin' | 'custom';
  /** Present for custom resources. */
  readonly custom?: CustomFacts;
}

/** What a CRD says about a version of its resource beyond the type of its objects. */
export interface CustomFacts {
  /** The schema as it was given, for what is published of it. */
  readonly props: Props | undefined;
  /** A CRD of old that keeps what its schema does not know. */
  readonly preserveUnknownFields: boolean;
  readonly columns: readonly CustomResourceColumnDefinition[];
  /** JSON paths with a leading dot. */
  readonly selectableFields: readonly string[];
  /** Goes with every answer of a deprecated version. */
  readonly deprecationWarning: string | undefined;
  /** The definition is being deleted: nothing new is created. */
  readonly terminating: boolean;
}

export interface GroupInfo {
  /** Empty for the core group. */
  readonly name: string;
  /** Served versions, most preferred first. */
  readonly versions: readonly string[];
}

export interface SchemaOptions {
  /** Whether a built-in resource is served in a version. Default: in every version that is neither alpha nor beta. */
  readonly serves?: (group: string, version: string, resource: string) => boolean;
}

export const isStableVersion = (_group: string, version: string): boolean => !/alpha|beta/.test(version);

const gvkKey = ({ group, version, kind }: GroupVersionKind): string => `${group}/${version}/${kind}`;
const gvrKey = ({ group, version, resource }: GroupVersionResource): string => `${group}/${version}/${resource}`;

export class Schema {
  /** By `group/version/resource`, in the order of discovery. */
  readonly #resources = new Map<string, ResourceInfo>();
  readonly #byKind = new Map<string, ResourceInfo>();
  #groups: readonly GroupInfo[];
  #generation = 0;

  constructor({ serves = isStableVersion }: SchemaOptions = {}) {
    const rows = resourceRows.filter(({ group, version, resource }) => serves(group, version, resource));
    const served = new Set(rows.map(({ group, version }) => `${group}/${version}`));
    const versions = groupRows.map(({ name, versions: all }) => ({
      name,
      versions: all.filter((version) => served.has(`${name}/${version}`)),
    }));
    this.#groups = versions.filter((group) => group.versions.length > 0);
    for (const row of rows) this.#put(builtInResource(row));
  }

  /** Grows with every change, for caches of what is derived from the registry. */
  get generation(): number {
    return this.#generation;
  }

  /** Served groups: the core group first, then built-in ones in upstream's order, then those of CRDs. */
  groups(): readonly GroupInfo[] {
    return this.#groups;
  }

  resources(): IterableIterator<ResourceInfo> {
    return this.#resources.values();
  }

  resource(gvr: GroupVersionResource): ResourceInfo | undefined {
    return this.#resources.get(gvrKey(gvr));
  }

  /** The resource whose objects are of that kind; undefined for kinds that are not stored (Status, DeleteOptions, …). */
  resourceOfKind(gvk: GroupVersionKind): ResourceInfo | undefined {
    return this.#byKind.get(gvkKey(gvk));
  }

  /** The type of a kind, whether or not a resource serves it. */
  kind(gvk: GroupVersionKind): ObjectSchema | undefined {
    return this.#byKind.get(gvkKey(gvk))?.schema ?? builtInKind(gvk);
  }

  /** Adds or replaces a resource of a CRD; a new group or version is served from then on. */
  add(resource: ResourceInfo): void {
    this.#put(resource);
    this.#refreshCustomGroups();
  }

  /** Takes a resource of a CRD out; a group or version without resources is no longer served. */
  remove(gvr: GroupVersionResource): void {
    const known = this.#resources.get(gvrKey(gvr));
    if (known === undefined) return;
    this.#resources.delete(gvrKey(gvr));
    this.#byKind.delete(gvkKey(known));
    this.#refreshCustomGroups();
  }

  #put(resource: ResourceInfo): void {
    this.#resources.set(gvrKey(resource), resource);
    this.#byKind.set(gvkKey(resource), resource);
    this.#generation++;
  }

  #refreshCustomGroups(): void {
    this.#generation++;
    const builtIn = this.#groups.filter(({ name }) => groupRows.some((row) => row.name === name));
    const custom = new Map<string, Set<string>>();
    for (const { origin, group, version } of this.#resources.values()) {
      if (origin === 'custom') custom.set(group, (custom.get(group) ?? new Set()).add(version));
    }
    const names = [...custom.keys()].filter((name) => !builtIn.some((group) => group.name === name)).toSorted();
    this.#groups = [
      ...builtIn,
      ...names.map((name) => ({ name, versions: [...(custom.get(name) as Set<string>)].toSorted(compareVersions) })),
    ];
  }
}

/** `v2` before `v1` before `v1beta1` before `v1alpha1` before anything else. Source: version.CompareKubeAwareVersionStrings. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [versionRank(a), versionRank(b)];
  if (x === undefined || y === undefined) {
    if (x !== undefined) return -1;
    if (y !== undefined) return 1;
    return a < b ? -1 : Number(a > b);
  }
  return y.stability - x.stability || y.major - x.major || y.minor - x.minor;
}

function versionRank(version: string): { readonly stability: number; readonly major: number; readonly minor: number } | undefined {
  const match = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  if (match === null) return undefined;
  return { stability: match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0, major: Number(match[1]), minor: Number(match[3] ?? 0) };
}

function builtInResource(row: ResourceRow): ResourceInfo {
  return {
    group: row.group,
    version: row.version,
    resource: row.resource,
    kind: row.kind,
    namespaced: row.namespaced,
    singular: row.singular,
    shortNames: row.shortNames ?? [],
    categories: row.categories ?? [],
    listKind: row.listKind ?? '',
    verbs: row.verbs,
    schema: objectSchema(row.def),
    subresources: new Map((row.subresources ?? []).map((sub) => [sub.name, builtInSubresource(sub)])),
    storage: storageOf(row),
    removedIn: row.lifecycle?.removedIn as string | undefined,
    deprecatedIn: row.lifecycle?.deprecatedIn as string | undefined,
    ...(row.lifecycle?.replacement === undefined ? {} : { replacement: row.lifecycle.replacement as GroupVersionKind }),
    origin: 'builtin',
  };
}

function builtInSubresource(row: SubresourceRow): SubresourceInfo {
  return {
    name: row.name,
    kind: { group: row.group, version: row.version, kind: row.kind },
    verbs: row.verbs,
    schema: row.def === undefined ? undefined : objectSchema(row.def),
    connect: row.connect === true,
    pathSuffix: row.pathSuffix === true,
    params: row.params ?? {},
  };
}

/** Source: kube-apiserver's storage factory (events of both groups share one storage). */
function storageOf({ group, version, resource, kind }: ResourceRow): ResourceInfo['storage'] {
  if (resource === 'events') return { group: '', version: 'v1', resource, kind };
  const versions = resourceRows.filter((row) => row.group === group && row.resource === resource).map((row) => row.version);
  return { group, version: versions.toSorted(compareVersions)[0] ?? version, resource, kind };
}

function objectSchema(definition: string): ObjectSchema {
  const schema = definitionSchema(definition);
  if (schema.shape !== 'object') throw new RangeError(`${definition} is no struct`);
  return schema;
}

let kinds: ReadonlyMap<string, string> | undefined;

/** Kinds of versions that are served no more and are read all the same. Source: EvictionREST.AcceptsGroupVersion. */
const FORMER_KINDS = [[{ group: 'policy', version: 'v1beta1', kind: 'Eviction' }, 'io.k8s.api.policy.v1.Eviction']] as const;

/** Options kinds are registered in every version of every group; each finds its one definition here. */
function builtInKind(gvk: GroupVersionKind): ObjectSchema | undefined {
  kinds ??= new Map([
    ...Object.entries(definitions).flatMap(([name, { gvk: all = [] }]) => all.map((one) => [gvkKey(one), name] as const)),
    ...FORMER_KINDS.map(([former, name]) => [gvkKey(former), name] as const),
  ]);
  const definition = kinds.get(gvkKey(gvk));
  return definition === undefined ? undefined : objectSchema(definition);
}

/** The schema of a definition by its full name: `io.k8s.api.core.v1.Pod`. @throws RangeError when there is none */
export function schemaOfDefinition(name: string): ObjectSchema {
  return objectSchema(name);
}
