// The CPUs of containers: who has some to itself, kept on disk, and what all others may run on. Source: cpumanager/cpu_manager.go.
import type { Pod } from '#api/types.ts';
import { CheckpointFile } from '../checkpoint-file.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { AnyContainer } from '../pod/containers.ts';
import type { HintProvider } from '../topology/topology-manager.ts';
import type { ProviderHints, TopologyHint } from '../topology/topology-policies.ts';
import { CpuSet } from './cpu-set.ts';
import type { CpuTopology } from './cpu-topology.ts';
import { type CpuState, StaticCpuPolicy, type StaticCpuPolicyDeps } from './static-policy.ts';

/** As upstream's file has it. */
interface Kept {
  readonly policyName: string;
  /** `0-3,8` */
  readonly defaultCpuSet: string;
  /** By pod's uid and container's name. */
  readonly entries?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface CpuManagerDeps extends StaticCpuPolicyDeps {
  /** `cpu_manager_state` in the kubelet's folder. */
  readonly path: string;
  readonly metrics: KubeletMetrics;
}

/** With the static policy; without it no container has a CPU of its own, and there is no manager. */
export class CpuManager implements HintProvider {
  readonly #policy: StaticCpuPolicy;
  readonly #file: CheckpointFile<Kept>;
  readonly #metrics: KubeletMetrics;
  readonly #topology: CpuTopology;
  readonly #wholeCores: boolean;

  /** @throws CpuStateError, CheckpointError; Error with the kernel's code */
  constructor(deps: CpuManagerDeps) {
    this.#policy = new StaticCpuPolicy(deps);
    this.#file = new CheckpointFile(deps.path, 'CPU');
    this.#metrics = deps.metrics;
    this.#topology = deps.topology;
    this.#wholeCores = deps.options.fullPhysicalCpusOnly;
    this.#policy.restore(stateOf(this.#file.read('static')));
    this.#save();
  }

  hints(pod: Pod, container: AnyContainer): ProviderHints {
    return this.#policy.hints(pod, container);
  }

  podHints(pod: Pod): ProviderHints {
    return this.#policy.podHints(pod);
  }

  /** @throws CpuAssignmentError, SmtAlignmentError */
  allocate(pod: Pod, container: AnyContainer, { affinity }: TopologyHint): void {
    const { cpuPinningRequests, cpuPinningErrors, alignedResources, alignedResourcesFailures } = this.#metrics;
    let given: CpuSet | undefined;
    try {
      given = this.#policy.allocate(pod, container, affinity);
    } catch (error) {
      cpuPinningRequests.of().add();
      cpuPinningErrors.of().add();
      if (this.#wholeCores) alignedResourcesFailures.of('container', 'physical_cpu').add();
      throw error;
    }
    if (given === undefined) return;
    cpuPinningRequests.of().add();
    if (this.#wholeCores) alignedResources.of('container', 'physical_cpu').add();
    if (this.#topology.details.keepOnly(given).ids('uncoreCache').length === 1) alignedResources.of('container', 'uncore_cache').add();
    this.#save();
  }

  release(uid: string): void {
    if (this.#policy.release(uid)) this.#save();
  }

  /** Uids of pods whose containers have CPUs to themselves. */
  pods(): readonly string[] {
    return [...this.#policy.state.exclusive.keys()];
  }

  exclusiveOf(uid: string, container: string): CpuSet | undefined {
    return this.#policy.exclusiveOf(uid, container);
  }

  /** What the container runs on. */
  cpusOf(uid: string, container: string): CpuSet {
    return this.exclusiveOf(uid, container) ?? this.#policy.state.shared;
  }

  get allocatable(): CpuSet {
    return this.#policy.allocatable;
  }

  #save(): void {
    const { shared, exclusive } = this.#policy.state;
    const entries = Object.fromEntries(
      [...exclusive].map(([uid, containers]) => [uid, Object.fromEntries([...containers].map(([name, cpus]) => [name, cpus.toString()]))]),
    );
    this.#file.write({ policyName: 'static', defaultCpuSet: shared.toString(), ...(exclusive.size === 0 ? {} : { entries }) });
    const given = CpuSet.EMPTY.union(...[...exclusive.values()].flatMap((containers) => [...containers.values()]));
    this.#metrics.cpuSharedPool.of().set(shared.difference(this.#policy.reserved).size * 1000);
    this.#metrics.cpuExclusive.of().set(given.size);
    const details = this.#topology.details.keepOnly(given);
    for (const node of this.#topology.details.ids('numaNode'))
      this.#metrics.cpuPerNuma.of(String(node)).set(details.cpusIn('numaNode', node).size);
  }
}

function stateOf(kept: Kept | undefined): CpuState | undefined {
  if (kept === undefined) return undefined;
  const exclusive = Object.entries(kept.entries ?? {}).map(([uid, containers]) => {
    const own = Object.entries(containers).map(([name, cpus]) => [name, CpuSet.parse(cpus)] as const);
    return [uid, new Map(own)] as const;
  });
  return { shared: CpuSet.parse(kept.defaultCpuSet), exclusive: new Map(exclusive) };
}
