// Places pods near to or away from other pods. Counts are kept for each place (zone, host, …) and follow every pod that
// comes or goes. Source: plugins/interpodaffinity.
import { ownValue } from '#api/json-object.ts';
import type { Labels } from '#apimachinery/label-requirement.ts';
import type { Node, Pod } from '#api/types.ts';
import { ACTION, clusterEvent } from '../framework/cluster-event.ts';
import { MAX_NODE_SCORE, type NodeFilter, type NodeScore, type Plugin, type QueueingHint } from '../framework/plugin.ts';
import { unresolvable, unschedulable } from '../framework/status.ts';
import { type AffinityTerm, affinityTerms, termMatches, type WeightedTerm } from '../state/affinity-terms.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { PlaceCounts } from '../state/place-counts.ts';
import { PLUGIN } from './names.ts';

const NOT_NEAR = unresolvable(PLUGIN.interPodAffinity, "node(s) didn't match pod affinity rules");
const TOO_NEAR = unschedulable(PLUGIN.interPodAffinity, "node(s) didn't match pod anti-affinity rules");
const UNWANTED = unschedulable(PLUGIN.interPodAffinity, "node(s) didn't satisfy existing pods anti-affinity rules");

export interface InterPodAffinityArgs {
  /** Weight that a required term of a pod that is there has for pods it wants near. 0 … 100. */
  readonly hardPodAffinityWeight: number;
  /** For pods that prefer nothing themselves; for others all terms count. */
  readonly ignorePreferredTermsOfExistingPods: boolean;
}

/** Source: SetDefaults_InterPodAffinityArgs. */
export const DEFAULT_AFFINITY_ARGS: InterPodAffinityArgs = { hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false };

/** Of a namespace by its name. When any change, the cluster state must be told to invalidate. */
export type NamespaceLabels = (namespace: string) => Labels | undefined;

const NO_TERMS = { required: [], requiredAnti: [], preferred: [], preferredAnti: [] } as const;

export function interPodAffinity(namespaceLabels: NamespaceLabels, args: InterPodAffinityArgs = DEFAULT_AFFINITY_ARGS): Plugin {
  return {
    name: PLUGIN.interPodAffinity,
    events: [
      { event: clusterEvent('Pod', ACTION.Add | ACTION.UpdatePodLabel | ACTION.Delete), hint: afterPodChange(namespaceLabels) },
      { event: clusterEvent('Node', ACTION.Add | ACTION.UpdateNodeLabel), hint: afterNodeChange },
    ],
    // Labels matter only if some pod there has something to say of others.
    sign({ metadata, spec }, cluster) {
      const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
      const isConcerned = cluster.affinityPods.size > 0 || podAffinity !== undefined || podAntiAffinity !== undefined;
      return isConcerned ? [metadata.namespace, metadata.labels, podAffinity, podAntiAffinity] : undefined;
    },
    preFilter(pod, cluster) {
      const own = pod.terms ?? NO_TERMS;
      if (cluster.affinityPods.size === 0 && own.required.length === 0 && own.requiredAnti.length === 0) return { kind: 'skip' };
      return { kind: 'filter', filter: affinityFilter(pod, cluster, namespaceLabels) };
    },
    preScore(pod, cluster) {
      const own = pod.terms ?? NO_TERMS;
      const hasPreferences = own.preferred.length > 0 || own.preferredAnti.length > 0;
      if (!hasPreferences && (args.ignorePreferredTermsOfExistingPods || cluster.affinityPods.size === 0)) return undefined;
      return affinityScore(pod, cluster, namespaceLabels, args);
    },
  };
}

function affinityFilter(incoming: PodInfo, cluster: ClusterState, namespaceLabels: NamespaceLabels): NodeFilter {
  const { required, requiredAnti } = incoming.terms ?? NO_TERMS;
  const near = new PlaceCounts(cluster);
  const away = new PlaceCounts(cluster);
  const unwanted = new PlaceCounts(cluster);
  const matches = (term: AffinityTerm, pod: Pod): boolean => termMatches(term, pod, namespaceLabels);
  const matchesEvery = (pod: Pod): boolean => required.length > 0 && required.every((term) => matches(term, pod));
  const startsGroup = matchesEvery(incoming.pod);

  function podChanged(slot: number, { pod, terms }: PodInfo, sign: 1 | -1): void {
    if (matchesEvery(pod)) for (const { topologyKey } of required) near.add(topologyKey, slot, sign);
    for (const term of requiredAnti) if (matches(term, pod)) away.add(term.topologyKey, slot, sign);
    for (const term of terms?.requiredAnti ?? []) if (matches(term, incoming.pod)) unwanted.add(term.topologyKey, slot, sign);
  }

  const hasOwn = required.length > 0 || requiredAnti.length > 0;
  for (const { slot, info } of (hasOwn ? cluster.pods : cluster.affinityPods).values()) podChanged(slot, info, 1);

  /** With no pod to be near to anywhere, the first of a group may go wherever the places are. */
  function isNear(slot: number): boolean {
    let found = true;
    for (const { topologyKey } of required) {
      if (!near.hasPlace(topologyKey, slot)) return false;
      if (near.at(topologyKey, slot) <= 0) found = false;
    }
    return found || (near.isEmpty && startsGroup);
  }

  let wasNowhere = near.isEmpty;
  function takeStale(): number[] | 'all' {
    const slots: number[] = [];
    for (const counts of [near, away, unwanted]) counts.takeCrossed(slots);
    if (near.isEmpty === wasNowhere || required.length === 0) return slots;
    wasNowhere = near.isEmpty;
    return 'all';
  }

  return {
    scope: 'cluster',
    podChanged,
    takeStale,
    isIdle: () => required.length === 0 && away.isEmpty && unwanted.isEmpty,
    check(slot) {
      if (required.length > 0 && !isNear(slot)) return NOT_NEAR;
      if (!away.isEmpty && away.anyAt(slot)) return TOO_NEAR;
      return !unwanted.isEmpty && unwanted.anyAt(slot) ? UNWANTED : undefined;
    },
  };
}

