// pure
// A pod with scheduling gates does not enter the queue before they are gone. Source: plugins/schedulinggates.
import type { Pod } from '#api/types.ts';
import { ACTION, clusterEvent } from '../framework/cluster-event.ts';
import type { Plugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { PLUGIN } from './names.ts';

export const schedulingGates: Plugin = {
  name: PLUGIN.schedulingGates,
  events: [
    {
      event: clusterEvent('Pod', ACTION.UpdatePodSchedulingGatesEliminated),
      hint: (pod, _, current) => ((current as Pod | undefined)?.metadata.uid === pod.metadata.uid ? 'queue' : 'skip'),
    },
  ],
  preEnqueue({ spec }) {
    const gates = (spec.schedulingGates ?? []).map(({ name }) => name);
    return gates.length === 0 ? undefined : unresolvable(PLUGIN.schedulingGates, `waiting for scheduling gates: [${gates.join(' ')}]`);
  },
};
