// pure
// Room for what the pod requests, and scores by how full nodes are. Source: plugins/noderesources fit.go,
// balanced_allocation.go, resource_allocation.go.
import type { DeviceClass } from '#api/gen/resource-v1.ts';
import type { Node, Pod } from '#api/types.ts';
import { quantityValue } from '#apimachinery/quantity.ts';
import { ACTION, clusterEvent } from '../framework/cluster-event.ts';
import type { NodeScore, Plugin, QueueingHint } from '../framework/plugin.ts';
import type { Status } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { amountOf, type PodInfo, PodInfos, resourceShape } from '../state/pod-info.ts';
import { type Amounts, CPU, isExtendedResource, isScalarResource, MEMORY, ResourceTable } from '../state/resource-table.ts';
import { DEVICE_CLASS_PREFIX, mayBeDevices } from './dynamic-resources/extended-resources.ts';
import { PLUGIN } from './names.ts';
import { balancedScore, resourceScorer, type ScoredResource, type Scorer, type ScoringStrategy } from './resource-scores.ts';

export interface FitArgs {
  readonly scoringStrategy: ScoringStrategy;
  /** Extended resources that are somebody else's business. */
  readonly ignoredResources?: readonly string[];
  /** Prefixes of such: `example.com`. */
  readonly ignoredResourceGroups?: readonly string[];
}

/** Whether a class of devices stands for a resource: then nodes that do not have it by themselves may give it by devices. */
export type IsOfDevices = (resource: string) => boolean;

const DEFAULT_RESOURCES: readonly ScoredResource[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];

/** Source: SetDefaults_NodeResourcesFitArgs. */
export const DEFAULT_FIT_ARGS: FitArgs = { scoringStrategy: { type: 'LeastAllocated', resources: DEFAULT_RESOURCES } };

export function nodeResourcesFit(args: FitArgs = DEFAULT_FIT_ARGS, isOfDevices: IsOfDevices = () => false): Plugin {
  const scorer = resourceScorer(args.scoringStrategy);
  return {
    name: PLUGIN.nodeResourcesFit,
    events: [
      { event: clusterEvent('Pod', ACTION.Delete | ACTION.UpdatePodScaleDown), hint: afterPodEvent },
      { event: clusterEvent('Node', ACTION.Add | ACTION.UpdateNodeAllocatable), hint: afterNodeChange(isOfDevices) },
      { event: clusterEvent('resource.k8s.io/DeviceClass', ACTION.Add | ACTION.Update), hint: afterDeviceClassChange },
    ],
    sign: resourceShape,
    preFilter: (pod, cluster) => ({ kind: 'filter', filter: { scope: 'node', check: fitCheck(pod, cluster, { ...args, isOfDevices }) } }),
    preScore: (pod, cluster) => usageScore(pod, cluster, { resources: args.scoringStrategy.resources, scorer, count: 'nonZero' }),
  };
}

export function balancedAllocation(resources: readonly ScoredResource[] = DEFAULT_RESOURCES): Plugin {
  return {
    name: PLUGIN.balancedAllocation,
    sign: resourceShape,
    preScore(pod, cluster) {
      // Pods that request nothing would all go to the one node that is best balanced.
      const asks = resources.some(({ name }) => amountOf(pod.requests, cluster.resources.id(name)) !== 0);
      return asks ? usageScore(pod, cluster, { resources, scorer: balancedScore, count: 'requested' }) : undefined;
    },
  };
}

/** Bits of what is short: pods, then each requested resource, doubled for those no eviction would free. */
function fitCheck(
  { requests }: PodInfo,
  cluster: ClusterState,
  args: FitArgs & { readonly isOfDevices: IsOfDevices },
): (slot: number) => Status | undefined {
  const wanted = checkedAmounts(requests, cluster, args);
  const statuses = new Map<number, Status>();
  const allocatable = wanted.ids.map((id) => cluster.allocatable(id));
  const requested = wanted.ids.map((id) => cluster.requested(id));
  const { values } = wanted;
  const byDevices = wanted.ids.map((id) => mayBeDevices(cluster.resources.name(id)) && args.isOfDevices(cluster.resources.name(id)));
  return (slot) => {
    let short = (cluster.podCount[slot] as number) + 1 > (cluster.allowedPods[slot] as number) ? 1 : 0;
    for (let i = 0; i < values.length; i++) {
      const capacity = (allocatable[i] as Float64Array)[slot] as number;
      const want = values[i] as number;
      if (capacity === 0 && byDevices[i] === true) continue;
      if (want > capacity - ((requested[i] as Float64Array)[slot] as number)) short += (want > capacity ? 3 : 1) * 2 ** (2 * i + 1);
    }
    if (short === 0) return undefined;
    let status = statuses.get(short);
    if (status === undefined) {
      status = insufficient(
        short,
        wanted.ids.map((id) => cluster.resources.name(id)),
      );
      statuses.set(short, status);
    }
    return status;
  };
}

function insufficient(short: number, names: readonly string[]): Status {
  const bit = (at: number): boolean => Math.floor(short / 2 ** at) % 2 === 1;
  const missing = names.filter((_, i) => bit(2 * i + 1)).map((name) => `Insufficient ${name}`);
  const isUnresolvable = names.some((_, i) => bit(2 * i + 2));
  return {
    code: isUnresolvable ? 'UnschedulableAndUnresolvable' : 'Unschedulable',
    reasons: bit(0) ? ['Too many pods', ...missing] : missing,
    plugin: PLUGIN.nodeResourcesFit,
  };
}

