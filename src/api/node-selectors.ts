// Which nodes a node selector, or a pod's selector and affinity, take. Source: component-helpers nodeaffinity.
import { newRequirement, SelectorError, type LabelOperator } from '#apimachinery/label-requirement.ts';
import type { Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from './gen/core-v1.ts';

const OPERATORS: Readonly<Record<NodeSelectorRequirement['operator'], LabelOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
};

/** Any term takes the node. Terms that are empty or malformed take none. Source: LazyErrorNodeSelector.Match. */
export function matchesNodeSelector(node: Node, { nodeSelectorTerms }: NodeSelector): boolean {
  return nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(node, term));
}

/** All expressions and all fields hold; an empty term takes nothing. */
export function matchesNodeSelectorTerm(node: Node, { matchExpressions = [], matchFields = [] }: NodeSelectorTerm): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  return matchExpressions.every((expression) => holds(expression, labels)) && matchFields.every((field) => fieldHolds(field, node));
}

function holds({ key, operator, values }: NodeSelectorRequirement, labels: Readonly<Record<string, string>>): boolean {
  try {
    return newRequirement(key, OPERATORS[operator], values ?? []).matches(labels);
  } catch (error) {
    if (error instanceof SelectorError) return false;
    throw error;
  }
}

/** The only field is `metadata.name`, against exactly one value. */
function fieldHolds({ key, operator, values = [] }: NodeSelectorRequirement, node: Node): boolean {
  if (values.length !== 1) return false;
  const actual = key === 'metadata.name' ? node.metadata.name : '';
  return operator === 'In' ? actual === values[0] : operator === 'NotIn' && actual !== values[0];
}

/** Both what `nodeSelector` and what the required node affinity ask for. Source: RequiredNodeAffinity.Match. */
export function matchesRequiredAffinity(node: Node, spec: Pick<PodSpec, 'nodeSelector' | 'affinity'>): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesNodeSelector(node, required);
}
