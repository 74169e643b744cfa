// pure
// Cordoned nodes take no pod that does not tolerate that. Source: plugins/nodeunschedulable.
import { toleratesTaint } from '#api/taints.ts';
import type { Node, Pod, Taint } from '#api/types.ts';
import { TAINT } from '#api/well-known.ts';
import { ACTION, clusterEvent } from '../framework/cluster-event.ts';
import type { Plugin, QueueingHint } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { PLUGIN } from './names.ts';

const CORDONED = unresolvable(PLUGIN.nodeUnschedulable, 'node(s) were unschedulable');
const UNSCHEDULABLE_TAINT: Taint = { key: TAINT.unschedulable, effect: 'NoSchedule' };

const tolerates = ({ spec }: Pod): boolean =>
  spec.tolerations?.some((toleration) => toleratesTaint(toleration, UNSCHEDULABLE_TAINT)) === true;

const afterNodeChange: QueueingHint = (_, previous, current) => {
  const [before, now] = [previous as Node | undefined, current as Node];
  if (now.spec.unschedulable === true) return 'skip';
  return before === undefined || before.spec.unschedulable === true ? 'queue' : 'skip';
};

const afterToleration: QueueingHint = (pod, _, current) => {
  const changed = current as Pod;
  return changed.metadata.uid === pod.metadata.uid && tolerates(changed) ? 'queue' : 'skip';
};

export const nodeUnschedulable: Plugin = {
  name: PLUGIN.nodeUnschedulable,
  events: [
    { event: clusterEvent('Node', ACTION.Add | ACTION.UpdateNodeTaint), hint: afterNodeChange },
    { event: clusterEvent('Pod', ACTION.UpdatePodToleration), hint: afterToleration },
  ],
  sign: ({ spec }) => spec.tolerations,
  preFilter({ pod }, cluster) {
    if (tolerates(pod)) return { kind: 'skip' };
    const check = (slot: number) => (cluster.nodes[slot]?.spec?.unschedulable === true ? CORDONED : undefined);
    return { kind: 'filter', filter: { scope: 'node', check } };
  },
};
