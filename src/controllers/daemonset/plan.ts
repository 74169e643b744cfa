// pure
// What one pass does for a DaemonSet: first the right number of pods on each node, then, when nothing is left to do there,
// the next nodes of a roll-out. Source: daemon_controller.go podsShouldBeOnNode, update.go rollingUpdate.
import { scaledValue } from '#api/int-or-percent.ts';
import { isPodAvailable, isPodReady, isPodTerminal } from '#api/pods.ts';
import type { DaemonSet, Node, Pod } from '#api/types.ts';
import { isUpdated, suits, type Suitability, targetNode } from './daemon-pod.ts';

export interface Observed {
  readonly ds: DaemonSet;
  readonly nodes: readonly Node[];
  /** Pods whose controller is `ds`. */
  readonly pods: readonly Pod[];
  /** Of the present template, as pods are labelled with it. */
  readonly hash: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds until a failed pod of this node may be replaced; 0 when it may. */
  backoff(node: string): number;
}

export interface Victim {
  readonly pod: Pod;
  /** Its node, for which deletions of failed pods grow rarer; absent for a pod that did not end by itself. */
  readonly failedOn?: string;
}

export interface Plan {
  /** Nodes that get a pod. */
  readonly create: readonly string[];
  readonly delete: readonly Victim[];
  /** Milliseconds until a failed pod may be replaced. */
  readonly afterMs?: number;
}

/** A node and the pods of the DaemonSet that are on it or bound for it. */
export interface Place extends Suitability {
  readonly node: string;
  readonly pods: readonly Pod[];
}

/** In the order of nodes. Pods that have ended and are being removed are left out. Source: getNodesToDaemonPods. */
export function placesOf({ ds, nodes, pods }: Pick<Observed, 'ds' | 'nodes' | 'pods'>): readonly Place[] {
  const byNode = Map.groupBy(
    pods.filter((pod) => !(isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined)),
    targetNode,
  );
  return nodes.map((node) => ({ node: node.metadata.name, pods: byNode.get(node.metadata.name) ?? [], ...suits(ds, node) }));
}

const isSurging = ({ spec }: DaemonSet): boolean =>
  spec.updateStrategy.type === 'RollingUpdate' && scaledValue(spec.updateStrategy.rollingUpdate?.maxSurge ?? 0, 1, 'up') > 0;

export function planDaemonSet(observed: Observed): Plan {
  const { ds, nodes, pods } = observed;
  const places = placesOf(observed);
  const steps = places.map((place) => planPlace(place, observed));
  const known = new Set(nodes.map(({ metadata }) => metadata.name));
  // Pods that wait for a node that is gone: neither the scheduler nor the pod collector would ever take them.
  const lost = pods.filter((pod) => (pod.spec.nodeName ?? '') === '' && !known.has(targetNode(pod) ?? ''));
  const waits = steps.flatMap(({ afterMs }) => (afterMs === undefined ? [] : [afterMs]));
  const keep = {
    create: steps.flatMap((step) => step.create),
    delete: [...steps.flatMap((step) => step.delete), ...lost.filter((pod) => !isGoing(pod)).map((pod) => ({ pod }))],
    ...(waits.length === 0 ? {} : { afterMs: Math.min(...waits) }),
  };
  if (keep.create.length > 0 || keep.delete.length > 0 || ds.spec.updateStrategy.type !== 'RollingUpdate') return keep;
  const next = isSurging(ds) ? planSurge(places, observed) : planReplacement(places, observed);
  return { ...next, ...(keep.afterMs === undefined ? {} : { afterMs: keep.afterMs }) };
}

const isGoing = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined;

function planPlace(place: Place, { ds, hash, now, backoff }: Observed): Plan {
  const { node, pods, run, stay } = place;
  if (run && pods.length === 0) return { create: [node], delete: [] };
  if (!stay) return { create: [], delete: pods.filter((pod) => !isGoing(pod)).map((pod) => ({ pod })) };

  const present = pods.filter((pod) => !isGoing(pod));
  const failed = present.filter(({ status }) => status.phase === 'Failed');
  const delay = failed.length > 0 ? backoff(node) : 0;
  // One failed pod at a time: the delay that it brings is for the next one.
  const ended = [...present.filter(({ status }) => status.phase === 'Succeeded'), ...(delay === 0 ? failed.slice(0, 1) : [])];
  const alive = present.filter((pod) => !isPodTerminal(pod)).toSorted(olderFirst);
  const surging = isSurging(ds);
  const surplus = surging ? surplusOfSurge(alive, ds, hash, now) : alive.slice(1);
  return {
    create: surging && alive.length === 0 && run ? [node] : [],
    delete: [...ended.map((pod) => ({ pod, failedOn: node })), ...surplus.map((pod) => ({ pod }))],
    ...(delay === 0 ? {} : { afterMs: delay }),
  };
}