/** What must fit, in the order in which shortages are told: cpu, memory, ephemeral storage, the rest. */
function checkedAmounts({ ids, values }: Amounts, cluster: ClusterState, args: FitArgs): Amounts {
  const { ignoredResources = [], ignoredResourceGroups = [] } = args;
  const kept = ids
    .map((id, i) => ({ id, value: values[i] as number }))
    .filter(({ id, value }) => {
      const name = cluster.resources.name(id);
      if (value === 0) return false;
      if (!isExtendedResource(name)) return true;
      return !ignoredResources.includes(name) && !ignoredResourceGroups.includes(name.slice(0, name.indexOf('/')));
    })
    .toSorted((a, b) => a.id - b.id);
  return { ids: kept.map(({ id }) => id), values: kept.map(({ value }) => value) };
}

interface UsageOptions {
  readonly resources: readonly ScoredResource[];
  readonly scorer: Scorer;
  /** `nonZero`: containers that request no cpu or memory count with a default. */
  readonly count: 'nonZero' | 'requested';
}

function usageScore(pod: PodInfo, cluster: ClusterState, { resources, scorer, count }: UsageOptions): NodeScore {
  const ids = resources.map(({ name }) => cluster.resources.id(name));
  const asked = ids.map((id) => (count === 'requested' ? amountOf(pod.requests, id) : nonZeroRequest(pod, id)));
  const skipped = resources.map(({ name }, i) => isScalarResource(name) && asked[i] === 0);
  // One buffer for all nodes: scores are made one after the other.
  const usage = {
    requested: new Float64Array(ids.length),
    allocated: new Float64Array(ids.length),
    allocatable: new Float64Array(ids.length),
  };
  return {
    scope: 'node',
    normalize: 'none',
    score(slot) {
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i] as number;
        const capacity = skipped[i] === true ? 0 : (cluster.allocatable(id)[slot] as number);
        const allocated = capacity === 0 ? 0 : allocatedIn(cluster, slot, id, count);
        usage.allocatable[i] = capacity;
        usage.allocated[i] = allocated;
        usage.requested[i] = capacity === 0 ? 0 : allocated + (asked[i] as number);
      }
      return scorer(usage);
    },
  };
}

function nonZeroRequest(pod: PodInfo, id: number): number {
  if (id === CPU) return pod.nonZeroCpu;
  return id === MEMORY ? pod.nonZeroMemory : amountOf(pod.requests, id);
}

function allocatedIn(cluster: ClusterState, slot: number, id: number, count: UsageOptions['count']): number {
  if (count === 'nonZero' && id === CPU) return cluster.nonZeroCpu[slot] as number;
  if (count === 'nonZero' && id === MEMORY) return cluster.nonZeroMemory[slot] as number;
  return cluster.requested(id)[slot] as number;
}

const afterPodEvent: QueueingHint = (pod, previous, current) => {
  const [before, now] = [previous as Pod, current as Pod | undefined];
  if (now === undefined) {
    return (before.spec.nodeName ?? '') === '' && (before.status?.nominatedNodeName ?? '') === '' ? 'skip' : 'queue';
  }
  if (now.metadata.uid === pod.metadata.uid) return 'queue';
  if ((now.spec.nodeName ?? '') === '') return 'skip';
  const infos = new PodInfos(new ResourceTable());
  const [old, fresh] = [infos.resourcesOf(before).requests, infos.resourcesOf(now).requests];
  const wanted = infos.resourcesOf(pod).requests;
  return wanted.ids.some((id, i) => wanted.values[i] !== 0 && amountOf(old, id) > amountOf(fresh, id)) ? 'queue' : 'skip';
};

/**
 * The node must have room for the pod when empty, and more of something the pod wants than before. What devices stand for and
 * the node does not have by itself is left to the plugin of devices. Source: isSchedulableAfterNodeChange,
 * haveAnyRequestedResourcesIncreased.
 */
const afterNodeChange =
  (isOfDevices: IsOfDevices): QueueingHint =>
  (pod, previous, current) => {
    const table = new ResourceTable();
    const { ids, values } = new PodInfos(table).resourcesOf(pod).requests;
    const [before, now] = [previous as Node | undefined, current as Node];
    const capacity = table.amounts(now.status?.allocatable);
    const wanted = ids
      .map((id, i) => ({ id, amount: values[i] as number, there: amountOf(capacity, id), name: table.name(id) }))
      .filter(({ amount }) => amount !== 0);
    const isLeft = ({ there, name }: (typeof wanted)[number]): boolean => there === 0 && mayBeDevices(name) && isOfDevices(name);
    const podsNow = quantityValue(now.status?.allocatable?.['pods']);
    if (podsNow < 1 || wanted.some((each) => each.amount > each.there && !isLeft(each))) return 'skip';
    if (before === undefined || podsNow > quantityValue(before.status?.allocatable?.['pods'])) return 'queue';
    const old = table.amounts(before.status?.allocatable);
    return wanted.some((each) => each.there > amountOf(old, each.id) || isLeft(each)) ? 'queue' : 'skip';
  };

/** A class that stands for a resource from now on. Source: isSchedulableAfterDeviceClassEvent. */
const afterDeviceClassChange: QueueingHint = (pod, previous, current) => {
  const [before, now] = [previous as DeviceClass | undefined, current as DeviceClass | undefined];
  if (now === undefined || (before !== undefined && before.spec.extendedResourceName === now.spec.extendedResourceName)) return 'skip';
  // The name that it has without saying so never changes.
  const names = new Set([now.spec.extendedResourceName, ...(before === undefined ? [`${DEVICE_CLASS_PREFIX}${now.metadata.name}`] : [])]);
  const table = new ResourceTable();
  return new PodInfos(table).resourcesOf(pod).requests.ids.some((id) => names.has(table.name(id))) ? 'queue' : 'skip';
};
