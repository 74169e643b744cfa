// Whether some rules allow all that others do, and what they leave out. Pure.
// Source: component-helpers auth/rbac/validation policy_comparator.go; pkg/registry/rbac/validation policy_compact.go.
import { trimEnd } from '#base/trim-end.ts';
import type { PolicyRule } from '#api/types.ts';

/** Rules of `servant`, each taken apart to one verb, resource and name, that no rule of `owner` covers. */
export function uncovered(owner: readonly PolicyRule[], servant: readonly PolicyRule[]): readonly PolicyRule[] {
  return servant.flatMap(breakDown).filter((rule) => !owner.some((candidate) => covers(candidate, rule)));
}

function breakDown({ apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [], verbs }: PolicyRule): readonly PolicyRule[] {
  const names = resourceNames.length === 0 ? [{}] : resourceNames.map((name) => ({ resourceNames: [name] }));
  return [
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) => names.map((name) => ({ apiGroups: [group], resources: [resource], verbs: [verb], ...name }))),
      ),
    ),
    ...nonResourceURLs.flatMap((url) => verbs.map((verb) => ({ nonResourceURLs: [url], verbs: [verb] }))),
  ];
}

function covers(owner: PolicyRule, rule: PolicyRule): boolean {
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = owner.resourceNames ?? [];
  return (
    all(owner.verbs, rule.verbs) &&
    all(owner.apiGroups ?? [], apiGroups) &&
    resources.every((resource) => coversResource(owner.resources ?? [], resource)) &&
    (names.length === 0 || (resourceNames.length > 0 && resourceNames.every((name) => names.includes(name)))) &&
    nonResourceURLs.every((url) => (owner.nonResourceURLs ?? []).some((own) => coversUrl(own, url)))
  );
}

const all = (own: readonly string[], wanted: readonly string[]): boolean => own.includes('*') || wanted.every((one) => own.includes(one));

function coversResource(own: readonly string[], resource: string): boolean {
  if (own.includes('*') || own.includes(resource)) return true;
  const slash = resource.indexOf('/');
  return slash !== -1 && own.includes(`*${resource.slice(slash)}`);
}

const coversUrl = (own: string, url: string): boolean => own === url || (own.endsWith('*') && url.startsWith(trimEnd(own, '*')));

/** Rules with one group, one resource and at most one name that differ only by verb become one. Source: CompactRules. */
export function compactRules(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const compacted: PolicyRule[] = [];
  const simple = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
    if (apiGroups.length !== 1 || resources.length !== 1 || resourceNames.length > 1 || nonResourceURLs.length > 0) {
      compacted.push(rule);
      continue;
    }
    const key = JSON.stringify([apiGroups, resources, resourceNames]);
    const known = simple.get(key);
    simple.set(key, known === undefined ? rule : { ...known, verbs: [...known.verbs, ...rule.verbs] });
  }
  return [...compacted, ...simple.values()];
}
