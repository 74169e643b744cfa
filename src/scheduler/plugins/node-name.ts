// pure
// A pod that names its node goes nowhere else. Source: plugins/nodename.
import { NODE_ADD } from '../framework/cluster-event.ts';
import type { Plugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { PLUGIN } from './names.ts';

const MISMATCH = unresolvable(PLUGIN.nodeName, "node(s) didn't match the requested node name");

export const nodeName: Plugin = {
  name: PLUGIN.nodeName,
  events: [{ event: NODE_ADD }],
  sign: ({ spec }) => spec.nodeName ?? '',
  preFilter({ pod }, cluster) {
    const wanted = pod.spec.nodeName ?? '';
    if (wanted === '') return { kind: 'skip' };
    const check = (slot: number) => (cluster.nodes[slot]?.metadata.name === wanted ? undefined : MISMATCH);
    return { kind: 'filter', filter: { scope: 'node', check } };
  },
};
