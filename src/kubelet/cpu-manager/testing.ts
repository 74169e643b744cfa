// Machines of upstream's tables, by the order in which their firmware numbers threads. Source: cpumanager policy_test.go.
import { type CpuInfo, CpuTopology } from './cpu-topology.ts';

/** Each CPU as `socket core numaNode`, and its cache where it is not that of its socket. */
const machine = (cpus: readonly (readonly [socket: number, core: number, numaNode: number, uncoreCache?: number])[]): CpuTopology =>
  new CpuTopology(
    cpus.map(([socket, core, numaNode, uncoreCache = socket], cpu): CpuInfo => ({ cpu, socket, core, numaNode, uncoreCache })),
  );

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

/** Eight threads, four cores: 0 and 4 are of one core. */
export const SINGLE_SOCKET_HT = machine(range(8).map((cpu) => [0, cpu % 4, 0]));
/** Twelve threads, six cores; even cores are of socket 0. */
export const DUAL_SOCKET_HT = machine(range(12).map((cpu) => [cpu % 2, cpu % 6, cpu % 2]));
/** Eight cores without threads, four a socket. */
export const DUAL_SOCKET_NO_HT = machine(range(8).map((cpu) => [Math.floor(cpu / 4), cpu, Math.floor(cpu / 4)]));
/** Eighty threads, forty cores on two sockets with two NUMA nodes each. */
export const DUAL_SOCKET_FOUR_NUMA_HT = machine(
  range(80).map((cpu) => {
    const core = cpu % 40;
    return [Math.floor(core / 20), core, Math.floor(core / 10)];
  }),
);
/** Sixteen cores of one socket, four a cache, two threads each. */
export const FOUR_CACHES_HT = machine(range(32).map((cpu) => [0, cpu % 16, 0, Math.floor((cpu % 16) / 4)]));
