// Why a pod is on no node: what each node refuses, and which changes would place the pod there. Every change that is told was
// tried by running the filters with it.
import type { Pod } from '#api/types.ts';
import { PodClass } from '../cycle/pod-class.ts';
import type { Profile } from '../framework/profile.ts';
import { type Status, statusMessage, unresolvable } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { type Change, changesFor } from './changes.ts';
import { apply, type World } from './trial-world.ts';
import { VOLUME_PLUGINS } from './volume-changes.ts';
import { PLUGIN } from '../plugins/names.ts';

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

export interface ExplainOptions extends World {
  readonly profile: Profile;
  /** For how many nodes changes are sought. */
  readonly mostNodes?: number;
}

const MOST_NODES = 50;
/** A pod that needs more is better written anew. */
const MOST_CHANGES = 8;

export function explainPlacement(pod: Pod, { profile, mostNodes = MOST_NODES, ...world }: ExplainOptions): PlacementExplanation {
  const { cluster } = world;
  const gated = profile.preEnqueue.map((plugin) => plugin.preEnqueue?.(pod)).find((status) => status !== undefined);
  const slots = [...cluster.nodes.keys()].filter((slot) => cluster.nodes[slot] !== undefined);
  const kind = new PodClass(cluster.podInfos.of(pod), profile, cluster);
  const refused = slots.map((slot) => ({ slot, status: refusalOf(kind, slot, cluster) }));
  // Those that evicting pods would help are nearest.
  const nearest = refused.toSorted((a, b) => distance(a.status) - distance(b.status));
  const nodes = nearest.map(({ slot, status }, i) =>
    i < mostNodes ? explainNode(pod, slot, profile, world) : explanationOf(cluster, slot, status, [], false),
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
function explainNode(pod: Pod, slot: number, profile: Profile, world: World): NodeExplanation {
  const { cluster } = world;
  const changes: Change[] = [];
  const undone: (() => void)[] = [];
  let current = pod;
  const first = statusOf(current, slot, profile, cluster);
  let status = first;
  while (status !== undefined && changes.length < MOST_CHANGES) {
    const step = firstThatHelps(status, current, slot, profile, world);
    if (step === undefined) break;
    undone.push(apply(step.change, world));
    current = step.change.pod ?? current;
    changes.push(step.change);
    status = step.status;
  }
  for (const undo of undone.toReversed()) undo();
  return explanationOf(cluster, slot, first, status === undefined ? changes : [], status === undefined);
}

interface Step {
  readonly change: Change;
  /** What refuses after it. */
  readonly status: Status | undefined;
}

function firstThatHelps(status: Status, pod: Pod, slot: number, profile: Profile, world: World): Step | undefined {
  const { cluster } = world;
  let further: Step | undefined;
  for (const change of changesFor(status.plugin, { ...world, pod: cluster.podInfos.of(pod), slot, reasons: status.reasons })) {
    const undo = apply(change, world);
    const after = statusOf(change.pod ?? pod, slot, profile, cluster);
    undo();
    if (after === undefined) return { change, status: after };
    if (further === undefined && getsFurther(status, after, profile)) further = { change, status: after };
  }
  return further;
}

/** Statuses of plugins that refused a pod whatever the node: they are asked before all that look at nodes. */
const BEFORE_NODES = new WeakSet<Status>();

/**
 * A later plugin always counts; of the same plugin another reason, when less is wrong: a second taint looks like the first, and of
 * volumes and devices one reason at a time is told.
 */
function getsFurther(before: Status, after: Status, { filter }: Profile): boolean {
  const order = ({ plugin }: Status): number => filter.findIndex(({ name }) => name === plugin);
  const { plugin, reasons } = before;
  const stages = [before, after].map((status) => (BEFORE_NODES.has(status) ? 0 : 1));
  if (stages[0] !== stages[1]) return stages[0] === 0;
  if (order(after) !== order(before)) return order(after) > order(before);
  if (after.reasons.length < reasons.length || plugin === PLUGIN.taintToleration) return true;
  return (VOLUME_PLUGINS.has(plugin) || plugin === PLUGIN.dynamicResources) && after.reasons.join() !== reasons.join();
}

function statusOf(pod: Pod, slot: number, profile: Profile, cluster: ClusterState): Status | undefined {
  return refusalOf(new PodClass(cluster.podInfos.of(pod), profile, cluster), slot, cluster);
}

function refusalOf(kind: PodClass, slot: number, cluster: ClusterState): Status | undefined {
  if (kind.refusal !== undefined) {
    BEFORE_NODES.add(kind.refusal);
    return kind.refusal;
  }
  if (kind.nodeNames?.has(cluster.nodes[slot]?.metadata.name ?? '') === false) {
    const [plugin = ''] = kind.namingPlugins;
    return unresolvable(plugin, `node(s) didn't satisfy plugin ${plugin}`);
  }
  return kind.checkAnew(slot);
}
