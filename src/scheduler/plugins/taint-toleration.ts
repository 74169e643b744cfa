// pure
// Taints keep pods away that do not tolerate them, or make a node less liked. Source: plugins/tainttoleration.
import { toleratesTaint, untoleratedTaint } from '#api/taints.ts';
import type { Node, Pod } from '#api/types.ts';
import { ACTION, clusterEvent } from '../framework/cluster-event.ts';
import type { Plugin, QueueingHint } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { PLUGIN } from './names.ts';

const UNTOLERATED = unresolvable(PLUGIN.taintToleration, 'node(s) had untolerated taint(s)');

const isUntolerated = (node: Node, { spec }: Pod): boolean => untoleratedTaint(node.spec?.taints, spec.tolerations) !== undefined;

const afterNodeChange: QueueingHint = (pod, previous, current) => {
  const was = previous === undefined || isUntolerated(previous as Node, pod);
  return was && !isUntolerated(current as Node, pod) ? 'queue' : 'skip';
};

const afterToleration: QueueingHint = (pod, _, current) => ((current as Pod).metadata.uid === pod.metadata.uid ? 'queue' : 'skip');

export const taintToleration: Plugin = {
  name: PLUGIN.taintToleration,
  events: [
    { event: clusterEvent('Node', ACTION.Add | ACTION.UpdateNodeTaint), hint: afterNodeChange },
    { event: clusterEvent('Pod', ACTION.UpdatePodToleration), hint: afterToleration },
  ],
  sign: ({ spec }) => spec.tolerations,
  preFilter({ pod }, cluster) {
    const check = (slot: number) => {
      const node = cluster.nodes[slot];
      return node?.spec?.taints !== undefined && isUntolerated(node, pod) ? UNTOLERATED : undefined;
    };
    return { kind: 'filter', filter: { scope: 'node', check } };
  },
  preScore({ pod }, cluster) {
    const tolerations = (pod.spec.tolerations ?? []).filter(({ effect = '' }) => effect === '' || effect === 'PreferNoSchedule');
    return {
      scope: 'node',
      normalize: 'descending',
      score(slot) {
        const taints = cluster.nodes[slot]?.spec?.taints;
        if (taints === undefined) return 0;
        const intolerable = taints.filter(
          (taint) => taint.effect === 'PreferNoSchedule' && !tolerations.some((toleration) => toleratesTaint(toleration, taint)),
        );
        return intolerable.length;
      },
    };
  },
};
