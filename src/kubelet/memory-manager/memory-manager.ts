// Memory promised to containers from certain NUMA nodes, kept on disk. Source: memorymanager/memory_manager.go.
import type { Pod } from '#api/types.ts';
import { CheckpointFile } from '../checkpoint-file.ts';
import type { MemoryReservation } from '../configuration/config.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { MachineNode } from '../node/machine-topology.ts';
import { formatBytes, valueOf } from '../pod/amounts.ts';
import type { AnyContainer } from '../pod/containers.ts';
import type { HintProvider } from '../topology/topology-manager.ts';
import type { ProviderHints, TopologyHint } from '../topology/topology-policies.ts';
import type { Assignments, Block, MachineState, Reserved } from './memory-state.ts';
import { MemoryStateError, StaticMemoryPolicy } from './static-policy.ts';

interface Kept {
  readonly policyName: string;
  readonly machineState: MachineState;
  readonly entries?: Assignments;
}

export interface MemoryManagerDeps {
  readonly nodes: readonly MachineNode[];
  readonly reserved: Reserved;
  /** `memory_manager_state` in the kubelet's folder. */
  readonly path: string;
  readonly metrics: KubeletMetrics;
}

export class MemoryManager implements HintProvider {
  readonly #policy: StaticMemoryPolicy;
  readonly #file: CheckpointFile<Kept>;
  readonly #metrics: KubeletMetrics;

  /** @throws MemoryStateError, CheckpointError; Error with the kernel's code */
  constructor({ nodes, reserved, path, metrics }: MemoryManagerDeps) {
    this.#policy = new StaticMemoryPolicy(nodes, reserved);
    this.#file = new CheckpointFile(path, 'memory');
    this.#metrics = metrics;
    const kept = this.#file.read('Static');
    this.#policy.restore(kept === undefined ? undefined : { state: kept.machineState, assignments: kept.entries ?? {} });
    this.#save();
  }

  hints(pod: Pod, container: AnyContainer): ProviderHints {
    return this.#policy.hints(pod, container);
  }

  podHints(pod: Pod): ProviderHints {
    return this.#policy.podHints(pod);
  }

  /** @throws MemoryError */
  allocate(pod: Pod, container: AnyContainer, hint: TopologyHint): void {
    let given: boolean;
    try {
      given = this.#policy.allocate(pod, container, hint);
    } catch (error) {
      this.#metrics.memoryPinningRequests.of().add();
      this.#metrics.memoryPinningErrors.of().add();
      throw error;
    }
    if (!given) return;
    this.#metrics.memoryPinningRequests.of().add();
    this.#save();
  }

  release(uid: string): void {
    if (this.#policy.release(uid)) this.#save();
  }

  /** Uids of pods that were promised memory. */
  pods(): readonly string[] {
    return Object.keys(this.#policy.assignments);
  }

  blocksOf(uid: string, container: string): readonly Block[] {
    return this.#policy.blocksOf(uid, container);
  }

  /** Nodes that its memory comes from; empty for any. Source: GetMemoryNUMANodes. */
  nodesOf(uid: string, container: string): readonly number[] {
    return [...new Set(this.blocksOf(uid, container).flatMap(({ numaAffinity }) => numaAffinity))].toSorted((a, b) => a - b);
  }

  allocatable(): readonly Block[] {
    return this.#policy.allocatable();
  }

  #save(): void {
    const { state: machineState, assignments: entries } = this.#policy;
    this.#file.write({ policyName: 'Static', machineState, ...(Object.keys(entries).length === 0 ? {} : { entries }) });
  }
}

/** `total`: what the node keeps back of each kind, bytes. @throws MemoryStateError. Source: getSystemReservedMemory, validateReservedMemory */
export function reservedMemory(given: readonly MemoryReservation[], total: Readonly<Record<string, number>>): Reserved {
  const byNode: Record<number, Record<string, number>> = {};
  const sums: Record<string, number> = {};
  for (const { numaNode, limits } of given) {
    const own = (byNode[numaNode] ??= {});
    for (const [kind, quantity] of Object.entries(limits)) {
      own[kind] = (own[kind] ?? 0) + valueOf(quantity);
      sums[kind] = (sums[kind] ?? 0) + valueOf(quantity);
    }
  }
  for (const kind of new Set([...Object.keys(sums), ...Object.keys(total)])) {
    const [asked, kept] = [sums[kind] ?? 0, total[kind] ?? 0];
    if (asked !== kept)
      throw new MemoryStateError(
        `the total amount "${formatBytes(asked)}" of type "${kind}" is not equal to the value "${formatBytes(kept)}" determined by Node Allocatable feature`,
      );
  }
  return byNode;
}
