// pure
// Spreads the pods of a group over places (zones, hosts, …). Source: plugins/podtopologyspread.
import { ownValue } from '#api/json-object.ts';
import type { LabelSelector } from '#apimachinery/labels.ts';
import type { Node, Pod } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { ACTION, clusterEvent, isEqual } from '../framework/cluster-event.ts';
import { type Feasible, MAX_NODE_SCORE, type NodeFilter, type NodeScore, type Plugin, type QueueingHint } from '../framework/plugin.ts';
import { unresolvable, unschedulable } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { Topology } from '../state/topology.ts';
import { PLUGIN } from './names.ts';
import {
  type DefaultConstraint,
  defaultConstraints,
  hasEveryKey,
  ownConstraints,
  type SpreadConstraint,
  SYSTEM_DEFAULT_CONSTRAINTS,
  type UnsatisfiableAction,
} from './spread-constraints.ts';
import { FullPlaces, SpreadCounts } from './spread-counts.ts';

const REASON = "node(s) didn't match pod topology spread constraints";
const SKEWED = unschedulable(PLUGIN.podTopologySpread, REASON);
const NO_LABEL = unresolvable(PLUGIN.podTopologySpread, `${REASON} (missing required label)`);

export type PodTopologySpreadArgs =
  | { readonly defaultingType: 'System' }
  | { readonly defaultingType: 'List'; readonly defaultConstraints: readonly DefaultConstraint[] };

/** What groups a pod with its like: its services and its owner, as they are now. */
export type GroupSelector = (pod: Pod) => LabelSelector;

export function podTopologySpread(groupSelector: GroupSelector, args: PodTopologySpreadArgs = { defaultingType: 'System' }): Plugin {
  const defaults = args.defaultingType === 'System' ? SYSTEM_DEFAULT_CONSTRAINTS : args.defaultConstraints;

  const isOwn = ({ spec }: Pod): boolean => (spec.topologySpreadConstraints?.length ?? 0) > 0;

  function constraintsOf(pod: Pod, action: UnsatisfiableAction): readonly SpreadConstraint[] {
    return isOwn(pod) ? ownConstraints(pod, action) : defaultConstraints(defaults, groupSelector(pod), action);
  }

  return {
    name: PLUGIN.podTopologySpread,
    events: [
      {
        event: clusterEvent('Pod', ACTION.Add | ACTION.UpdatePodLabel | ACTION.UpdatePodToleration | ACTION.Delete),
        hint: afterPodChange((pod) => constraintsOf(pod, 'DoNotSchedule')),
      },
      {
        event: clusterEvent('Node', ACTION.Add | ACTION.Delete | ACTION.UpdateNodeLabel | ACTION.UpdateNodeTaint),
        hint: afterNodeChange((pod) => constraintsOf(pod, 'DoNotSchedule')),
      },
    ],
    sign(pod) {
      const { metadata, spec } = pod;
      if (isOwn(pod)) return [metadata.namespace, metadata.labels, spec.topologySpreadConstraints];
      const selector = groupSelector(pod);
      if (selector.empty || defaults.length === 0) return undefined;
      return [metadata.namespace, selector.toString(), selector.matches(metadata.labels)];
    },
    preFilter({ pod }, cluster) {
      const constraints = constraintsOf(pod, 'DoNotSchedule');
      return constraints.length === 0 ? { kind: 'skip' } : { kind: 'filter', filter: spreadFilter(pod, constraints, cluster) };
    },
    preScore({ pod }, cluster) {
      const constraints = constraintsOf(pod, 'ScheduleAnyway');
      if (constraints.length === 0) return undefined;
      return spreadScore(pod, constraints, cluster, isOwn(pod) || args.defaultingType === 'List' ? 'every-key' : 'any-key');
    },
  };
}

