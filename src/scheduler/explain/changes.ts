// pure
// What could be changed so that a plugin refuses a pod on a node no more, the smallest first. Whether a change does what it
// should is not decided here: explain-placement.ts runs the filters with it.
import { ownValue } from '#api/json-object.ts';
import type { Node, Pod, Toleration } from '#api/types.ts';
import { controllerOf } from '#api/owner-references.ts';
import { taintText, untoleratedTaint } from '#api/taints.ts';
import { PLUGIN } from '../plugins/names.ts';
import { conflictsWith, type UsedPorts, usePorts } from '../state/host-ports.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { deviceChanges } from './device-changes.ts';
import { eviction, isLeaving } from './eviction.ts';
import { awaited } from './awaited.ts';
import { loweredRequests } from './lowered-requests.ts';
import { isGiven, labelled } from './node-labels.ts';
import { recovered } from './node-recovery.ts';
import { nearestName } from './similar.ts';
import type { DeviceChange, StorageChange, World } from './trial-world.ts';
import { VOLUME_PLUGINS, volumeChanges } from './volume-changes.ts';

export type ChangeKind =
  | 'request'
  | 'toleration'
  | 'label'
  | 'selector'
  | 'spelling'
  | 'port'
  | 'uncordon'
  | 'recovery'
  | 'eviction'
  | 'affinity'
  | 'spread'
  | 'gate'
  | 'volume'
  | 'device';

/** One thing done to one object; what is absent stays as it is. */
export interface Change {
  readonly kind: ChangeKind;
  /** As an instruction: `lower the request for cpu from 3 to 1500m`. */
  readonly text: string;
  /** The pod to place instead. */
  readonly pod?: Pod;
  readonly node?: Node;
  /** Pods that are on nodes no more. */
  readonly removed?: readonly Pod[];
  readonly storage?: StorageChange;
  readonly devices?: DeviceChange;
  /** Of a lowered request, how much of it is given up: from 0 to 1. */
  readonly share?: number;
  /** The node loses a label by it, or has another value: it says of itself what was not so before. */
  readonly relabels?: boolean;
}

export interface Obstacle extends World {
  readonly pod: PodInfo;
  readonly slot: number;
  readonly reasons: readonly string[];
}

/** Most pods of other owners that are tried one by one. */
const MOST_PODS = 64;
/** How far `maxSkew` is raised at most. */
const MOST_SKEW = 16;

/** None for a plugin whose refusal no change that is known here answers. */
export function changesFor(plugin: string, obstacle: Obstacle): readonly Change[] {
  switch (plugin) {
    case PLUGIN.nodeResourcesFit:
      return [...withoutLeaving(obstacle), ...loweredRequests(obstacle), ...fewerPods(obstacle)];
    case PLUGIN.taintToleration:
      return toleration(obstacle);
    case PLUGIN.nodeUnschedulable:
      return uncordon(obstacle);
    case PLUGIN.nodeAffinity:
      return selected(obstacle);
    case PLUGIN.nodePorts:
      return freedPorts(obstacle);
    case PLUGIN.interPodAffinity:
      return otherAffinity(obstacle);
    case PLUGIN.podTopologySpread:
      return widerSpread(obstacle);
    case PLUGIN.dynamicResources:
      return deviceChanges(obstacle);
    default:
      return VOLUME_PLUGINS.has(plugin) ? volumeChanges(obstacle) : [];
  }
}

const withSpec = (pod: Pod, spec: Partial<Pod['spec']>): Pod => ({ ...pod, spec: { ...pod.spec, ...spec } });

function toleration({ pod: { pod }, slot, cluster }: Obstacle): readonly Change[] {
  const taint = untoleratedTaint(cluster.nodes[slot]?.spec?.taints, pod.spec.tolerations);
  if (taint === undefined) return [];
  const { key, value = '', effect } = taint;
  const added = (value === '' ? { key, operator: 'Exists', effect } : { key, operator: 'Equal', value, effect }) as Toleration;
  const tolerant = withSpec(pod, { tolerations: [...(pod.spec.tolerations ?? []), added] });
  const node = cluster.nodes[slot] as Node;
  return [...recovered(node, taint), { kind: 'toleration', text: `add a toleration for ${taintText(taint)}`, pod: tolerant }];
}

