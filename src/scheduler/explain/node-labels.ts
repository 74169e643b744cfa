// pure
// Labels that would make a node one that is asked for.
import { ownValue } from '#api/json-object.ts';
import type { Node, NodeSelectorRequirement, NodeSelectorTerm } from '#api/types.ts';
import type { Change } from './changes.ts';

/** Labels that say what a node is and are not for people to change. */
export const isGiven = (key: string): boolean => /(^|\.)(kubernetes|k8s)\.io\//.test(key);

/** One change for each term (any, if there are none) that labels alone make hold, with `more` besides; the shortest first. */
export function labelled(node: Node, terms: readonly NodeSelectorTerm[], more: Readonly<Record<string, string>> = {}): readonly Change[] {
  const ways = terms.length === 0 ? [{}] : terms.map((term) => labelsFor(term, node.metadata.labels ?? {}));
  return ways
    .filter((way) => way !== undefined)
    .map((way) => ({ ...more, ...way }) as Readonly<Record<string, string | null>>)
    .filter((way) => Object.keys(way).length > 0 && !Object.keys(way).some(isGiven))
    .toSorted((a, b) => Object.keys(a).length - Object.keys(b).length)
    .map((way) => relabelled(node, way));
}

/** `null`: without the label. */
function relabelled(node: Node, way: Readonly<Record<string, string | null>>): Change {
  const labels: Record<string, string> = { ...node.metadata.labels };
  const said = Object.entries(way).map(([key, value]) => {
    if (value === null) delete labels[key];
    else labels[key] = value;
    return value === null ? `${key}-` : `${key}=${value}`;
  });
  return {
    kind: 'label',
    text: `label node ${node.metadata.name} ${said.join(' ')}`,
    node: { ...node, metadata: { ...node.metadata, labels } },
    relabels: Object.keys(way).some((key) => ownValue(node.metadata.labels, key) !== undefined),
  };
}

/** Labels (null: none) with which the term holds; undefined when labels alone do not do it. */
function labelsFor({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, labels: Readonly<Record<string, string>>) {
  if (matchFields.length > 0) return undefined;
  const way: Record<string, string | null> = {};
  for (const requirement of matchExpressions) {
    const now = ownValue(labels, requirement.key);
    const value = labelFor(requirement, now);
    if (value !== now) way[requirement.key] = value ?? null;
  }
  return way;
}

function labelFor({ operator, values = [] }: NodeSelectorRequirement, now: string | undefined): string | undefined {
  const [first = ''] = values;
  switch (operator) {
    case 'In':
      return now !== undefined && values.includes(now) ? now : first;
    case 'NotIn':
      return now !== undefined && values.includes(now) ? undefined : now;
    case 'Exists':
      return now ?? '';
    case 'DoesNotExist':
      return undefined;
    case 'Gt':
      return Number(now) > Number(first) ? now : String(Number(first) + 1);
    case 'Lt':
      return Number(now) < Number(first) ? now : String(Number(first) - 1);
  }
}
