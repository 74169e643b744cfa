// pure
// From which NUMA nodes a container's devices can come. Source: devicemanager/topology_hints.go, filterByAffinity.
import { countOf, isSet, masksOf, type NumaMask } from '../topology/numa-mask.ts';
import type { ProviderHints, TopologyHint } from '../topology/topology-policies.ts';
import type { Device } from './api.ts';

const nodesOf = ({ topology }: Device): readonly number[] => (topology?.nodes ?? []).map(({ id }) => Number(id));

const hasTopology = (devices: readonly Device[]): boolean => devices.some((device) => nodesOf(device).length > 0);

const liesIn = (mask: NumaMask, device: Device): boolean => nodesOf(device).some((node) => isSet(mask, node));

/** What is known of devices while a pod is being admitted. */
export interface DeviceView {
  /** Of the resource on this node, well or not. */
  all(resource: string): readonly Device[];
  healthy(resource: string): readonly Device[];
  /** Ids that whoever asks has been given already. */
  given(resource: string): readonly string[];
  /** Ids that other pods have. */
  inUse(resource: string): ReadonlySet<string>;
}

/** By resource; one whose devices lie nowhere has no preference, one of which there are too few cannot be had. */
export function hintsByResource(counts: Iterable<readonly [string, number]>, view: DeviceView, nodes: readonly number[]): ProviderHints {
  return Object.fromEntries(
    [...counts].map(([resource, count]) => {
      const all = view.all(resource);
      if (!hasTopology(all)) return [resource, undefined];
      const given = view.given(resource);
      const taken = view.inUse(resource);
      const available = view.healthy(resource).filter(({ id }) => !taken.has(id));
      const own = given.length > 0 ? all.filter(({ id }) => given.includes(id)) : available;
      const fits = given.length > 0 ? given.length === count : available.length >= count;
      return [resource, fits ? hintsFrom(own, all, count, nodes) : []];
    }),
  );
}

/** Source: generateDeviceTopologyHints. */
function hintsFrom(own: readonly Device[], all: readonly Device[], count: number, nodes: readonly number[]): readonly TopologyHint[] {
  const countIn = (mask: NumaMask, devices: readonly Device[]): number => devices.filter((device) => liesIn(mask, device)).length;
  let least = nodes.length;
  const masks: NumaMask[] = [];
  for (const mask of masksOf(nodes)) {
    if (countIn(mask, all) >= count) least = Math.min(least, countOf(mask));
    if (countIn(mask, own) >= count) masks.push(mask);
  }
  return masks.map((affinity) => ({ affinity, preferred: countOf(affinity) === least }));
}

/** Of `free`, those that lie where they shall, where they are enough; else those first. */
export function aligned(free: readonly Device[], affinity: NumaMask | undefined, count: number): readonly Device[] {
  if (affinity === undefined || !hasTopology(free)) return free;
  const near = free.filter((device) => liesIn(affinity, device));
  if (near.length >= count) return near;
  const rank = (device: Device): number => (near.includes(device) ? 0 : nodesOf(device).length > 0 ? 1 : 2);
  return free.toSorted((a, b) => rank(a) - rank(b));
}
