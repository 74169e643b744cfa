// pure
// Two pods cannot have the same port of one node. Source: plugins/nodeports.
import type { Pod } from '#api/types.ts';
import { ACTION, clusterEvent, NODE_ADD } from '../framework/cluster-event.ts';
import type { Plugin, QueueingHint } from '../framework/plugin.ts';
import { unschedulable } from '../framework/status.ts';
import { conflictsWith, hostPorts, type UsedPorts, usePorts } from '../state/host-ports.ts';
import { PLUGIN } from './names.ts';

const TAKEN = unschedulable(PLUGIN.nodePorts, "node(s) didn't have free ports for the requested pod ports");

const afterPodDeleted: QueueingHint = (pod, previous) => {
  const deleted = previous as Pod;
  if ((deleted.spec.nodeName ?? '') === '' && (deleted.status?.nominatedNodeName ?? '') === '') return 'skip';
  const freed: UsedPorts = new Map();
  usePorts(freed, hostPorts(deleted), 1);
  return conflictsWith(freed, hostPorts(pod)) ? 'queue' : 'skip';
};

export const nodePorts: Plugin = {
  name: PLUGIN.nodePorts,
  events: [{ event: clusterEvent('Pod', ACTION.Delete), hint: afterPodDeleted }, { event: NODE_ADD }],
  sign: hostPorts,
  preFilter({ ports }, cluster) {
    if (ports.length === 0) return { kind: 'skip' };
    const check = (slot: number) => (cluster.portsConflict(slot, ports) ? TAKEN : undefined);
    return { kind: 'filter', filter: { scope: 'node', check } };
  },
};
