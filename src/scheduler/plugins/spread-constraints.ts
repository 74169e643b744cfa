// pure
// Spread constraints as plugins count by them. Source: plugins/podtopologyspread common.go, plugin.go.
import { newRequirement } from '#apimachinery/label-requirement.ts';
import { type LabelSelector, nothing, selectorFromObject } from '#apimachinery/labels.ts';
import { matchesRequiredAffinity } from '#api/node-selectors.ts';
import { untoleratedTaint } from '#api/taints.ts';
import type { Node, Pod, TopologySpreadConstraint } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';

export interface SpreadConstraint {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly selector: LabelSelector;
  readonly minDomains: number;
  readonly nodeAffinityPolicy: 'Honor' | 'Ignore';
  readonly nodeTaintsPolicy: 'Honor' | 'Ignore';
}

export type UnsatisfiableAction = 'DoNotSchedule' | 'ScheduleAnyway';

/** A constraint of the configuration: it has no selector, for that depends on the pod's services and owner. */
export type DefaultConstraint = Omit<TopologySpreadConstraint, 'labelSelector' | 'matchLabelKeys'>;

/** Source: systemDefaultConstraints. */
export const SYSTEM_DEFAULT_CONSTRAINTS: readonly DefaultConstraint[] = [
  { topologyKey: LABEL.hostname, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: LABEL.zone, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

/** Those of the pod's own constraints that ask for `action`. Source: filterTopologySpreadConstraints. */
export function ownConstraints({ metadata, spec }: Pod, action: UnsatisfiableAction): readonly SpreadConstraint[] {
  const asked = (spec.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action);
  return asked.map((constraint) => read(constraint, selectorOf(constraint, metadata.labels ?? {})));
}

/** `selector`: what groups the pod with its like; a selector of everything means nothing does. Source: buildDefaultConstraints. */
export function defaultConstraints(
  defaults: readonly DefaultConstraint[],
  selector: LabelSelector,
  action: UnsatisfiableAction,
): readonly SpreadConstraint[] {
  if (selector.empty) return [];
  return defaults.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action).map((constraint) => read(constraint, selector));
}

function read(constraint: DefaultConstraint, selector: LabelSelector): SpreadConstraint {
  return {
    maxSkew: constraint.maxSkew,
    topologyKey: constraint.topologyKey,
    selector,
    minDomains: constraint.minDomains ?? 1,
    nodeAffinityPolicy: constraint.nodeAffinityPolicy === 'Ignore' ? 'Ignore' : 'Honor',
    nodeTaintsPolicy: constraint.nodeTaintsPolicy === 'Honor' ? 'Honor' : 'Ignore',
  };
}

function selectorOf(
  { labelSelector, matchLabelKeys = [] }: TopologySpreadConstraint,
  labels: Readonly<Record<string, string>>,
): LabelSelector {
  const selector = labelSelector === undefined ? nothing : selectorFromObject(labelSelector);
  const keys = matchLabelKeys.filter((key) => Object.hasOwn(labels, key));
  return keys.length === 0 ? selector : selector.and(...keys.map((key) => newRequirement(key, '=', [labels[key] as string])));
}

/** Whether pods on the node count. Source: matchNodeInclusionPolicies. */
export function includesNode({ nodeAffinityPolicy, nodeTaintsPolicy }: SpreadConstraint, node: Node, { spec }: Pod): boolean {
  if (nodeAffinityPolicy === 'Honor' && !matchesRequiredAffinity(node, spec)) return false;
  return nodeTaintsPolicy === 'Ignore' || untoleratedTaint(node.spec?.taints, spec.tolerations) === undefined;
}

export function hasEveryKey(node: Node, constraints: readonly SpreadConstraint[]): boolean {
  const labels = node.metadata.labels ?? {};
  return constraints.every(({ topologyKey }) => Object.hasOwn(labels, topologyKey));
}