function uncordon({ slot, cluster }: Obstacle): readonly Change[] {
  const node = cluster.nodes[slot] as Node;
  const { unschedulable: _, ...spec } = node.spec;
  const taints = spec.taints?.filter(({ key }) => key !== 'node.kubernetes.io/unschedulable');
  return [
    {
      kind: 'uncordon',
      text: `uncordon node ${node.metadata.name}`,
      node: { ...node, spec: taints === undefined ? spec : { ...spec, taints } },
    },
  ];
}

/** Pods that go anyhow: whoever waits needs to change nothing. */
function withoutLeaving({ slot, cluster }: Obstacle): readonly Change[] {
  const going = [...cluster.podsIn(slot)].map(({ pod }) => pod).filter(isLeaving);
  return going.length === 0 ? [] : [eviction(going)];
}

/** From the least important up, one more each time, until all less important ones are gone; then any. */
function fewerPods(obstacle: Obstacle): readonly Change[] {
  const there = [...obstacle.cluster.podsIn(obstacle.slot), ...awaited(obstacle)]
    .toSorted((a, b) => a.priority - b.priority)
    .slice(0, MOST_PODS);
  const single = there.map((info) => eviction([info.pod]));
  return [...single, ...there.map((_, i) => eviction(there.slice(0, i + 1).map(({ pod }) => pod))).slice(1)];
}

function freedPorts({ pod, slot, cluster }: Obstacle): readonly Change[] {
  const inUse = (others: readonly PodInfo[]): UsedPorts => {
    const used: UsedPorts = new Map();
    for (const other of others) usePorts(used, other.ports, 1);
    return used;
  };
  const holders = [...cluster.podsIn(slot)].filter((other) => conflictsWith(inUse([other]), pod.ports));
  const taken = inUse(holders);
  const ports = pod.ports.filter((each) => conflictsWith(taken, [each])).map(({ port }) => port.split(':').toReversed().join('/'));
  return holders.length === 0
    ? []
    : [
        eviction(
          holders.map((holder) => holder.pod),
          'port',
          `free host port ${ports.join(', ')}: `,
        ),
      ];
}

/** Labels for the node where that is all; else the pod asks for less, or for what the node has under nearly that name. */
function selected({ pod: { pod }, slot, cluster }: Obstacle): readonly Change[] {
  const node = cluster.nodes[slot] as Node;
  const labels = node.metadata.labels ?? {};
  const wanted = Object.entries(pod.spec.nodeSelector ?? {}).filter(([key, value]) => labels[key] !== value);
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return [
    ...respelled(pod, wanted, labels),
    ...labelled(node, terms, Object.fromEntries(wanted)),
    ...withoutSelector(
      pod,
      wanted.map(([key]) => key),
    ),
    ...withoutNodeAffinity(pod),
  ];
}

/** Each label that is asked for and not there, taken for one that the node has. */
function respelled(pod: Pod, wanted: readonly (readonly [string, string])[], labels: Readonly<Record<string, string>>): readonly Change[] {
  const meant = wanted.map(([key, value]) => nearestLabel(key, value, labels));
  if (meant.length === 0 || meant.includes(undefined)) return [];
  const kept = Object.entries(pod.spec.nodeSelector ?? {}).filter(([key, value]) => labels[key] === value);
  const said = wanted.map(([key, value], i) => `${meant[i]?.join('=')} instead of ${key}=${value}`);
  const nodeSelector = Object.fromEntries([...kept, ...meant.filter((label) => label !== undefined)]);
  return [{ kind: 'spelling', text: `ask for ${said.join(', ')} in the pod's nodeSelector`, pod: withSpec(pod, { nodeSelector }) }];
}

/** The value is nearly what is asked for, or the key is. */
function nearestLabel(key: string, value: string, labels: Readonly<Record<string, string>>): readonly [string, string] | undefined {
  if (isGiven(key)) return undefined;
  const there = ownValue(labels, key);
  if (there !== undefined) return nearestName(value, [there]) === undefined ? undefined : [key, there];
  const meant = nearestName(
    key,
    Object.keys(labels).filter((other) => labels[other] === value),
  );
  return meant === undefined ? undefined : [meant, value];
}

