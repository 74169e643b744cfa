// pure
// What of a quota's limits is used, by the evaluators that admission charges with too.
// Source: resource_quota_controller.go syncResourceQuota, quota CalculateUsage, generic CalculateUsageStats.
import type { Evaluator, ScopeSelector } from '#api/quota/evaluator.ts';
import { addResources, equalResources, type ResourceList } from '#api/resource-lists.ts';
import type { KubeObject, ResourceQuota } from '#api/types.ts';

/** One counted resource of the namespace. */
export interface Counted {
  readonly evaluator: Evaluator;
  readonly objects: Iterable<KubeObject>;
}

/** The status the quota should have; undefined when it has that. `now`: milliseconds since the epoch. */
export function quotaStatus(
  { spec, status }: ResourceQuota,
  counted: readonly Counted[],
  now: number,
): ResourceQuota['status'] | undefined {
  const hard = spec.hard ?? {};
  const names = Object.keys(hard);
  const selectors: readonly ScopeSelector[] = [
    ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(spec.scopeSelector?.matchExpressions ?? []),
  ];
  // A limit that nothing counts keeps what it shows.
  const used: Record<string, string> = Object.fromEntries(Object.entries(status.used ?? {}).filter(([name]) => Object.hasOwn(hard, name)));
  for (const { evaluator, objects } of counted) {
    const limited = new Set(evaluator.matching(names));
    if (limited.size === 0) continue;
    let sum: ResourceList = Object.fromEntries([...limited].map((name) => [name, '0']));
    for (const object of objects) {
      if (!selectors.every((selector) => evaluator.matchesScope(selector, object))) continue;
      sum = addResources(sum, Object.fromEntries(Object.entries(evaluator.usage(object, now)).filter(([name]) => limited.has(name))));
    }
    Object.assign(used, sum);
  }
  const same = equalResources(status.hard ?? {}, hard) && equalResources(status.used ?? {}, used);
  return same ? undefined : { hard, used };
}
