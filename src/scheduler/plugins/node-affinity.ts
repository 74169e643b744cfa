// pure
// Node selectors and node affinity, the pod's own and what the configuration adds. Source: plugins/nodeaffinity.
import { matchesNodeSelector, matchesNodeSelectorTerm, matchesRequiredAffinity } from '#api/node-selectors.ts';
import type { Node, NodeAffinity, NodeSelectorTerm, Pod, PreferredSchedulingTerm } from '#api/types.ts';
import { ACTION, clusterEvent } from '../framework/cluster-event.ts';
import type { Plugin, QueueingHint } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { PLUGIN } from './names.ts';

const POD_MISMATCH = unresolvable(PLUGIN.nodeAffinity, "node(s) didn't match Pod's node affinity/selector");
const ENFORCED_MISMATCH = unresolvable(PLUGIN.nodeAffinity, "node(s) didn't match scheduler-enforced node affinity");
const CONFLICT = unresolvable(PLUGIN.nodeAffinity, 'pod affinity terms conflict');

export interface NodeAffinityArgs {
  readonly addedAffinity?: NodeAffinity;
}

export function nodeAffinity({ addedAffinity }: NodeAffinityArgs = {}): Plugin {
  const enforced = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const addedPreference = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];

  const afterNodeChange: QueueingHint = (pod, previous, current) => {
    const node = current as Node;
    if (enforced !== undefined && !matchesNodeSelector(node, enforced)) return 'skip';
    if (!matchesRequiredAffinity(node, pod.spec)) return 'skip';
    return previous === undefined || !matchesRequiredAffinity(previous as Node, pod.spec) ? 'queue' : 'skip';
  };

  return {
    name: PLUGIN.nodeAffinity,
    events: [{ event: clusterEvent('Node', ACTION.Add | ACTION.UpdateNodeLabel), hint: afterNodeChange }],
    sign: ({ spec }) => [spec.affinity?.nodeAffinity, spec.nodeSelector],
    preFilter({ pod }, cluster) {
      const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
      if (required === undefined && enforced === undefined && pod.spec.nodeSelector === undefined) return { kind: 'skip' };
      const nodeNames = namedNodes(required?.nodeSelectorTerms ?? []);
      if (nodeNames?.size === 0) return { kind: 'rejected', status: CONFLICT };
      const check = (slot: number) => {
        const node = cluster.nodes[slot] as Node;
        if (enforced !== undefined && !matchesNodeSelector(node, enforced)) return ENFORCED_MISMATCH;
        return matchesRequiredAffinity(node, pod.spec) ? undefined : POD_MISMATCH;
      };
      return { kind: 'filter', filter: { scope: 'node', check }, ...(nodeNames === undefined ? {} : { nodeNames }) };
    },
    preScore({ pod }, cluster) {
      const terms = [...addedPreference, ...preferredTerms(pod)];
      if (terms.length === 0) return undefined;
      return {
        scope: 'node',
        normalize: 'ascending',
        score(slot) {
          const node = cluster.nodes[slot] as Node;
          let sum = 0;
          for (const { weight, preference } of terms) if (weight !== 0 && matchesNodeSelectorTerm(node, preference)) sum += weight;
          return sum;
        },
      };
    },
  };
}

function preferredTerms({ spec }: Pod): readonly PreferredSchedulingTerm[] {
  return spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
}

/** The nodes the terms name, if every term names some: then no other can match. Empty when the names contradict. */
function namedNodes(terms: readonly NodeSelectorTerm[]): ReadonlySet<string> | undefined {
  if (terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const { matchFields = [] } of terms) {
    let ofTerm: ReadonlySet<string> | undefined;
    for (const { key, operator, values = [] } of matchFields) {
      if (key !== 'metadata.name' || operator !== 'In') continue;
      ofTerm = ofTerm === undefined ? new Set(values) : ofTerm.intersection(new Set(values));
    }
    if (ofTerm === undefined) return undefined;
    for (const name of ofTerm) names.add(name);
  }
  return names;
}
