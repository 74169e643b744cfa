// pure
// Memory of each NUMA node: what there is, what is kept back, and what containers were given. Source: memorymanager/state.
import type { MachineNode } from '../node/machine-topology.ts';

/** Bytes. Field names are those of upstream's state file. */
export interface MemoryTable {
  total: number;
  systemReserved: number;
  allocatable: number;
  reserved: number;
  free: number;
}

export interface NodeState {
  numberOfAssignments: number;
  /** By `memory`, `hugepages-2Mi`. */
  readonly memoryMap: Readonly<Record<string, MemoryTable>>;
  /** Nodes that are given out together with this one, itself included; rising. */
  cells: readonly number[];
}

export type MachineState = Readonly<Record<number, NodeState>>;

/** What a container was given of one kind. */
export interface Block {
  readonly numaAffinity: readonly number[];
  readonly type: string;
  /** Bytes. */
  readonly size: number;
}

/** By pod's uid and container's name. */
export type Assignments = Readonly<Record<string, Readonly<Record<string, readonly Block[]>>>>;

/** Bytes by node and kind. */
export type Reserved = Readonly<Record<number, Readonly<Record<string, number>>>>;

/** Nothing is given out. Source: getDefaultMachineState. */
export function emptyState(nodes: readonly MachineNode[], reserved: Reserved): MachineState {
  const entries = nodes.map(({ id, memory, hugePages }): readonly [number, NodeState] => {
    const table = (name: string, total: number, taken: number): readonly [string, MemoryTable] => {
      const systemReserved = reserved[id]?.[name] ?? 0;
      const allocatable = total - taken - systemReserved;
      return [name, { total, systemReserved, allocatable, reserved: 0, free: allocatable }];
    };
    const pages = Object.entries(hugePages).map(([size, bytes]) => table(`hugepages-${size}`, bytes, 0));
    const inPages = Object.values(hugePages).reduce((sum, bytes) => sum + bytes, 0);
    return [id, { numberOfAssignments: 0, memoryMap: Object.fromEntries([...pages, table('memory', memory, inPages)]), cells: [id] }];
  });
  return Object.fromEntries(entries);
}

/** Takes from the nodes in order, what each has left. Each counts as assigned, also where nothing is taken. Source: updateMachineState. */
export function take(state: MachineState, nodes: readonly number[], type: string, size: number): void {
  let missing = size;
  for (const id of nodes) {
    const node = state[id];
    if (node === undefined) continue;
    node.numberOfAssignments++;
    node.cells = nodes;
    const table = node.memoryMap[type];
    if (table === undefined) continue;
    const part = Math.max(0, Math.min(table.free, missing));
    table.reserved += part;
    table.free -= part;
    missing -= part;
  }
}

/** Source: RemoveContainer. */
export function giveBack(state: MachineState, { numaAffinity, type, size }: Block): void {
  let left = size;
  for (const id of numaAffinity) {
    const node = state[id];
    if (node === undefined) continue;
    node.numberOfAssignments--;
    if (node.numberOfAssignments === 0) node.cells = [id];
    const table = node.memoryMap[type];
    if (table === undefined) continue;
    const part = Math.min(table.reserved, left);
    table.free += part;
    table.reserved -= part;
    left -= part;
  }
}

export const sameNodes = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((id) => b.includes(id));

/** Within a group of nodes, which of them holds what does not matter. Source: areMachineStatesEqual. */
export function isSameState(a: MachineState, b: MachineState): boolean {
  const ids = Object.keys(a).map(Number);
  if (ids.length !== Object.keys(b).length) return false;
  return ids.every((id) => {
    const [mine, other] = [a[id], b[id]];
    if (mine === undefined || other === undefined) return false;
    if (mine.numberOfAssignments !== other.numberOfAssignments || !sameNodes(mine.cells, other.cells)) return false;
    const kinds = Object.keys(mine.memoryMap);
    if (kinds.length !== Object.keys(other.memoryMap).length) return false;
    return kinds.every((kind) => {
      const [table, expected] = [mine.memoryMap[kind], other.memoryMap[kind]];
      if (table === undefined || expected === undefined) return false;
      const fixed = table.total === expected.total && table.systemReserved === expected.systemReserved;
      if (!fixed || table.allocatable !== expected.allocatable) return false;
      const sum = (state: MachineState, field: 'free' | 'reserved'): number =>
        mine.cells.reduce((total, cell) => total + (state[cell]?.memoryMap[kind]?.[field] ?? 0), 0);
      return sum(a, 'free') === sum(b, 'free') && sum(a, 'reserved') === sum(b, 'reserved');
    });
  });
}
