// Why a pod is on no node: what each node refuses, and which changes would place the pod there. Every change that is told was
// tried by running the filters with it.
import type { Pod } from '#api/types.ts';
import { PodClass } from '../cycle/pod-class.ts';
import type { Profile } from '../framework/profile.ts';
import { type Status, statusMessage, unresolvable } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { awaited } from './awaited.ts';
import { costOf } from './change-cost.ts';
import { type Change, changesFor, type Obstacle } from './changes.ts';
import { podName } from './eviction.ts';
import { shareOf, shortagesOf } from './lowered-requests.ts';
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
  /** The node that takes the smallest changes, with those that are needed whatever the node. */
  readonly smallest?: NodeExplanation;
  /** Extenders that filter nodes for the pod, by their URL; they were not asked. */
  readonly extenders?: readonly string[];
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
  const gated = gateOf(pod, profile);
  const slots = [...cluster.nodes.keys()].filter((slot) => cluster.nodes[slot] !== undefined);
  const info = cluster.podInfos.of(pod);
  const kind = new PodClass(info, profile, cluster);
  const refused = slots.map((slot) => {
    const status = refusalOf(kind, slot, cluster);
    return { slot, status, distance: distanceOf(status, { pod: info, slot, cluster }) };
  });
  const found = refused
    .toSorted((a, b) => a.distance - b.distance)
    .map(({ slot, status }, i): Found =>
      i < mostNodes ? wayTo(pod, slot, profile, world) : { slot, status, changes: [], verified: false },
    );
  const told = new Map(found.map((each) => [each, explanationOf(cluster, info, each)]));
  const [best] = found.filter(({ verified }) => verified).toSorted((a, b) => costOf(a.changes) - costOf(b.changes));
  const smallest = best === undefined ? undefined : told.get(best);
  const opened = openGates(pod, profile);
  return {
    ...(gated === undefined ? {} : { before: { plugin: gated.plugin, reason: statusMessage(gated) } }),
    nodes: [...told.values()].toSorted((a, b) => (a.node < b.node ? -1 : 1)),
    ...(smallest === undefined ? {} : { smallest: { ...smallest, changes: [...opened, ...smallest.changes] } }),
    unsought: Math.max(0, found.length - mostNodes),
  };
}

function gateOf(pod: Pod, { preEnqueue }: Profile): Status | undefined {
  return preEnqueue.map((plugin) => plugin.preEnqueue?.(pod)).find((status) => status !== undefined);
}

/** A pod held back by its gates alone needs them gone, wherever it goes. */
function openGates(pod: Pod, profile: Profile): NodeExplanation['changes'] {
  const { schedulingGates = [], ...spec } = pod.spec;
  if (schedulingGates.length === 0 || gateOf({ ...pod, spec }, profile) !== undefined) return [];
  const names = schedulingGates.map(({ name }) => name).join(', ');
  return [{ kind: 'gate', text: `take ${names} out of the pod's schedulingGates` }];
}

/** Nodes that take the pod are nearest, then those that evicting pods would help; of these, those that have least too little. */
function distanceOf(status: Status | undefined, obstacle: Pick<Obstacle, 'pod' | 'slot' | 'cluster'>): number {
  if (status === undefined) return 0;
  return (status.code === 'Unschedulable' ? 1 : 2) + shareOf(shortagesOf(obstacle)) / 2;
}

/** A node, with what was found out about it. */
interface Found {
  readonly slot: number;
  /** Of the first that refuses. */
  readonly status: Status | undefined;
  readonly changes: readonly Change[];
  readonly verified: boolean;
}

function explanationOf(cluster: ClusterState, pod: PodInfo, { slot, status, changes, verified }: Found): NodeExplanation {
  const others = awaited({ pod, slot, cluster }).map((other) => podName(other.pod));
  const beside = others.length === 0 ? '' : `; room there is kept for ${others.join(', ')}`;
  return {
    node: cluster.nodes[slot]?.metadata.name ?? '',
    ...(status === undefined ? {} : { plugin: status.plugin, reason: `${statusMessage(status)}${beside}` }),
    changes: changes.map(({ kind, text }) => ({ kind, text })),
    verified,
  };
}

/** Takes away one refusal after the other, as long as that gets further. */
function wayTo(pod: Pod, slot: number, profile: Profile, world: World): Found {
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
  return { slot, status: first, changes: status === undefined ? changes : [], verified: status === undefined };
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

/** Statuses of plugins that refused a pod whatever the node, or all but a few by name: they are asked before all that look at nodes. */
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
    const elsewhere = unresolvable(plugin, `node(s) didn't satisfy plugin ${plugin}`);
    BEFORE_NODES.add(elsewhere);
    return elsewhere;
  }
  return kind.checkAnew(slot);
}
