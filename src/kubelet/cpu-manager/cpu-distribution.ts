// pure
// CPUs spread evenly over NUMA nodes where one is not enough: over as few as can be, leaving them as balanced as can be.
// Source: cpumanager/cpu_assignment.go takeByTopologyNUMADistributed, KEP-2902.
import { combinations } from '../topology/numa-mask.ts';
import { type AssignmentOptions, CpuAssignmentError, takePacked, Taking } from './cpu-assignment.ts';
import type { CpuSet } from './cpu-set.ts';
import type { CpuTopology } from './cpu-topology.ts';

/** CPUs are given in groups of `groupSize`, of whole cores for example. @throws CpuAssignmentError when there are not as many */
export function takeDistributed(
  topology: CpuTopology,
  available: CpuSet,
  count: number,
  groupSize: number,
  options: AssignmentOptions = {},
): CpuSet {
  if (count % groupSize !== 0) return takePacked(topology, available, count, options);
  const taking = new Taking(topology, available, count);
  if (taking.isSatisfied) return taking.taken;
  if (taking.isFailed)
    throw new CpuAssignmentError(`not enough cpus available to satisfy request: requested=${count}, available=${available.size}`);
  const nodes = taking.sorted('numaNode');
  const free = new Map(nodes.map((node) => [node, taking.details.cpusIn('numaNode', node).size]));
  const [least, most] = rangeOf(taking, count, groupSize);
  for (let size = least; size <= most; size++) {
    const best = bestOf([...combinations(nodes, size)], { free, count, groupSize });
    if (best !== undefined) return spread(taking, best, { count, groupSize, options });
  }
  return takePacked(topology, available, count, options);
}

/** How many nodes may be needed. Source: rangeNUMANodesNeededToSatisfy. */
function rangeOf({ topology, details }: Taking, count: number, groupSize: number): readonly [least: number, most: number] {
  const groups = Math.ceil(topology.details.cpus.size / groupSize);
  const perNode = Math.ceil(groups / topology.numaNodes);
  const needed = Math.ceil(count / groupSize);
  return [Math.ceil(needed / perNode), Math.min(needed, details.ids('numaNode').length)];
}

interface Asked {
  /** CPUs left of each node that has any. */
  readonly free: ReadonlyMap<number, number>;
  readonly count: number;
  readonly groupSize: number;
}

interface Choice {
  readonly nodes: readonly number[];
  /** Nodes that give another group each, until all are given. */
  readonly remainder: readonly number[];
  /** Of what is left of all nodes; the less, the more even. */
  readonly balance: number;
}

const evenShare = (count: number, nodes: number, groupSize: number): number =>
  Math.floor(Math.floor(count / nodes) / groupSize) * groupSize;

function bestOf(candidates: readonly (readonly number[])[], asked: Asked): Choice | undefined {
  let best: Choice | undefined;
  for (const nodes of candidates) {
    if (best?.balance === 0) break;
    const choice = choiceOf(nodes, asked);
    if (choice !== undefined && (best === undefined || choice.balance < best.balance)) best = choice;
  }
  return best;
}

/** Undefined where these nodes cannot give as much evenly. */
function choiceOf(nodes: readonly number[], { free, count, groupSize }: Asked): Choice | undefined {
  const has = (node: number): number => free.get(node) ?? 0;
  const groups = nodes.reduce((sum, node) => sum + Math.floor(has(node) / groupSize), 0);
  const share = evenShare(count, nodes.length, groupSize);
  if (groups * groupSize < count || nodes.some((node) => has(node) < share)) return undefined;
  const after = new Map([...free].map(([node, cpus]) => [node, nodes.includes(node) ? cpus - share : cpus]));
  const rest = count - share * nodes.length;
  if (rest === 0) return { nodes, remainder: [], balance: deviation([...after.values()]) };
  const givers = nodes.filter((node) => (after.get(node) ?? 0) >= groupSize);
  let best: Choice | undefined;
  for (let size = givers.length; size >= 1; size--) {
    for (const remainder of combinations(givers, size)) {
      const left = withoutRemainder(after, remainder, rest, groupSize);
      if (left === undefined) continue;
      const balance = deviation(left);
      if (best === undefined || balance < best.balance) best = { nodes, remainder, balance };
    }
  }
  return best;
}

function withoutRemainder(
  after: ReadonlyMap<number, number>,
  givers: readonly number[],
  rest: number,
  groupSize: number,
): readonly number[] | undefined {
  const left = new Map(after);
  if (givers.reduce((sum, node) => sum + (left.get(node) ?? 0), 0) < rest) return undefined;
  for (let remaining = rest; remaining > 0;) {
    const before = remaining;
    for (const node of givers) {
      const cpus = left.get(node) ?? 0;
      if (remaining === 0 || cpus < groupSize) continue;
      left.set(node, cpus - groupSize);
      remaining -= groupSize;
    }
    if (remaining === before) return undefined;
  }
  return [...left.values()];
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/** Source: standardDeviation: mean and result are rounded to thousandths. */
function deviation(values: readonly number[]): number {
  const mean = rounded(values.reduce((sum, value) => sum + value, 0) / values.length);
  return rounded(Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length));
}

function spread(
  taking: Taking,
  { nodes, remainder }: Choice,
  { count, groupSize, options }: { readonly count: number; readonly groupSize: number; readonly options: AssignmentOptions },
): CpuSet {
  const give = (node: number, cpus: number): void =>
    taking.take(takePacked(taking.topology, taking.details.cpusIn('numaNode', node), cpus, options));
  const share = evenShare(count, nodes.length, groupSize);
  for (const node of nodes) give(node, share);
  while (!taking.isSatisfied) {
    const before = taking.needed;
    for (const node of remainder)
      if (!taking.isSatisfied && taking.details.cpusIn('numaNode', node).size >= groupSize) give(node, groupSize);
    if (taking.needed === before) break;
  }
  if (taking.needed > 0) throw new CpuAssignmentError(`accounting error, not enough CPUs allocated, remaining: ${taking.needed}`);
  return taking.taken;
}
