// pure
// From which NUMA nodes a container's memory can come. Source: memorymanager/policy_static.go calculateHints and its like.
import { countOf, isNarrower, type NumaMask, masksOf, nodesOf } from '../topology/numa-mask.ts';
import type { TopologyHint } from '../topology/topology-policies.ts';
import { type MachineState, sameNodes } from './memory-state.ts';

/** Bytes by kind: `memory`, `hugepages-2Mi`. */
export type Requested = Readonly<Record<string, number>>;

export interface MemoryHint extends TopologyHint {
  readonly affinity: NumaMask;
}

const sumOf = (state: MachineState, nodes: readonly number[], kind: string, field: 'free' | 'allocatable'): number =>
  nodes.reduce((sum, id) => sum + (state[id]?.memoryMap[kind]?.[field] ?? 0), 0);

/**
 * The same for every kind. A node is given out alone or with the same others always. `reusable`: what the pod has of a kind in a set
 * of nodes and may use again.
 */
export function memoryHints(
  state: MachineState,
  requested: Requested,
  reusable: (mask: NumaMask, kind: string) => number = () => 0,
): readonly MemoryHint[] {
  const ids = Object.keys(state)
    .map(Number)
    .toSorted((a, b) => a - b);
  let least = ids.length;
  const masks: NumaMask[] = [];
  for (const mask of masksOf(ids)) {
    const nodes = nodesOf(mask);
    const kinds = Object.entries(requested);
    if (kinds.some(([kind, size]) => sumOf(state, nodes, kind, 'allocatable') < size)) continue;
    least = Math.min(least, countOf(mask));
    if (!mayGoTogether(state, nodes)) continue;
    if (kinds.some(([kind, size]) => sumOf(state, nodes, kind, 'free') + reusable(mask, kind) < size)) continue;
    masks.push(mask);
  }
  return masks.map((affinity) => ({ affinity, preferred: countOf(affinity) === least }));
}

function mayGoTogether(state: MachineState, nodes: readonly number[]): boolean {
  const [only] = nodes;
  if (nodes.length === 1 && only !== undefined) return (state[only]?.cells.length ?? 0) <= 1;
  return !breaksGroups(state, nodes);
}

/** Whether one of several nodes is in use alone, or with others. Source: isAffinityViolatingNUMAAllocations. */
export function breaksGroups(state: MachineState, nodes: readonly number[]): boolean {
  if (nodes.length === 1) return false;
  return nodes.some((id) => {
    const node = state[id];
    if (node === undefined || node.numberOfAssignments === 0) return false;
    return node.cells.length === 1 || !sameNodes(node.cells, nodes);
  });
}

export const isEnough = (state: MachineState, mask: NumaMask, requested: Requested): boolean =>
  Object.entries(requested).every(([kind, size]) => sumOf(state, nodesOf(mask), kind, 'free') >= size);

/** What is preferred, then what is narrower; the first of equals. Source: findBestHint. */
export function bestHint(hints: readonly MemoryHint[]): MemoryHint | undefined {
  return hints.reduce<MemoryHint | undefined>((best, hint) => {
    if (best === undefined || (hint.preferred && !best.preferred)) return hint;
    return hint.preferred === best.preferred && isNarrower(hint.affinity, best.affinity) ? hint : best;
  }, undefined);
}
