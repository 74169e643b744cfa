// pure
// What was done to a node that keeps a pod away: told by who manages its fields, and since when.
import type { Node } from '#api/types.ts';
import { taintText } from '#api/taints.ts';
import type { PlacementExplanation } from '#scheduler/explain/explain-placement.ts';
import type { PrecedingChange } from './contract.ts';

interface Concern {
  readonly field: 'f:unschedulable' | 'f:taints';
  readonly differences: (node: Node) => readonly string[];
}

const CONCERNS: Readonly<Record<string, Concern>> = {
  NodeUnschedulable: { field: 'f:unschedulable', differences: () => ['spec.unschedulable: (none) → true'] },
  TaintToleration: {
    field: 'f:taints',
    differences: ({ spec }) => (spec.taints ?? []).map((taint) => `spec.taints: ${taintText(taint)} added`),
  },
};

/** The node that would take the pod soonest, where what keeps it away was done to it. */
export function nodeInTheWay({ smallest }: PlacementExplanation): string | undefined {
  return smallest?.plugin !== undefined && CONCERNS[smallest.plugin] !== undefined ? smallest.node : undefined;
}

/** `plugin`: that refuses the node. Undefined when nobody is known to have done it. */
export function nodeChange(node: Node, plugin: string): PrecedingChange | undefined {
  const concern = CONCERNS[plugin];
  if (concern === undefined) return undefined;
  const done = (node.metadata.managedFields ?? []).filter(({ fieldsV1, time }) => time !== undefined && hasField(fieldsV1, concern.field));
  const [latest] = done.toSorted((a, b) => ((a.time ?? '') < (b.time ?? '') ? 1 : -1));
  if (latest?.time === undefined || latest.time === null) return undefined;
  return {
    object: `Node ${node.metadata.name}, by ${latest.manager ?? 'somebody'}`,
    time: latest.time,
    differences: concern.differences(node),
  };
}

function hasField(fields: unknown, field: Concern['field']): boolean {
  const spec = (fields as { readonly 'f:spec'?: Readonly<Record<string, unknown>> } | undefined)?.['f:spec'];
  return spec?.[field] !== undefined;
}
