// pure
// The CPUs of a machine: which core, cache, socket and NUMA node each belongs to. Source: cpumanager/topology.
import { CpuSet } from './cpu-set.ts';

export interface CpuInfo {
  readonly cpu: number;
  /** The lowest of its threads: unique on the machine. */
  readonly core: number;
  readonly socket: number;
  readonly numaNode: number;
  /** The last-level cache it shares with others. */
  readonly uncoreCache: number;
}

export type Level = 'core' | 'uncoreCache' | 'socket' | 'numaNode';

/** Some of the CPUs of a machine. Never changes. */
export class CpuDetails {
  readonly #infos: readonly CpuInfo[];
  #cpus: CpuSet | undefined;

  constructor(infos: readonly CpuInfo[]) {
    this.#infos = infos;
  }

  get cpus(): CpuSet {
    return (this.#cpus ??= CpuSet.of(this.#infos.map(({ cpu }) => cpu)));
  }

  keepOnly(cpus: CpuSet): CpuDetails {
    return new CpuDetails(this.#infos.filter(({ cpu }) => cpus.has(cpu)));
  }

  info(cpu: number): CpuInfo | undefined {
    return this.#infos.find((info) => info.cpu === cpu);
  }

  /** Ids of what there is of a level, rising. */
  ids(level: Level): readonly number[] {
    return CpuSet.of(this.#infos.map((info) => info[level])).list;
  }

  /** As `ids`, of what lies in one of another level. */
  idsIn(level: Level, outer: Level, ids: readonly number[]): readonly number[] {
    return CpuSet.of(this.#infos.filter((info) => ids.includes(info[outer])).map((info) => info[level])).list;
  }

  cpusIn(level: Level, ...ids: readonly number[]): CpuSet {
    return CpuSet.of(this.#infos.filter((info) => ids.includes(info[level])).map(({ cpu }) => cpu));
  }
}

export class CpuTopology {
  readonly details: CpuDetails;
  readonly sockets: number;
  readonly numaNodes: number;
  /** Threads of one core. */
  readonly cpusPerCore: number;

  constructor(infos: readonly CpuInfo[]) {
    this.details = new CpuDetails(infos);
    this.sockets = this.details.ids('socket').length;
    this.numaNodes = this.details.ids('numaNode').length;
    const cores = this.details.ids('core').length;
    this.cpusPerCore = cores === 0 ? 0 : Math.floor(infos.length / cores);
  }
}
