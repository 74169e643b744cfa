// pure
// Which CPUs a container gets for itself: whole NUMA nodes and sockets, then whole caches and cores, then single threads, each from
// where the fewest are left. Source: cpumanager/cpu_assignment.go takeByTopologyNUMAPacked.
import { CpuSet } from './cpu-set.ts';
import type { CpuDetails, CpuTopology, Level } from './cpu-topology.ts';

export class CpuAssignmentError extends Error {
  override readonly name = 'CpuAssignmentError';
}

export interface AssignmentOptions {
  /** Single threads of many cores rather than whole cores. */
  readonly spread?: boolean;
  /** As few last-level caches as can be. */
  readonly alignByUncoreCache?: boolean;
}

/** @throws CpuAssignmentError when there are not as many */
export function takePacked(topology: CpuTopology, available: CpuSet, count: number, options: AssignmentOptions = {}): CpuSet {
  const taking = new Taking(topology, available, count);
  if (taking.isSatisfied) return taking.taken;
  if (taking.isFailed)
    throw new CpuAssignmentError(`not enough cpus available to satisfy request: requested=${count}, available=${available.size}`);
  for (const step of stepsOf(taking, options)) {
    step();
    if (taking.isSatisfied) return taking.taken;
  }
  throw new CpuAssignmentError('failed to allocate cpus');
}

function stepsOf(taking: Taking, { spread = false, alignByUncoreCache = false }: AssignmentOptions): readonly (() => void)[] {
  const [outer, inner] = taking.outermost;
  return [
    () => taking.takeWhole(outer),
    () => taking.takeWhole(inner),
    ...(alignByUncoreCache ? [() => taking.takeCaches()] : []),
    ...(spread ? [] : [() => taking.takeWhole('core')]),
    () => taking.takeSingle(spread),
  ];
}

export class Taking {
  readonly topology: CpuTopology;
  taken = CpuSet.EMPTY;
  /** What is still available. */
  details: CpuDetails;
  needed: number;

  constructor(topology: CpuTopology, available: CpuSet, count: number) {
    this.topology = topology;
    this.details = topology.details.keepOnly(available);
    this.needed = count;
  }

  get isSatisfied(): boolean {
    return this.needed < 1;
  }

  get isFailed(): boolean {
    return this.needed > this.details.cpus.size;
  }

  /** NUMA nodes hold sockets, unless there are more of them than sockets. */
  get outermost(): readonly [Level, Level] {
    return this.topology.sockets >= this.topology.numaNodes ? ['numaNode', 'socket'] : ['socket', 'numaNode'];
  }

  take(cpus: CpuSet): void {
    this.taken = this.taken.union(cpus);
    this.details = this.details.keepOnly(this.details.cpus.difference(this.taken));
    this.needed -= cpus.size;
  }

  /** Everything of a level that has CPUs left, those with the fewest first, each within what lies around it. */
  sorted(level: Level): readonly number[] {
    const [outer, inner] = this.outermost;
    if (level === outer) return this.#byFree(level, this.details.ids(level));
    const within = level === inner ? outer : level === 'uncoreCache' ? 'numaNode' : inner;
    return this.sorted(within).flatMap((id) => this.#byFree(level, this.details.idsIn(level, within, [id])));
  }

  #byFree(level: Level, ids: readonly number[]): readonly number[] {
    return ids.toSorted((a, b) => this.details.cpusIn(level, a).size - this.details.cpusIn(level, b).size || a - b);
  }

  takeWhole(level: Level): void {
    const whole = (id: number): CpuSet => this.topology.details.cpusIn(level, id);
    const free = this.sorted(level).filter((id) => this.details.cpusIn(level, id).size === whole(id).size);
    for (const id of free) if (this.needed >= whole(id).size) this.take(whole(id));
  }

  /** Whole caches, and of the last one as much as is needed. Source: takeUncoreCache. */
  takeCaches(): void {
    for (const cache of this.sorted('uncoreCache')) {
      this.takeWhole('uncoreCache');
      if (this.isSatisfied) return;
      this.#takePartOf(cache);
      if (this.isSatisfied) return;
    }
  }

  /** All that is needed or nothing. Source: takePartialUncore. */
  #takePartOf(cache: number): void {
    const perCore = this.topology.cpusPerCore;
    const cores = this.details.idsIn('core', 'uncoreCache', [cache]).slice(0, Math.ceil(this.needed / perCore));
    let cpus = this.details.cpusIn('core', ...cores);
    // Of the last core one thread is left where an odd number is asked for.
    if (perCore > 1 && this.needed % 2 !== 0 && cpus.size > this.needed) cpus = CpuSet.of(cpus.list.slice(0, -1));
    if (cpus.size === this.needed) this.take(cpus);
  }

  takeSingle(spread: boolean): void {
    const level = spread ? 'socket' : 'core';
    for (const cpu of this.sorted(level).flatMap((id) => this.details.cpusIn(level, id).list)) {
      this.take(CpuSet.of([cpu]));
      if (this.isSatisfied) return;
    }
  }
}