function spreadFilter(pod: Pod, constraints: readonly SpreadConstraint[], cluster: ClusterState): NodeFilter {
  const counted = constraints.map((constraint) => {
    const counts = new SpreadCounts(cluster, { constraint, pod, requiredKeys: constraints });
    const { maxSkew, minDomains, selector } = constraint;
    return { counts, full: new FullPlaces(counts), maxSkew, minDomains, self: selector.matches(pod.metadata.labels) ? 1 : 0 };
  });
  const isFull = ({ counts, maxSkew, minDomains, self }: (typeof counted)[number], place: number): boolean => {
    const least = counts.domains < minDomains ? 0 : counts.least;
    return (counts.inPlace[place] as number) + self - least > maxSkew;
  };

  return {
    scope: 'cluster',
    podChanged(slot, info, sign) {
      for (const { counts } of counted) counts.podChanged(slot, info, sign);
    },
    takeStale() {
      const slots: number[] = [];
      for (const each of counted) each.full.takeStale((place) => isFull(each, place), slots);
      return slots;
    },
    check(slot) {
      for (const each of counted) {
        const place = each.counts.topology.of(slot);
        if (place < 0) return NO_LABEL;
        if (isFull(each, place)) return SKEWED;
      }
      return undefined;
    },
  };
}

/** `every-key`: nodes that lack a key score nothing and do not count. */
function spreadScore(pod: Pod, constraints: readonly SpreadConstraint[], cluster: ClusterState, need: 'every-key' | 'any-key'): NodeScore {
  const counted = constraints.map((constraint) => ({
    counts: new SpreadCounts(cluster, { constraint, pod, requiredKeys: need === 'every-key' ? constraints : [] }),
    isHost: constraint.topologyKey === LABEL.hostname,
    maxSkew: constraint.maxSkew,
  }));
  const weights = new Float64Array(constraints.length);
  /** By slot. Source: nodeLabelsMatchSpreadConstraints as initPreScoreState asks it. */
  const isIgnored = new Uint8Array(cluster.slotCount);
  if (need === 'every-key') {
    for (const { counts } of counted) {
      for (let slot = 0; slot < isIgnored.length; slot++) if (counts.topology.of(slot) < 0) isIgnored[slot] = 1;
    }
  }
  let weighed: Feasible | undefined;

  function begin(feasible: Feasible): void {
    if (feasible === weighed) return;
    weighed = feasible;
    const { slots, count } = feasible;
    let counting = 0;
    for (let i = 0; i < count; i++) if (isIgnored[slots[i] as number] === 0) counting++;
    counted.forEach(({ counts: { topology }, isHost }, c) => {
      weights[c] = Math.log((isHost ? counting : placesOf(topology, feasible)) + 2);
    });
  }

  /** Places of nodes that are not ignored; those without the label are one place. */
  function placesOf(topology: Topology, { slots, count }: Feasible): number {
    const seen = new Uint8Array(topology.size + 1);
    let places = 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[i] as number;
      if (isIgnored[slot] === 1) continue;
      const place = topology.of(slot) + 1; // 0 without the label
      if (seen[place] === 1) continue;
      seen[place] = 1;
      places++;
    }
    return places;
  }

  const part = (c: number, pods: number): number => pods * (weights[c] as number) + (counted[c] as (typeof counted)[number]).maxSkew - 1;

  /** One constraint after the other, as each node gets its parts in this order. */
  function scoreAll({ slots, count }: Feasible, scores: Float64Array): void {
    scores.fill(0, 0, count);
    for (let c = 0; c < counted.length; c++) {
      const { counts, isHost } = counted[c] as (typeof counted)[number];
      const { onNode, inPlace, topology } = counts;
      const { bySlot } = topology;
      const byPlace = isHost ? undefined : inPlace.map((pods) => part(c, pods));
      const ofNone = part(c, 0); // most nodes have none: worked out once, a twentieth less time a pod
      for (let i = 0; i < count; i++) {
        const slot = slots[i] as number;
        const place = bySlot[slot] as number;
        if (place < 0) continue;
        if (byPlace !== undefined) scores[i] = (scores[i] as number) + (byPlace[place] as number);
        else scores[i] = (scores[i] as number) + (onNode[slot] === 0 ? ofNone : part(c, onNode[slot] as number));
      }
    }
    for (let i = 0; i < count; i++) scores[i] = isIgnored[slots[i] as number] === 1 ? IGNORED : Math.round(scores[i] as number);
  }

  return {
    scope: 'cluster',
    begin,
    scoreAll,
    podChanged(slot, info, sign) {
      for (const { counts } of counted) counts.podChanged(slot, info, sign);
    },
    score(slot) {
      if (isIgnored[slot] === 1) return IGNORED;
      let score = 0;
      for (let c = 0; c < counted.length; c++) {
        const { counts, isHost } = counted[c] as (typeof counted)[number];
        const place = counts.topology.of(slot);
        if (place >= 0) score += part(c, (isHost ? counts.onNode[slot] : counts.inPlace[place]) as number);
      }
      return Math.round(score);
    },
    normalize: fewestFirst,
  };
}

