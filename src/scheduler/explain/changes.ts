// pure
// What could be changed so that a plugin refuses a pod on a node no more, the smallest first. Whether a change does what it
// should is not decided here: explain-placement.ts runs the filters with it.
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod, Toleration } from '#api/types.ts';
import { taintText, untoleratedTaint } from '#api/taints.ts';
import { PLUGIN } from '../plugins/names.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { conflictsWith, type UsedPorts, usePorts } from '../state/host-ports.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { loweredRequests } from './lowered-requests.ts';

/** One thing done to one object; what is absent stays as it is. */
export interface Change {
  readonly kind: 'request' | 'toleration' | 'label' | 'selector' | 'port' | 'uncordon' | 'eviction' | 'affinity' | 'spread' | 'gate';
  /** As an instruction: `lower the request for cpu from 3 to 1500m`. */
  readonly text: string;
  /** The pod to place instead. */
  readonly pod?: Pod;
  readonly node?: Node;
  /** Pods that are on nodes no more. */
  readonly removed?: readonly Pod[];
}

export interface Obstacle {
  readonly pod: PodInfo;
  readonly slot: number;
  readonly cluster: ClusterState;
}

/** Most pods of other owners that are tried one by one. */
const MOST_PODS = 64;
/** How far `maxSkew` is raised at most. */
const MOST_SKEW = 16;

/** None for a plugin whose refusal no change of pod, node or neighbours answers (volumes, devices). */
export function changesFor(plugin: string, obstacle: Obstacle): readonly Change[] {
  switch (plugin) {
    case PLUGIN.nodeResourcesFit:
      return [...loweredRequests(obstacle), ...fewerPods(obstacle)];
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
    default:
      return [];
  }
}

const withSpec = (pod: Pod, spec: Partial<Pod['spec']>): Pod => ({ ...pod, spec: { ...pod.spec, ...spec } });
const keyOf = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`;

function toleration({ pod: { pod }, slot, cluster }: Obstacle): readonly Change[] {
  const taint = untoleratedTaint(cluster.nodes[slot]?.spec?.taints, pod.spec.tolerations);
  if (taint === undefined) return [];
  const { key, value = '', effect } = taint;
  const added = (value === '' ? { key, operator: 'Exists', effect } : { key, operator: 'Equal', value, effect }) as Toleration;
  const tolerant = withSpec(pod, { tolerations: [...(pod.spec.tolerations ?? []), added] });
  return [{ kind: 'toleration', text: `add a toleration for ${taintText(taint)}`, pod: tolerant }];
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

/** From the least important up, one more each time, until all less important ones are gone; then any. */
function fewerPods({ slot, cluster }: Obstacle): readonly Change[] {
  const there = [...cluster.podsIn(slot)].toSorted((a, b) => a.priority - b.priority).slice(0, MOST_PODS);
  const single = there.map((info) => eviction([info.pod]));
  return [...single, ...there.map((_, i) => eviction(there.slice(0, i + 1).map(({ pod }) => pod))).slice(1)];
}

function eviction(pods: readonly Pod[], kind: Change['kind'] = 'eviction', why = ''): Change {
  return { kind, text: `${why}remove ${pods.length === 1 ? 'pod' : 'pods'} ${pods.map(keyOf).join(', ')}`, removed: pods };
}

function freedPorts({ pod, slot, cluster }: Obstacle): readonly Change[] {
  const holders = [...cluster.podsIn(slot)].filter((other) => {
    const used: UsedPorts = new Map();
    usePorts(used, other.ports, 1);
    return conflictsWith(used, pod.ports);
  });
  const ports = pod.ports.map(({ port }) => port.split(':').toReversed().join('/'));
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

/** Labels that say what a node is and are not for people to change. */
const isGiven = (key: string): boolean => /(^|\.)(kubernetes|k8s)\.io\//.test(key);

/** Labels for the node where that is all; else the pod asks for less. */
function selected({ pod: { pod }, slot, cluster }: Obstacle): readonly Change[] {
  const node = cluster.nodes[slot] as Node;
  const labels = node.metadata.labels ?? {};
  const wanted = Object.entries(pod.spec.nodeSelector ?? {}).filter(([key, value]) => labels[key] !== value);
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const terms = (required?.nodeSelectorTerms ?? []).map((term) => labelsFor(term, labels));
  const ways = terms.length === 0 ? [{}] : terms.filter((way) => way !== undefined);
  const labelled = ways
    .map((way) => ({ ...Object.fromEntries(wanted), ...way }) as Readonly<Record<string, string | null>>)
    .filter((way) => Object.keys(way).length > 0 && !Object.keys(way).some(isGiven))
    .toSorted((a, b) => Object.keys(a).length - Object.keys(b).length)
    .map((way) => relabelled(node, way));
  return [
    ...labelled,
    ...withoutSelector(
      pod,
      wanted.map(([key]) => key),
    ),
    ...withoutNodeAffinity(pod),
  ];
}

function relabelled(node: Node, way: Readonly<Record<string, string | null>>): Change {
  const labels: Record<string, string> = { ...node.metadata.labels };
  const said = Object.entries(way).map(([key, value]) => {
    if (value === null) delete labels[key];
    else labels[key] = value;
    return value === null ? `${key}-` : `${key}=${value}`;
  });
  return {
    kind: 'label',
    text: `label node ${node.metadata.name} ${said.join(' ')}`,
    node: { ...node, metadata: { ...node.metadata, labels } },
  };
}

/** Labels (null: none) with which the term holds; undefined when labels alone do not do it. */
function labelsFor({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, labels: Readonly<Record<string, string>>) {
  if (matchFields.length > 0) return undefined;
  const way: Record<string, string | null> = {};
  for (const requirement of matchExpressions) {
    const value = labelFor(requirement, labels[requirement.key]);
    if (value !== labels[requirement.key]) way[requirement.key] = value ?? null;
  }
  return way;
}

function labelFor({ operator, values = [] }: NodeSelectorRequirement, now: string | undefined): string | undefined {
  const [first = ''] = values;
  switch (operator) {
    case 'In':
      return now !== undefined && values.includes(now) ? now : first;
    case 'NotIn':
      return now !== undefined && values.includes(now) ? undefined : now;
    case 'Exists':
      return now ?? '';
    case 'DoesNotExist':
      return undefined;
    case 'Gt':
      return Number(now) > Number(first) ? now : String(Number(first) + 1);
    case 'Lt':
      return Number(now) < Number(first) ? now : String(Number(first) - 1);
  }
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
  if (required === undefined) return [];
  return [
    {
      kind: 'affinity',
      text: "drop the pod's required node affinity",
      pod: withSpec(pod, { affinity: { ...pod.spec.affinity, nodeAffinity: rest } }),
    },
  ];
}

/** The pod without one of its own terms, or without one pod it cannot be beside. */
function otherAffinity({ pod: { pod }, cluster }: Obstacle): readonly Change[] {
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
  const foes = [...cluster.affinityPods.values()].filter(({ info }) => (info.terms?.requiredAnti.length ?? 0) > 0).slice(0, MOST_PODS);
  return [...fewer, ...foes.map(({ info }) => eviction([info.pod]))];
}

/** A greater skew, as little as does it; else the constraint as a wish only. */
function widerSpread({ pod: { pod } }: Obstacle): readonly Change[] {
  const constraints = pod.spec.topologySpreadConstraints ?? [];
  return constraints.flatMap((constraint, i) => {
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
}