function withoutSelector(pod: Pod, keys: readonly string[]): readonly Change[] {
  if (keys.length === 0) return [];
  const kept = Object.entries(pod.spec.nodeSelector ?? {}).filter(([key]) => !keys.includes(key));
  return [
    {
      kind: 'selector',
      text: `take ${keys.join(', ')} out of the pod's nodeSelector`,
      pod: withSpec(pod, { nodeSelector: Object.fromEntries(kept) }),
    },
  ];
}

function withoutNodeAffinity(pod: Pod): readonly Change[] {
  const { requiredDuringSchedulingIgnoredDuringExecution: required, ...rest } = pod.spec.affinity?.nodeAffinity ?? {};
  // It is for the one node that the affinity names, and its DaemonSet makes another for each other node.
  if (required === undefined || controllerOf(pod)?.kind === 'DaemonSet') return [];
  return [
    {
      kind: 'affinity',
      text: "drop the pod's required node affinity",
      pod: withSpec(pod, { affinity: { ...pod.spec.affinity, nodeAffinity: rest } }),
    },
  ];
}

/** The pod without one of its own terms, or without one pod it cannot be beside. */
function otherAffinity({ pod: { pod }, slot, cluster }: Obstacle): readonly Change[] {
  const fewer = (['podAntiAffinity', 'podAffinity'] as const).flatMap((side) => {
    const terms = pod.spec.affinity?.[side]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    return terms.map((term, i): Change => {
      const kept = { ...pod.spec.affinity?.[side], requiredDuringSchedulingIgnoredDuringExecution: terms.toSpliced(i, 1) };
      return {
        kind: 'affinity',
        text: `drop the pod's required ${side} term over ${term.topologyKey}`,
        pod: withSpec(pod, { affinity: { ...pod.spec.affinity, [side]: kept } }),
      };
    });
  });
  const keys = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.map(({ topologyKey }) => topologyKey) ?? [];
  const foes = [...cluster.affinityPods.values()].filter(({ info }) => (info.terms?.requiredAnti.length ?? 0) > 0).slice(0, MOST_PODS);
  return [...placed(slot, keys, cluster), ...fewer, ...foes.map(({ info }) => eviction([info.pod]))];
}

/** A greater skew, as little as does it; else the constraint as a wish only. */
function widerSpread({ pod: { pod }, slot, cluster }: Obstacle): readonly Change[] {
  const constraints = pod.spec.topologySpreadConstraints ?? [];
  const hard = constraints.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule');
  const looser = constraints.flatMap((constraint, i) => {
    if (constraint.whenUnsatisfiable !== 'DoNotSchedule') return [];
    const { maxSkew, topologyKey } = constraint;
    const instead = (other: Partial<typeof constraint>): Pod =>
      withSpec(pod, { topologySpreadConstraints: constraints.with(i, { ...constraint, ...other }) });
    const wider = Array.from({ length: MOST_SKEW }, (_, more) => maxSkew + more + 1).map((skew): Change => ({
      kind: 'spread',
      text: `raise maxSkew over ${topologyKey} from ${maxSkew} to ${skew}`,
      pod: instead({ maxSkew: skew }),
    }));
    const wish: Change = {
      kind: 'spread',
      text: `let the constraint over ${topologyKey} be ScheduleAnyway`,
      pod: instead({ whenUnsatisfiable: 'ScheduleAnyway' }),
    };
    return [...wider, wish];
  });
  return [
    ...placed(
      slot,
      hard.map(({ topologyKey }) => topologyKey),
      cluster,
    ),
    ...looser,
  ];
}

/** Most places that a node without one is tried in. */
const MOST_PLACES = 8;

/** The node in one of the places that other nodes are in, or in one of its own if there are none, for each key it has no label for. */
function placed(slot: number, topologyKeys: readonly string[], cluster: ClusterState): readonly Change[] {
  const node = cluster.nodes[slot] as Node;
  const missing = topologyKeys.filter((key) => ownValue(node.metadata.labels, key) === undefined);
  return missing.flatMap((key) => {
    const values = new Set(cluster.nodes.flatMap((other) => ownValue(other?.metadata.labels, key) ?? []));
    if (values.size === 0) values.add(node.metadata.name);
    return [...values]
      .toSorted()
      .slice(0, MOST_PLACES)
      .flatMap((value) => labelled(node, [], { [key]: value }));
  });
}
