// pure
// A node that is well again: what keeps pods away from it is a taint that goes by itself then.
import { ownValue } from '#api/json-object.ts';
import type { Node, Taint } from '#api/types.ts';
import { withoutTaint } from '#api/taints.ts';
import { findCondition } from '#api/conditions.ts';
import { TAINT } from '#api/well-known.ts';
import type { Change } from './changes.ts';

/** What it takes, by the taint's key; of a node that says why, in its words. */
const RECOVERIES: Readonly<Record<string, (node: string, why: string) => string>> = {
  [TAINT.notReady]: (node, why) => `get node ${node} ready${why}`,
  [TAINT.unreachable]: (node, why) => `get node ${node} ready${why}`,
  [TAINT.memoryPressure]: (node) => `free memory on node ${node}`,
  [TAINT.diskPressure]: (node) => `free room on the disk of node ${node}`,
  [TAINT.pidPressure]: (node) => `end processes on node ${node}`,
  [TAINT.networkUnavailable]: (node) => `set up the network of node ${node}`,
  [TAINT.outOfService]: (node) => `take the taint ${TAINT.outOfService} off node ${node} once it is in service again`,
  'node.cloudprovider.kubernetes.io/uninitialized': (node) => `have the cloud controller manager initialize node ${node}`,
};

/** Rather than a pod that bears with a sick node; none for a taint that somebody put there. */
export function recovered(node: Node, taint: Taint): readonly Change[] {
  const said = ownValue(RECOVERIES, taint.key);
  if (said === undefined) return [];
  const ready = findCondition(node.status?.conditions, 'Ready');
  const why = ready === undefined || ready.status === 'True' ? '' : ` (${ready.reason ?? ''}: ${ready.message ?? ''})`;
  const taints = withoutTaint(node.spec.taints, taint);
  return [{ kind: 'recovery', text: said(node.metadata.name, why), node: { ...node, spec: { ...node.spec, taints } } }];
}