const IGNORED = -1;

/** The fewer pods the more points; ignored nodes get none. Source: NormalizeScore. */
function fewestFirst(scores: Float64Array, { count }: Feasible): void {
  let min = Infinity;
  let max = 0;
  for (let i = 0; i < count; i++) {
    const score = scores[i] as number;
    if (score === IGNORED) continue;
    if (score < min) min = score;
    if (score > max) max = score;
  }
  for (let i = 0; i < count; i++) {
    const score = scores[i] as number;
    if (score === IGNORED) scores[i] = 0;
    else scores[i] = max === 0 ? MAX_NODE_SCORE : Math.trunc((MAX_NODE_SCORE * (max + min - score)) / max);
  }
}

type ConstraintsOf = (pod: Pod) => readonly SpreadConstraint[];

function afterPodChange(constraintsOf: ConstraintsOf): QueueingHint {
  return (pod, previous, current) => {
    const [before, now] = [previous as Pod | undefined, current as Pod | undefined];
    if ([before, now].some((other) => other !== undefined && !isInvolved(other, pod))) return 'skip';
    const constraints = constraintsOf(pod);
    const matching = (other: Pod) => constraints.map(({ selector }) => selector.matches(other.metadata.labels));
    if (before === undefined || now === undefined) return matching((now ?? before) as Pod).includes(true) ? 'queue' : 'skip';
    const isHonored = constraints.some(({ nodeTaintsPolicy }) => nodeTaintsPolicy === 'Honor');
    if (now.metadata.uid === pod.metadata.uid && isHonored && !isEqual(now.spec.tolerations, before.spec.tolerations)) return 'queue';
    return isEqual(matching(before), matching(now)) ? 'skip' : 'queue';
  };
}

/** Source: involvedInTopologySpreading. */
function isInvolved({ metadata, spec, status }: Pod, pod: Pod): boolean {
  if (metadata.uid === pod.metadata.uid) return true;
  if ((spec.nodeName ?? '') === '' && (status?.nominatedNodeName ?? '') === '') return false;
  return metadata.namespace === pod.metadata.namespace;
}

function afterNodeChange(constraintsOf: ConstraintsOf): QueueingHint {
  return (pod, previous, current) => {
    const constraints = constraintsOf(pod);
    const [before, now] = [previous as Node | undefined, current as Node | undefined];
    const [did, does] = [before, now].map((node) => node !== undefined && hasEveryKey(node, constraints));
    if (before === undefined || now === undefined) return did === true || does === true ? 'queue' : 'skip';
    if (did !== does) return 'queue';
    const placeOf = ({ metadata }: Node, key: string): string | undefined => ownValue(metadata.labels, key);
    const moved = constraints.some(({ topologyKey }) => placeOf(before, topologyKey) !== placeOf(now, topologyKey));
    return does === true && (moved || !isEqual(before.spec?.taints, now.spec?.taints)) ? 'queue' : 'skip';
  };
}
