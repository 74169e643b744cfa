// Why a pod is on no node: what each node refuses, and which changes would place the pod there. Every change that is told was
// tried by running the filters with it.
import type { Node, Pod } from '#api/types.ts';
import { PodClass } from '../cycle/pod-class.ts';
import type { Profile } from '../framework/profile.ts';
import { type Status, statusMessage, unresolvable } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { type Change, changesFor } from './changes.ts';

export interface NodeExplanation {
  readonly node: string;
  /** The first that refused; absent when the node takes the pod as it is. */
  readonly plugin?: string;
  readonly reason?: string;
  /** All of them together; none are known when it is empty though a plugin refused. */
  readonly changes: readonly Pick<Change, 'kind' | 'text'>[];
  /** With the changes every filter passes, as a run of them showed. */
  readonly verified: boolean;
}

export interface PlacementExplanation {
  /** What keeps the pod from being looked at at all, such as gates. */
  readonly before?: { readonly plugin: string; readonly reason: string };
  readonly nodes: readonly NodeExplanation[];
  /** The node that takes the fewest changes. */
  readonly smallest?: NodeExplanation;
  /** Nodes whose refusals were read but for which no changes were sought: there are too many. */
  readonly unsought: number;
}

export interface ExplainOptions {
  readonly profile: Profile;
  /** Changed while it runs, and put back. */
  readonly cluster: ClusterState;
  /** For how many nodes changes are sought. */
  readonly mostNodes?: number;
}

const MOST_NODES = 50;
/** A pod that needs more is better written anew. */
const MOST_CHANGES = 8;

export function explainPlacement(pod: Pod, { profile, cluster, mostNodes = MOST_NODES }: ExplainOptions): PlacementExplanation {
  const gated = profile.preEnqueue.map((plugin) => plugin.preEnqueue?.(pod)).find((status) => status !== undefined);
  const slots = [...cluster.nodes.keys()].filter((slot) => cluster.nodes[slot] !== undefined);
  const kind = new PodClass(cluster.podInfos.of(pod), profile, cluster);
  const refused = slots.map((slot) => ({ slot, status: refusalOf(kind, slot, cluster) }));
  // Those that evicting pods would help are nearest.
  const nearest = refused.toSorted((a, b) => distance(a.status) - distance(b.status));
  const nodes = nearest.map(({ slot, status }, i) =>
    i < mostNodes ? explainNode(pod, slot, profile, cluster) : explanationOf(cluster, slot, status, [], false),
  );
  const smallest = nodes.filter(({ verified }) => verified).toSorted((a, b) => a.changes.length - b.changes.length)[0];
  return {
    ...(gated === undefined ? {} : { before: { plugin: gated.plugin, reason: statusMessage(gated) } }),
    nodes: nodes.toSorted((a, b) => (a.node < b.node ? -1 : 1)),
    ...(smallest === undefined ? {} : { smallest }),
    unsought: Math.max(0, nodes.length - mostNodes),
  };
}

const distance = (status: Status | undefined): number => (status === undefined ? 0 : status.code === 'Unschedulable' ? 1 : 2);

function explanationOf(
  cluster: ClusterState,
  slot: number,
  status: Status | undefined,
  changes: readonly Change[],
  verified: boolean,
): NodeExplanation {
  return {
    node: cluster.nodes[slot]?.metadata.name ?? '',
    ...(status === undefined ? {} : { plugin: status.plugin, reason: statusMessage(status) }),
    changes: changes.map(({ kind, text }) => ({ kind, text })),
    verified,
  };
}

/** Takes away one refusal after the other, as long as that gets further. */
function explainNode(pod: Pod, slot: number, profile: Profile, cluster: ClusterState): NodeExplanation {
  const original = cluster.nodes[slot] as Node;
  const changes: Change[] = [];
  const gone: Pod[] = [];
  let current = pod;
  const first = statusOf(current, slot, profile, cluster);
  let status = first;
  while (status !== undefined && changes.length < MOST_CHANGES) {
    const step = firstThatHelps(status, current, slot, profile, cluster);
    if (step === undefined) break;
    apply(step.change, cluster, gone);
    current = step.change.pod ?? current;
    changes.push(step.change);
    status = step.status;
  }
  const explanation = explanationOf(cluster, slot, first, status === undefined ? changes : [], status === undefined);
  cluster.setNode(original);
  for (const each of gone) cluster.setPod(each);
  return explanation;
}

interface Step {
  readonly change: Change;
  /** What refuses after it. */
  readonly status: Status | undefined;
}

function firstThatHelps(status: Status, pod: Pod, slot: number, profile: Profile, cluster: ClusterState): Step | undefined {
  const before = cluster.nodes[slot] as Node;
  let further: Step | undefined;
  for (const change of changesFor(status.plugin, { pod: cluster.podInfos.of(pod), slot, cluster })) {
    const gone: Pod[] = [];
    apply(change, cluster, gone);
    const after = statusOf(change.pod ?? pod, slot, profile, cluster);
    cluster.setNode(before);
    for (const each of gone) cluster.setPod(each);
    if (after === undefined) return { change, status: after };
    if (further === undefined && getsFurther(status, after, profile)) further = { change, status: after };
  }
  return further;
}

/** Another reason of the same plugin (a second taint looks like the first) counts when less is wrong, a later plugin always. */
function getsFurther(before: Status, after: Status, { filter }: Profile): boolean {
  const order = (status: Status): number => filter.findIndex(({ name }) => name === status.plugin);
  if (order(after) !== order(before)) return order(after) > order(before);
  return after.reasons.length < before.reasons.length || before.plugin === 'TaintToleration';
}

function apply({ node, removed = [] }: Change, cluster: ClusterState, gone: Pod[]): void {
  if (node !== undefined) cluster.setNode(node);
  for (const pod of removed) {
    if (cluster.removePod(pod.metadata.uid)) gone.push(pod);
  }
}

function statusOf(pod: Pod, slot: number, profile: Profile, cluster: ClusterState): Status | undefined {
  return refusalOf(new PodClass(cluster.podInfos.of(pod), profile, cluster), slot, cluster);
}

function refusalOf(kind: PodClass, slot: number, cluster: ClusterState): Status | undefined {
  if (kind.refusal !== undefined) return kind.refusal;
  if (kind.nodeNames?.has(cluster.nodes[slot]?.metadata.name ?? '') === false) {
    const [plugin = ''] = kind.namingPlugins;
    return unresolvable(plugin, `node(s) didn't satisfy plugin ${plugin}`);
  }
  return kind.checkAnew(slot);
}
