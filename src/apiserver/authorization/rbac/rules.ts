// Policy rules: what one allows, in the form requests are judged by, and which rules cover which. Pure.
// Source: pkg/apis/rbac/v1 evaluation_helpers.go; plugin/pkg/auth/authorizer/rbac rbac.go RuleAllows.
import { trimEnd } from '#base/trim-end.ts';
import type { PolicyRule } from '#api/types.ts';
import { goQuotedList } from '#apimachinery/go-format.ts';
import type { AuthorizationAttributes } from '../contract.ts';

/** What a rule allows may carry along why: `T` is the same for all rules of one role binding. */
interface Grant<T> {
  /** Undefined: every verb. */
  readonly verbs: ReadonlySet<string> | undefined;
  /** Undefined: every name, and requests without one. */
  readonly names: ReadonlySet<string> | undefined;
  readonly source: T;
}

interface WildGrant<T> extends Grant<T> {
  readonly groups: ReadonlySet<string> | undefined;
  /** Undefined: every resource and subresource. May hold `*\/scale`. */
  readonly resources: ReadonlySet<string> | undefined;
}

interface PathGrant<T> extends Grant<T> {
  /** Without the closing `*`. */
  readonly prefix: string;
}

/** Rules gathered so that a request meets only those that may speak for it. */
export class RuleSet<T> {
  /** By group and `resource/subresource`. */
  readonly #exact = new Map<string, Grant<T>[]>();
  readonly #wild: WildGrant<T>[] = [];
  readonly #paths = new Map<string, Grant<T>[]>();
  readonly #prefixes: PathGrant<T>[] = [];

  add(rule: PolicyRule, source: T): void {
    const verbs = setOf(rule.verbs);
    const names = rule.resourceNames === undefined || rule.resourceNames.length === 0 ? undefined : new Set(rule.resourceNames);
    const { apiGroups = [], resources = [], nonResourceURLs = [] } = rule;
    if (apiGroups.includes('*') || resources.some((resource) => resource === '*' || resource.startsWith('*/'))) {
      this.#wild.push({ verbs, names, source, groups: setOf(apiGroups), resources: setOf(resources) });
    } else {
      for (const group of apiGroups) for (const resource of resources) push(this.#exact, `${group} ${resource}`, { verbs, names, source });
    }
    for (const url of nonResourceURLs) {
      if (url.endsWith('*')) this.#prefixes.push({ verbs, names: undefined, source, prefix: trimEnd(url, '*') });
      else push(this.#paths, url, { verbs, names: undefined, source });
    }
  }

  /** Source of a rule that allows this. */
  find(attributes: AuthorizationAttributes): T | undefined {
    return attributes.isResourceRequest ? this.#findResource(attributes) : this.#findPath(attributes);
  }

  #findResource({ verb, group, resource, subresource, name }: AuthorizationAttributes): T | undefined {
    const combined = subresource === '' ? resource : `${resource}/${subresource}`;
    const exact = this.#exact.get(`${group} ${combined}`);
    if (exact !== undefined) for (const grant of exact) if (grants(grant, verb, name)) return grant.source;
    for (const grant of this.#wild) {
      if (!grants(grant, verb, name) || (grant.groups !== undefined && !grant.groups.has(group))) continue;
      const { resources } = grant;
      if (resources === undefined || resources.has(combined) || (subresource !== '' && resources.has(`*/${subresource}`)))
        return grant.source;
    }
    return undefined;
  }

  #findPath({ verb, path }: AuthorizationAttributes): T | undefined {
    const exact = this.#paths.get(path);
    if (exact !== undefined) for (const grant of exact) if (grants(grant, verb, '')) return grant.source;
    for (const grant of this.#prefixes) if (path.startsWith(grant.prefix) && grants(grant, verb, '')) return grant.source;
    return undefined;
  }
}

const grants = <T>({ verbs, names }: Grant<T>, verb: string, name: string): boolean =>
  (verbs === undefined || verbs.has(verb)) && (names === undefined || names.has(name));

const setOf = (texts: readonly string[]): ReadonlySet<string> | undefined => (texts.includes('*') ? undefined : new Set(texts));

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

/** Source: rbacv1helpers.CompactString. */
export function compactRule({ apiGroups = [], resources = [], nonResourceURLs = [], resourceNames = [], verbs }: PolicyRule): string {
  const parts = {
    APIGroups: apiGroups,
    Resources: resources,
    NonResourceURLs: nonResourceURLs,
    ResourceNames: resourceNames,
    Verbs: verbs,
  };
  const shown = Object.entries(parts).filter(([, values]) => values.length > 0);
  return `{${shown.map(([name, values]) => `${name}:${goQuotedList(values)}`).join(', ')}}`;
}

/** Source: %q of a string slice. */
