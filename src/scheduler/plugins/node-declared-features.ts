// pure
// A pod that asks for what not every kubelet can do goes to a node whose kubelet says it can. Source:
// plugins/nodedeclaredfeatures; component-helpers nodedeclaredfeatures/features at v1.36.
import type { Container, Node, Pod } from '#api/types.ts';
import { ACTION, clusterEvent, isEqual } from '../framework/cluster-event.ts';
import type { Plugin, QueueingHint } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { PLUGIN } from './names.ts';

const LACKING = unresolvable(PLUGIN.nodeDeclaredFeatures, "node(s) didn't match Pod's required features");

const restartsAll = ({ restartPolicyRules = [] }: Pick<Container, 'restartPolicyRules'>): boolean =>
  restartPolicyRules.some(({ action }) => action === 'RestartAllContainers');

/** By the name kubelets declare it by, what asks for it. Those that only updates of pods ask for are not here. */
const FEATURES: readonly (readonly [name: string, asks: (spec: Pod['spec']) => boolean])[] = [
  ['RestartAllContainersOnContainerExits', ({ containers, initContainers = [] }) => [...containers, ...initContainers].some(restartsAll)],
  ['UserNamespacesHostNetworkSupport', ({ hostNetwork, hostUsers }) => hostNetwork === true && hostUsers === false],
];

const featuresOf = ({ spec }: Pod): readonly string[] => FEATURES.filter(([, asks]) => asks(spec)).map(([name]) => name);

const declaredBy = (node: Node | undefined): readonly string[] => node?.status?.declaredFeatures ?? [];

const afterNodeChange: QueueingHint = (_, previous, current) =>
  previous !== undefined && isEqual(declaredBy(previous as Node), declaredBy(current as Node)) ? 'skip' : 'queue';

const afterPodChange: QueueingHint = (pod, previous, current) => {
  const changed = current as Pod;
  if (changed.metadata.uid !== pod.metadata.uid) return 'skip';
  return isEqual(featuresOf(previous as Pod), featuresOf(changed)) ? 'skip' : 'queue';
};

export const nodeDeclaredFeatures: Plugin = {
  name: PLUGIN.nodeDeclaredFeatures,
  events: [
    { event: clusterEvent('Node', ACTION.Add | ACTION.UpdateNodeDeclaredFeature), hint: afterNodeChange },
    { event: clusterEvent('Pod', ACTION.Update), hint: afterPodChange },
  ],
  sign: (pod) => featuresOf(pod),
  preFilter({ pod }, cluster) {
    const needed = featuresOf(pod);
    if (needed.length === 0) return { kind: 'skip' };
    const check = (slot: number) => {
      const declared = declaredBy(cluster.nodes[slot]);
      return needed.every((name) => declared.includes(name)) ? undefined : LACKING;
    };
    return { kind: 'filter', filter: { scope: 'node', check } };
  },
};
