// What scheduling needs to know of a pod, worked out once. Source: framework.PodInfo, CalculateResource.
import { Lru } from '#base/lru.ts';
import { podPriority } from '#api/pods.ts';
import { podRequests } from '#api/pod-requests.ts';
import type { Pod } from '#api/types.ts';
import { isAttachable } from '#api/volumes.ts';
import { isEqual } from '../framework/cluster-event.ts';
import { type AffinityTerms, affinityTerms } from './affinity-terms.ts';
import { type HostPort, hostPorts } from './host-ports.ts';
import { type Amounts, CPU, MEMORY, type ResourceTable } from './resource-table.ts';

/** What a container without requests counts with in scores. Source: util.DefaultMilliCPURequest, DefaultMemoryRequest. */
const DEFAULT_MILLI_CPU = '100m';
const DEFAULT_MEMORY = String(200 * 1024 * 1024);

export interface PodResources {
  readonly requests: Amounts;
  /** Millicores, each container counting with at least a default. */
  readonly nonZeroCpu: number;
  /** Bytes, likewise. */
  readonly nonZeroMemory: number;
}

export interface PodInfo extends PodResources {
  readonly pod: Pod;
  readonly uid: string;
  readonly priority: number;
  readonly ports: readonly HostPort[];
  /** How many of its volumes a driver may have to attach. */
  readonly volumes: number;
  /** What it says of other pods. */
  readonly terms: AffinityTerms | undefined;
}

/** Shapes of requests kept; pods of one template share one. */
const KEPT_SHAPES = 4096;

export class PodInfos {
  readonly #resources: ResourceTable;
  readonly #shapes = new Lru<string, PodResources>(KEPT_SHAPES);
  readonly #terms = new Lru<string, AffinityTerms>(KEPT_SHAPES);

  constructor(resources: ResourceTable) {
    this.#resources = resources;
  }

  of(pod: Pod): PodInfo {
    const { requests, nonZeroCpu, nonZeroMemory } = this.resourcesOf(pod);
    const { uid } = pod.metadata;
    const [priority, ports, terms] = [podPriority(pod), hostPorts(pod), this.#termsOf(pod)];
    return { requests, nonZeroCpu, nonZeroMemory, pod, uid, priority, ports, volumes: attachableVolumes(pod), terms };
  }

  #termsOf(pod: Pod): AffinityTerms | undefined {
    const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
    if (podAffinity === undefined && podAntiAffinity === undefined) return undefined;
    const key = JSON.stringify([pod.metadata.namespace, podAffinity, podAntiAffinity]);
    let terms = this.#terms.get(key);
    if (terms === undefined) {
      terms = affinityTerms(pod);
      if (terms !== undefined) this.#terms.set(key, terms);
    }
    return terms;
  }

  resourcesOf(pod: Pod): PodResources {
    const shape = resourceShape(pod);
    let resources = this.#shapes.get(shape);
    if (resources === undefined) {
      resources = this.#compute(pod);
      this.#shapes.set(shape, resources);
    }
    return resources;
  }

  #compute(pod: Pod): PodResources {
    const requests = this.#resources.amounts(podRequests(pod, { basis: 'status' }));
    const nonZero = this.#resources.amounts(
      podRequests(pod, { basis: 'status', missing: { cpu: DEFAULT_MILLI_CPU, memory: DEFAULT_MEMORY } }),
    );
    return { requests, nonZeroCpu: amountOf(nonZero, CPU), nonZeroMemory: amountOf(nonZero, MEMORY) };
  }
}

function attachableVolumes(pod: Pod): number {
  let volumes = 0;
  for (const volume of pod.spec.volumes ?? []) if (isAttachable(pod, volume)) volumes++;
  return volumes;
}

export function amountOf({ ids, values }: Amounts, id: number): number {
  const index = ids.indexOf(id);
  return index === -1 ? 0 : (values[index] as number);
}

/** Everything that podRequests reads, as text: the same for all pods of a template. */
export function resourceShape({ spec, status }: Pod): string {
  let shape = '';
  for (const container of spec.containers) shape += JSON.stringify(container.resources?.requests ?? null);
  for (const container of spec.initContainers ?? []) {
    shape += `|${container.restartPolicy ?? ''}${JSON.stringify(container.resources?.requests ?? null)}`;
  }
  if (spec.overhead !== undefined) shape += `+${JSON.stringify(spec.overhead)}`;
  if (spec.resources !== undefined) shape += `=${JSON.stringify(spec.resources)}`;
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  if (status?.resources === undefined && !statuses.some((s) => s.resources !== undefined || s.allocatedResources !== undefined))
    return shape;
  const resized = statuses.map(({ name, resources, allocatedResources }) => [name, resources, allocatedResources]);
  const pending = status?.conditions?.find(({ type }) => type === 'PodResizePending')?.reason;
  const names = [...(spec.initContainers ?? []), ...spec.containers].map(({ name }) => name);
  return shape + JSON.stringify([names, resized, status?.resources, status?.allocatedResources, pending]);
}

/** Whether no sum over pods and no selector can tell them apart. Resources of one shape are one object. */
export function countsAlike(a: PodInfo, b: PodInfo): boolean {
  return a.requests === b.requests && isEqual(a.pod.metadata.labels, b.pod.metadata.labels) && isTerminating(a) === isTerminating(b);
}

const isTerminating = ({ pod }: PodInfo): boolean => pod.metadata.deletionTimestamp !== undefined;
