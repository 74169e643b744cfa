// CPUs and memory that containers get for themselves, placed together: the managers of a node, as it is configured.
// Source: pkg/kubelet/cm container_manager_linux.go, internal_container_lifecycle_linux.go.
import { join } from 'node:path';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Pod } from '#api/types.ts';
import { CriError } from '#cri/errors.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import type { Refusal } from '../admission/admission-plan.ts';
import type { KubeletConfig } from '../configuration/config.ts';
import { CpuManager } from '../cpu-manager/cpu-manager.ts';
import { CpuSet } from '../cpu-manager/cpu-set.ts';
import { CpuTopology } from '../cpu-manager/cpu-topology.ts';
import { checkAgainstMachine, staticPolicyOptions } from '../cpu-manager/policy-options.ts';
import { MemoryManager, reservedMemory } from '../memory-manager/memory-manager.ts';
import type { Block } from '../memory-manager/memory-state.ts';
import type { DeviceManager } from '../devices/device-manager.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { MachineTopology } from '../node/machine-topology.ts';
import { thresholdAmount } from '../node/status.ts';
import { milliOf, valueOf } from '../pod/amounts.ts';
import type { AnyContainer } from '../pod/containers.ts';
import type { NumaInfo } from './topology-policies.ts';
import { type HintProvider, TopologyManager, topologySettings } from './topology-manager.ts';

/** The node cannot run as it is configured. */
export class ResourceConfigError extends Error {
  override readonly name = 'ResourceConfigError';
}

/** Where a container runs. */
export interface ContainerPlacement {
  /** `0-3`; empty for anywhere. */
  readonly cpusetCpus: string;
  /** NUMA nodes; empty for any. */
  readonly cpusetMems: string;
  /** Its CPUs are nobody else's: no quota holds it back. */
  readonly exclusive: boolean;
}

/** Source: kubelet app server.go run: reserved CPUs replace what is reserved otherwise. */
export function withReservedCpus(config: KubeletConfig): KubeletConfig {
  if (config.reservedSystemCPUs === '') return config;
  const { cpu: _, ...kubeReserved } = config.kubeReserved;
  const cpu = String(CpuSet.parse(config.reservedSystemCPUs).size);
  return { ...config, kubeReserved, systemReserved: { ...config.systemReserved, cpu } };
}

export interface ResourceManagersDeps {
  readonly config: KubeletConfig;
  readonly topology: MachineTopology;
  readonly runtime: RuntimeService;
  readonly metrics: KubeletMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Devices of plugins, which are given after all else was. */
  readonly devices: () => Pick<DeviceManager, 'hints' | 'podHints' | 'place'>;
  /** Whether a pod was admitted and has not ended. */
  readonly alive: (uid: string) => boolean;
  /** Containers that run, of pods that are to run. */
  readonly running: () => readonly { readonly uid: string; readonly name: string; readonly id: string }[];
}

export class ResourceManagers {
  readonly #deps: ResourceManagersDeps;
  #cpu: CpuManager | undefined;
  #memory: MemoryManager | undefined;
  #topology: TopologyManager | undefined;
  /** CPUs that containers were told to run on, by their ids. */
  readonly #told = new Map<string, string>();
  #timer: CancelTimer | undefined;

  constructor(deps: ResourceManagersDeps) {
    this.#deps = deps;
  }

  /** Takes over what was given before. @throws Error in upstream's words, when the node cannot run as it is configured */
  load(): void {
    const { config, topology, metrics, clock } = this.#deps;
    const cpus = new CpuTopology(topology.cpus);
    const numa = numaOf(topology);
    const settings = topologySettings(config, numa.nodes.length);
    this.#cpu = this.#makeCpuManager(cpus);
    this.#memory = this.#makeMemoryManager();
    const devices: HintProvider = {
      hints: (pod, container) => this.#deps.devices().hints(pod, container, numa.nodes),
      podHints: (pod) => this.#deps.devices().podHints(pod, numa.nodes),
      allocate: (pod, container, { affinity }) => this.#deps.devices().place(pod, container, affinity),
    };
    const providers = [devices, this.#cpu, this.#memory].filter((each) => each !== undefined);
    this.#topology = new TopologyManager({ settings, numa, providers, metrics, clock });
  }

  #makeCpuManager(topology: CpuTopology): CpuManager | undefined {
    const { config, metrics } = this.#deps;
    const { cpuManagerPolicy: policy, cpuManagerPolicyOptions: given, reservedSystemCPUs, kubeReserved, systemReserved } = config;
    if (policy === 'none') {
      if (Object.keys(given).length > 0) throw new ResourceConfigError('new none policy error: none policy: received unsupported options');
      return undefined;
    }
    if (policy !== 'static') throw new ResourceConfigError(`unknown policy: "${policy}"`);
    const milli = milliOf(kubeReserved['cpu']) + milliOf(systemReserved['cpu']);
    if (milli === 0)
      throw new ResourceConfigError(
        '[cpumanager] the static policy requires systemreserved.cpu + kubereserved.cpu to be greater than zero',
      );
    const options = staticPolicyOptions(given, (config.others['featureGates'] ?? {}) as Readonly<Record<string, boolean>>);
    checkAgainstMachine(options, topology, config.topologyManagerPolicy);
    return new CpuManager({
      topology,
      options,
      reservedCount: Math.ceil(milli / 1000),
      ...(reservedSystemCPUs === '' ? {} : { reserved: CpuSet.parse(reservedSystemCPUs) }),
      path: join(config.rootDir, 'cpu_manager_state'),
      metrics,
    });
  }