/** One of each template may be there while the new one is not ready and the old one is. */
function surplusOfSurge(alive: readonly Pod[], ds: DaemonSet, hash: string, now: number): readonly Pod[] {
  if (alive.length <= 1) return [];
  const [next, ...moreNext] = alive.filter((pod) => isUpdated(ds, pod, hash));
  const [old, ...moreOld] = alive.filter((pod) => !isUpdated(ds, pod, hash));
  const replaced = next !== undefined && old !== undefined && (!isPodReady(old) || isPodAvailable(next, ds.spec.minReadySeconds ?? 0, now));
  return [...moreNext, ...moreOld, ...(replaced ? [old] : [])];
}

/** Those on a node first, then by age. Source: podByCreationTimestampAndPhase. */
export function olderFirst(a: Pod, b: Pod): number {
  const [x, y] = [(a.spec.nodeName ?? '') === '', (b.spec.nodeName ?? '') === ''];
  if (x !== y) return x ? 1 : -1;
  const [m, n] = [a.metadata, b.metadata];
  if (m.creationTimestamp !== n.creationTimestamp) return m.creationTimestamp < n.creationTimestamp ? -1 : 1;
  return m.name < n.name ? -1 : 1;
}

interface Pair {
  readonly next: Pod | undefined;
  readonly old: Pod | undefined;
}

/** The pods of either template on a node; undefined when there are several of one. Source: findUpdatedPodsOnNode. */
function pairOf({ pods }: Place, ds: DaemonSet, hash: string): Pair | undefined {
  const present = pods.filter((pod) => !isGoing(pod));
  const [next, ...moreNext] = present.filter((pod) => isUpdated(ds, pod, hash));
  const [old, ...moreOld] = present.filter((pod) => !isUpdated(ds, pod, hash));
  return moreNext.length > 0 || moreOld.length > 0 ? undefined : { next, old };
}

/** Where pods of the set are, or should be. */
const concerned = (places: readonly Place[]): readonly Place[] => places.filter(({ pods, run }) => run || pods.length > 0);

const wantedNodes = (places: readonly Place[]): number => places.filter(({ run }) => run).length;

/** Deletes old pods: those that do not serve anyway, and of the others as many as may be missing beside them. */
function planReplacement(places: readonly Place[], { ds, hash, now }: Observed): Plan {
  const wanted = wantedNodes(places);
  const limit = scaledValue(ds.spec.updateStrategy.rollingUpdate?.maxUnavailable ?? 1, wanted, 'up');
  const available = (pod: Pod): boolean => isPodAvailable(pod, ds.spec.minReadySeconds ?? 0, now);
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  let missing = 0;
  for (const place of concerned(places)) {
    const { next, old } = pairOf(place, ds, hash) ?? { next: undefined, old: undefined };
    if (old !== undefined && next === undefined && available(old)) {
      candidates.push(old);
      continue;
    }
    if (old !== undefined && next === undefined) broken.push(old);
    if (old !== undefined || next === undefined || !available(next)) missing++;
  }
  const room = Math.max(0, Math.max(1, limit) - missing);
  return { create: [], delete: [...broken, ...candidates.slice(0, room)].map((pod) => ({ pod })) };
}

/**
 * Creates new pods beside old ones: where the old one does not serve anyway, and on as many other nodes as may have two. Where none
 * may come to any more, the old one goes; one that serves only when as many serve as should, itself left out.
 */
function planSurge(places: readonly Place[], { ds, hash, now }: Observed): Plan {
  const wanted = wantedNodes(places);
  const limit = scaledValue(ds.spec.updateStrategy.rollingUpdate?.maxSurge ?? 0, wanted, 'up');
  const available = (pod: Pod): boolean => isPodAvailable(pod, ds.spec.minReadySeconds ?? 0, now);
  const broken: string[] = [];
  const candidates: string[] = [];
  const replaced: Pod[] = [];
  const unwanted: Pod[] = [];
  let surged = 0;
  let serving = 0;
  for (const place of concerned(places)) {
    const pair = pairOf(place, ds, hash);
    if (pair === undefined) {
      surged++;
      continue;
    }
    const { next, old } = pair;
    const first = old ?? next;
    if (first !== undefined && available(first)) serving++;
    if (old === undefined) continue; // the right pod is there, or is being made
    if (next !== undefined && available(next)) replaced.push(old);
    else if (next !== undefined) surged++;
    else if (!place.run) (available(old) ? unwanted : replaced).push(old);
    else (available(old) ? candidates : broken).push(place.node);
  }
  const spared = unwanted.slice(0, Math.max(0, serving - wanted));
  return {
    create: [...broken, ...candidates.slice(0, Math.max(0, limit - surged))],
    delete: [...replaced, ...spared].map((pod) => ({ pod })),
  };
}