function affinityScore(
  incoming: PodInfo,
  cluster: ClusterState,
  namespaceLabels: NamespaceLabels,
  { hardPodAffinityWeight }: InterPodAffinityArgs,
): NodeScore {
  const { preferred, preferredAnti } = incoming.terms ?? NO_TERMS;
  const weights = new PlaceCounts(cluster);

  function add(terms: readonly WeightedTerm[], pod: Pod, slot: number, sign: number): void {
    for (const term of terms) if (termMatches(term, pod, namespaceLabels)) weights.add(term.topologyKey, slot, sign * term.weight);
  }

  function podChanged(slot: number, { pod, terms }: PodInfo, sign: 1 | -1): void {
    add(preferred, pod, slot, sign);
    add(preferredAnti, pod, slot, -sign);
    if (terms === undefined) return;
    if (hardPodAffinityWeight > 0) {
      for (const term of terms.required) {
        if (termMatches(term, incoming.pod, namespaceLabels)) weights.add(term.topologyKey, slot, sign * hardPodAffinityWeight);
      }
    }
    add(terms.preferred, incoming.pod, slot, sign);
    add(terms.preferredAnti, incoming.pod, slot, -sign);
  }

  const hasPreferences = preferred.length > 0 || preferredAnti.length > 0;
  for (const { slot, info } of (hasPreferences ? cluster.pods : cluster.affinityPods).values()) podChanged(slot, info, 1);

  return { scope: 'cluster', podChanged, isIdle: () => weights.isEmpty, score: (slot) => weights.sumAt(slot), normalize: spreadOut };
}

/** The least gets 0, the greatest MAX_NODE_SCORE. */
function spreadOut(scores: Float64Array, { count }: { readonly count: number }): void {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < count; i++) {
    min = Math.min(min, scores[i] as number);
    max = Math.max(max, scores[i] as number);
  }
  const range = max - min;
  for (let i = 0; i < count; i++) scores[i] = range > 0 ? Math.trunc(MAX_NODE_SCORE * (((scores[i] as number) - min) / range)) : 0;
}

const isPlaced = ({ spec, status }: Pod): boolean => (spec.nodeName ?? '') !== '' || (status?.nominatedNodeName ?? '') !== '';

/**
 * One pod must meet all terms of affinity together, and each term of anti-affinity keeps away by itself. Source:
 * isSchedulableAfterPodChange, podMatchesAnyAffinityTerms.
 */
const afterPodChange =
  (namespaceLabels: NamespaceLabels): QueueingHint =>
  (pod, previous, current) => {
    const [before, now] = [previous as Pod | undefined, current as Pod | undefined];
    if (before !== undefined && now !== undefined && now.metadata.uid === pod.metadata.uid) return 'queue';
    if ((now !== undefined && !isPlaced(now)) || (before !== undefined && !isPlaced(before))) return 'skip';
    const { required, requiredAnti } = affinityTerms(pod) ?? NO_TERMS;
    const matches = (term: AffinityTerm, other: Pod | undefined): boolean =>
      other !== undefined && termMatches(term, other, namespaceLabels);
    const isNear = (other: Pod | undefined): boolean => required.length > 0 && required.every((term) => matches(term, other));
    if (requiredAnti.some((term) => matches(term, before) && !matches(term, now))) return 'queue';
    if (now !== undefined) return isNear(now) && !isNear(before) ? 'queue' : 'skip';
    const { requiredAnti: kept } = (before === undefined ? undefined : affinityTerms(before)) ?? NO_TERMS;
    return kept.some((term) => matches(term, pod)) ? 'queue' : 'skip';
  };

const afterNodeChange: QueueingHint = (pod, previous, current) => {
  const { required, requiredAnti } = affinityTerms(pod) ?? NO_TERMS;
  const now = (current as Node).metadata.labels ?? {};
  if (previous === undefined)
    return requiredAnti.length > 0 || required.some(({ topologyKey }) => Object.hasOwn(now, topologyKey)) ? 'queue' : 'skip';
  const before = (previous as Node).metadata.labels ?? {};
  const changes = ({ topologyKey }: AffinityTerm): boolean => ownValue(before, topologyKey) !== ownValue(now, topologyKey);
  const comes = required.some((term) => changes(term) && Object.hasOwn(now, term.topologyKey));
  const leaves = requiredAnti.some((term) => changes(term) && Object.hasOwn(before, term.topologyKey));
  return comes || leaves ? 'queue' : 'skip';
};