  #makeMemoryManager(): MemoryManager | undefined {
    const { config, topology, metrics } = this.#deps;
    if (config.memoryManagerPolicy === 'None') return undefined;
    if (config.memoryManagerPolicy !== 'Static') throw new ResourceConfigError(`unknown policy: "${config.memoryManagerPolicy}"`);
    const whole = topology.nodes.reduce((sum, { memory }) => sum + memory, 0);
    const kept: Record<string, number> = {};
    for (const list of [config.kubeReserved, config.systemReserved])
      for (const [kind, quantity] of Object.entries(list))
        if (kind === 'memory' || kind.startsWith('hugepages-')) kept[kind] = (kept[kind] ?? 0) + valueOf(quantity);
    const threshold = config.evictionHard['memory.available'];
    if (threshold !== undefined) kept['memory'] = (kept['memory'] ?? 0) + thresholdAmount(threshold, whole);
    return new MemoryManager({
      nodes: topology.nodes,
      reserved: reservedMemory(config.reservedMemory, kept),
      path: join(config.rootDir, 'memory_manager_state'),
      metrics,
    });
  }

  start(): void {
    if (this.#cpu !== undefined) this.#again();
  }

  stop(): void {
    this.#timer?.();
  }

  #again(): void {
    this.#timer = this.#deps.clock.after(this.#deps.config.cpuManagerReconcilePeriod, () => {
      void this.reconcile().finally(() => this.#again());
    });
  }

  /** Gives the pod what it asks for, or says why not; nothing stays with a pod that is refused. */
  admit(pod: Pod): Refusal | undefined {
    const { uid } = pod.metadata;
    this.#releaseAllBut(uid);
    const refusal = this.#topology?.admit(pod);
    if (refusal !== undefined) this.release(uid);
    return refusal;
  }

  /** What pods had that are over. Source: removeStaleState. */
  #releaseAllBut(uid?: string): void {
    const holders = new Set([...(this.#cpu?.pods() ?? []), ...(this.#memory?.pods() ?? [])]);
    for (const holder of holders) if (holder !== uid && !this.#deps.alive(holder)) this.release(holder);
  }

  release(uid: string): void {
    this.#cpu?.release(uid);
    this.#memory?.release(uid);
  }

  placementOf({ metadata: { uid } }: Pod, { name }: AnyContainer): ContainerPlacement {
    return {
      cpusetCpus: this.#cpu?.cpusOf(uid, name).toString() ?? '',
      cpusetMems: this.#memory?.nodesOf(uid, name).join(',') ?? '',
      exclusive: this.#cpu?.exclusiveOf(uid, name) !== undefined,
    };
  }

  /** Whether any container of the pod has CPUs to itself. */
  hasExclusiveCpus({ metadata: { uid } }: Pod): boolean {
    return this.#cpu?.pods().includes(uid) === true;
  }

  exclusiveCpus(uid: string, container: string): readonly number[] {
    return this.#cpu?.exclusiveOf(uid, container)?.list ?? [];
  }

  memoryOf(uid: string, container: string): readonly Block[] {
    return this.#memory?.blocksOf(uid, container) ?? [];
  }

  get allocatableCpus(): readonly number[] {
    return this.#cpu?.allocatable.list ?? [];
  }

  get allocatableMemory(): readonly Block[] {
    return this.#memory?.allocatable() ?? [];
  }

  /** What is shared grows and shrinks under those that run. Source: reconcileState. */
  async reconcile(): Promise<void> {
    const { running, runtime, logger } = this.#deps;
    const cpu = this.#cpu;
    if (cpu === undefined) return;
    this.#releaseAllBut();
    const now = running();
    const ids = new Set(now.map(({ id }) => id));
    for (const id of this.#told.keys()) if (!ids.has(id)) this.#told.delete(id);
    for (const { uid, name, id } of now) {
      const cpusetCpus = cpu.cpusOf(uid, name).toString();
      if (cpusetCpus === '' || this.#told.get(id) === cpusetCpus) continue;
      try {
        await runtime.updateContainerResources({ containerId: id, linux: { cpusetCpus } });
        this.#told.set(id, cpusetCpus);
      } catch (error) {
        if (!(error instanceof CriError)) throw error;
        logger.warn('a container could not be moved to its CPUs', { container: name, pod: uid, cpus: cpusetCpus, error });
      }
    }
  }
}

const numaOf = ({ nodes }: MachineTopology): NumaInfo => ({
  nodes: nodes.map(({ id }) => id),
  distances: new Map(nodes.map(({ id, distances }) => [id, distances])),
});
