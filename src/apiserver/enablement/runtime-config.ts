// pure
// `--runtime-config`: which versions and resources of the built-in API are served.
// Source: apiserver server/resourceconfig helpers.go, server/options/api_enablement.go.
import { groupRows } from '#api/schema/tables.ts';
import { isStableVersion } from '#api/schema.ts';

/** What the flag says cannot be done; the message is upstream's. */
export class RuntimeConfigError extends Error {
  override readonly name = 'RuntimeConfigError';
}

export interface ApiResource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

/** Keys for many versions at once; a later one overrules an earlier one. */
const MATCHERS: ReadonlyMap<string, RegExp> = new Map([
  ['api/all', /^/],
  ['api/ga', /^v\d+$/],
  ['api/beta', /^v\d+beta\d+$/],
  ['api/alpha', /^v\d+alpha\d+$/],
]);

/** Versions of which nothing is left to serve but whose types upstream still knows: naming them is no mistake. Source: k8s.io/api. */
const FORMER: Readonly<Record<string, readonly string[]>> = {
  apps: ['v1beta1', 'v1beta2'],
  'authentication.k8s.io': ['v1beta1', 'v1alpha1'],
  'authorization.k8s.io': ['v1beta1'],
  batch: ['v1beta1'],
  'discovery.k8s.io': ['v1beta1'],
  'events.k8s.io': ['v1beta1'],
  extensions: ['v1beta1'],
  'flowcontrol.apiserver.k8s.io': ['v1beta3', 'v1beta2', 'v1beta1'],
  'imagepolicy.k8s.io': ['v1alpha1'],
  'node.k8s.io': ['v1beta1', 'v1alpha1'],
  policy: ['v1beta1'],
  'rbac.authorization.k8s.io': ['v1beta1', 'v1alpha1'],
  'scheduling.k8s.io': ['v1beta1'],
  'storage.k8s.io': ['v1alpha1'],
  'apiextensions.k8s.io': ['v1beta1'],
  'apiregistration.k8s.io': ['v1beta1'],
};

const knownVersions = (group: string): readonly string[] | undefined => {
  const row = groupRows.find(({ name }) => name === group);
  const former = Object.hasOwn(FORMER, group) ? FORMER[group] : undefined;
  return row === undefined && former === undefined ? undefined : [...(row?.versions ?? []), ...(former ?? [])];
};

/** `true` and `false` as Go reads them; nothing at all is true. Source: getRuntimeConfigValue, strconv.ParseBool. */
function booleanOf(key: string, text: string): boolean {
  if (['', '1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  throw new RuntimeConfigError(`invalid value of ${key}: ${text}, err: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** `api/beta=true,resource.k8s.io/v1beta1/resourceslices=false` by key. Source: ConfigurationMap.Set. */
function pairs(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const one of text.split(',').filter((part) => part !== '')) {
    const [key = '', ...value] = one.split('=');
    found.set(key.trim(), value.join('=').trim());
  }
  return found;
}

export class RuntimeConfig {
  /** By `group/version` and `group/version/resource`. */
  readonly #wanted = new Map<string, boolean>();
  /** Of many versions at once, in the order in which they are heeded. */
  readonly #many: readonly (readonly [RegExp, boolean])[];

  /** @param text the flag's value. @throws RuntimeConfigError */
  constructor(text: string) {
    const given = pairs(text);
    if (given.size === 1 && given.get('api/all') === 'false')
      throw new RuntimeConfigError('invalid runtime-config with only api/all=false');
    const named = [...given].filter(([key]) => !MATCHERS.has(key));
    const keys = named.map(([key]) => parseKey(key));
    const unknown = keys.filter(({ group }) => knownVersions(group) === undefined).map(({ group, version }) => `${group}/${version}`);
    if (unknown.length > 0) throw new RuntimeConfigError(`unknown api groups ${[...new Set(unknown)].toSorted().join(',')}`);
    this.#many = [...MATCHERS].flatMap(([key, pattern]) => {
      const value = given.get(key);
      if (value === undefined) return [];
      if (value !== 'true' && value !== 'false') throw new RuntimeConfigError(`invalid value ${key}=${value}`);
      return [[pattern, value === 'true'] as const];
    });
    for (const [key, value] of named) this.#want(key, value);
  }

  #want(key: string, value: string): void {
    const { group, version, resource } = parseKey(key);
    if (knownVersions(group)?.includes(version) !== true) {
      const groupVersion = group === '' ? version : `${group}/${version}`;
      throw new RuntimeConfigError(`group version ${groupVersion} that has not been registered`);
    }
    if (resource !== undefined && resource !== resource.toLowerCase())
      throw new RuntimeConfigError(
        `invalid key ${key}: group/version/resource and resource is always lowercase plural, not ${JSON.stringify(resource)}`,
      );
    this.#wanted.set(key, booleanOf(key, value));
  }

  wants({ group, version, resource }: ApiResource): boolean {
    const groupVersion = `${group}/${version}`;
    return (
      this.#wanted.get(`${groupVersion}/${resource}`) ??
      this.#wanted.get(groupVersion) ??
      this.#many.findLast(([pattern]) => pattern.test(version))?.[1] ??
      isStableVersion(group, version)
    );
  }
}

/** @throws RuntimeConfigError */
function parseKey(key: string): { readonly group: string; readonly version: string; readonly resource: string | undefined } {
  const [group, version, resource, ...rest] = key.split('/');
  if (group === undefined || version === undefined || rest.length > 0) throw new RuntimeConfigError(`runtime-config invalid key ${key}`);
  return { group, version, resource };
}
