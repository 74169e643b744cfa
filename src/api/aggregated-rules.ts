// Rules of roles that gather the rules of others. Pure.
// Source: pkg/controller/clusterroleaggregation clusterroleaggregation_controller.go syncClusterRole.
import type { ClusterRole, PolicyRule } from './types.ts';
import { selectorFromObject } from '#apimachinery/labels.ts';

/** What an aggregated role reads of others. */
export type AggregationSource = Pick<ClusterRole, 'rules'> & {
  readonly metadata: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> };
};

/** Rules of every other role a selector matches, each once, roles in the order of their names; undefined for a role of its own rules. */
export function aggregatedRules(
  role: AggregationSource & Pick<ClusterRole, 'aggregationRule'>,
  all: readonly AggregationSource[],
): readonly PolicyRule[] | undefined {
  if (role.aggregationRule === undefined) return undefined;
  const byText = new Map<string, PolicyRule>();
  for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
    const labels = selectorFromObject(selector);
    const matching = all
      .filter(({ metadata }) => metadata.name !== role.metadata.name && labels.matches(metadata.labels ?? {}))
      .toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
    for (const rule of matching.flatMap(({ rules }) => rules ?? [])) {
      const text = JSON.stringify([rule.verbs, rule.apiGroups, rule.resources, rule.resourceNames, rule.nonResourceURLs]);
      if (!byText.has(text)) byText.set(text, rule);
    }
  }
  return [...byText.values()];
}
