// CPUs that containers of guaranteed pods have to themselves; all others share the rest. Source: cpumanager/policy_static.go.
import { isSidecar } from '#api/pods.ts';
import { podQos } from '#api/pod-qos.ts';
import type { Pod } from '#api/types.ts';
import { milliOf } from '../pod/amounts.ts';
import type { AnyContainer } from '../pod/containers.ts';
import { countOf, isSet, masksOf, type NumaMask, nodesOf } from '../topology/numa-mask.ts';
import type { ProviderHints, TopologyHint } from '../topology/topology-policies.ts';
import { CpuAssignmentError, takePacked } from './cpu-assignment.ts';
import { takeDistributed } from './cpu-distribution.ts';
import { CpuSet } from './cpu-set.ts';
import type { CpuTopology } from './cpu-topology.ts';
import type { StaticPolicyOptions } from './policy-options.ts';

/** What is given to whom: by pod's uid and container's name. */
export interface CpuState {
  /** What all share that have none of their own. */
  shared: CpuSet;
  readonly exclusive: Map<string, Map<string, CpuSet>>;
}

/** What was kept does not fit this machine or its configuration. */
export class CpuStateError extends Error {
  override readonly name = 'CpuStateError';
}

/** Whole cores were asked for and cannot be had. Source: SMTAlignmentError. */
export class SmtAlignmentError extends Error {
  override readonly name = 'SMTAlignmentError';
}

export interface StaticCpuPolicyDeps {
  readonly topology: CpuTopology;
  readonly options: StaticPolicyOptions;
  /** How many are reserved, and which; undefined for those with the lowest cores. */
  readonly reservedCount: number;
  readonly reserved?: CpuSet;
}

export class StaticCpuPolicy {
  readonly #topology: CpuTopology;
  readonly #options: StaticPolicyOptions;
  readonly reserved: CpuSet;
  /** With all threads of their cores. */
  readonly #reservedCores: CpuSet;
  readonly state: CpuState = { shared: CpuSet.EMPTY, exclusive: new Map() };
  /** What init containers of the pod being admitted had: those after them may have it too. */
  #reusable: { readonly uid: string; readonly cpus: CpuSet } = { uid: '', cpus: CpuSet.EMPTY };

  /** @throws CpuStateError */
  constructor({ topology, options, reservedCount, reserved }: StaticCpuPolicyDeps) {
    this.#topology = topology;
    this.#options = options;
    this.reserved = reserved ?? this.#reserve(reservedCount);
    if (this.reserved.size !== reservedCount)
      throw new CpuStateError(
        `[cpumanager] unable to reserve the required amount of CPUs (size of ${this.reserved} did not equal ${reservedCount})`,
      );
    const { details } = topology;
    const cores = this.reserved.list.map((cpu) => {
      const info = details.info(cpu);
      if (info === undefined)
        throw new CpuStateError(`[cpumanager] unable to build the reserved physical CPUs from the reserved set: unknown CPU ID: ${cpu}`);
      return info.core;
    });
    this.#reservedCores = details.cpusIn('core', ...cores);
  }

  #reserve(count: number): CpuSet {
    try {
      return this.#takeFrom(this.#topology.details.cpus, count);
    } catch (error) {
      if (!(error instanceof CpuAssignmentError)) throw error;
      return CpuSet.EMPTY;
    }
  }

  /** What containers may have to themselves. */
  get allocatable(): CpuSet {
    return this.#topology.details.cpus.difference(this.reserved);
  }

  get #available(): CpuSet {
    return this.state.shared.difference(this.reserved);
  }

  /** Takes over what was kept; nothing where there is nothing. @throws CpuStateError */
  restore(kept: CpuState | undefined): void {
    const { strictReservation } = this.#options;
    const all = this.#topology.details.cpus.difference(strictReservation ? this.reserved : CpuSet.EMPTY);
    if (kept === undefined || (kept.shared.isEmpty && kept.exclusive.size === 0)) {
      this.state.shared = all;
      return;
    }
    if (kept.shared.isEmpty) throw new CpuStateError('default cpuset cannot be empty');
    const among = this.reserved.intersection(kept.shared);
    if (strictReservation && !among.isEmpty)
      throw new CpuStateError(`some of strictly reserved cpus: "${among}" are present in defaultCpuSet: "${kept.shared}"`);
    if (!strictReservation && among.size !== this.reserved.size)
      throw new CpuStateError(`not all reserved cpus: "${this.reserved}" are present in defaultCpuSet: "${kept.shared}"`);
    let known = kept.shared;
    for (const [uid, containers] of kept.exclusive) {
      for (const [name, cpus] of containers) {
        if (!cpus.intersection(kept.shared).isEmpty)
          throw new CpuStateError(`pod: ${uid}, container: ${name} cpuset: "${cpus}" overlaps with default cpuset "${kept.shared}"`);
        known = known.union(cpus);
      }
    }
    if (!known.equals(all)) throw new CpuStateError(`current set of available CPUs "${all}" doesn't match with CPUs in state "${known}"`);
    this.state.shared = kept.shared;
    for (const [uid, containers] of kept.exclusive) this.state.exclusive.set(uid, new Map(containers));
  }

  exclusiveOf(uid: string, container: string): CpuSet | undefined {
    return this.state.exclusive.get(uid)?.get(container);
  }

  /** Safe to repeat. Says whether any were given now. @throws CpuAssignmentError, SmtAlignmentError */
  allocate(pod: Pod, container: AnyContainer, affinity: NumaMask | undefined): CpuSet | undefined {
    const { uid } = pod.metadata;
    const count = exclusiveCpus(pod, container);
    if (count === 0) return undefined;
    const given = this.exclusiveOf(uid, container.name);
    if (given !== undefined) {
      this.#passOn(pod, container, given);
      return undefined;
    }
    if (this.#options.fullPhysicalCpusOnly) this.#checkCores(count);
    const reusable = this.#reusable.uid === uid ? this.#reusable.cpus : CpuSet.EMPTY;
    const cpus = this.#choose(count, affinity, this.#available.union(reusable));
    this.state.shared = this.state.shared.difference(cpus);
    const own = this.state.exclusive.get(uid) ?? new Map<string, CpuSet>();
    this.state.exclusive.set(uid, own.set(container.name, cpus));
    this.#passOn(pod, container, cpus);
    return cpus;
  }

  #checkCores(count: number): void {
    const perCore = this.#topology.cpusPerCore;
    if (count % perCore !== 0)
      throw new SmtAlignmentError(`SMT Alignment Error: requested ${count} cpus not multiple cpus per core = ${perCore}`);
    const available = this.state.shared.difference(this.#reservedCores).size;
    if (count > available)
      throw new SmtAlignmentError(
        `SMT Alignment Error: not enough free physical CPUs: available physical CPUs = ${available}, requested CPUs = ${count}, CPUs per core = ${perCore}`,
      );
  }

  /** Those where they shall lie first. Source: allocateCPUs. */
  #choose(count: number, affinity: NumaMask | undefined, available: CpuSet): CpuSet {
    const aligned = affinity === undefined ? CpuSet.EMPTY : this.#alignedWith(affinity, available);
    const first = this.#takeFrom(aligned, Math.min(count, aligned.size));
    return first.union(this.#takeFrom(available.difference(first), count - first.size));
  }

  #alignedWith(affinity: NumaMask, available: CpuSet): CpuSet {
    const { details } = this.#topology;
    const nodes = nodesOf(affinity);
    const within = this.#options.alignBySocket
      ? details.cpusIn('socket', ...details.idsIn('socket', 'numaNode', nodes))
      : details.cpusIn('numaNode', ...nodes);
    return available.intersection(within);
  }

  #takeFrom(available: CpuSet, count: number): CpuSet {
    const { distributeAcrossNuma, fullPhysicalCpusOnly, distributeAcrossCores: spread, alignByUncoreCache } = this.#options;
    if (distributeAcrossNuma)
      return takeDistributed(this.#topology, available, count, fullPhysicalCpusOnly ? this.#topology.cpusPerCore : 1, { spread });
    return takePacked(this.#topology, available, count, { spread, alignByUncoreCache });
  }

  /** An init container's CPUs are those of the containers after it, a sidecar's are not. Source: updateCPUsToReuse. */
  #passOn({ metadata: { uid }, spec }: Pod, container: AnyContainer, cpus: CpuSet): void {
    const before = this.#reusable.uid === uid ? this.#reusable.cpus : CpuSet.EMPTY;
    const passes = (spec.initContainers ?? []).some(({ name }) => name === container.name) && !isSidecar(container);
    this.#reusable = { uid, cpus: passes ? before.union(cpus) : before.difference(cpus) };
  }

  /** Gives back what a pod had. Says whether that was anything. */
  release(uid: string): boolean {
    const own = this.state.exclusive.get(uid);
    if (own === undefined) return false;
    this.state.exclusive.delete(uid);
    this.state.shared = this.state.shared.union(...own.values());
    return true;
  }

  /** Source: GetTopologyHints. */
  hints(pod: Pod, container: AnyContainer): ProviderHints {
    const { uid } = pod.metadata;
    const count = exclusiveCpus(pod, container);
    if (count === 0) return {};
    const given = this.exclusiveOf(uid, container.name);
    if (given !== undefined) return { cpu: given.size === count ? this.#hintsOf(given, CpuSet.EMPTY, count) : [] };
    return { cpu: this.#hintsOf(this.#available, this.#reusable.uid === uid ? this.#reusable.cpus : CpuSet.EMPTY, count) };
  }

  /** Of the pod as a whole. Source: GetPodTopologyHints. */
  podHints(pod: Pod): ProviderHints {
    const { uid } = pod.metadata;
    const count = podExclusiveCpus(pod);
    if (count === 0) return {};
    let given = CpuSet.EMPTY;
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      const own = this.exclusiveOf(uid, container.name);
      if (own === undefined) continue;
      if (own.size !== exclusiveCpus(pod, container)) return { cpu: [] };
      given = given.union(own);
    }
    if (given.size === count) return { cpu: this.#hintsOf(given, CpuSet.EMPTY, count) };
    const reusable = this.#reusable.uid === uid ? this.#reusable.cpus : CpuSet.EMPTY;
    return { cpu: this.#hintsOf(this.#available, reusable.union(given), count) };
  }

  /** Those that hold all of `mustUse`, and enough of `available` beside. Source: generateCPUTopologyHints. */
  #hintsOf(available: CpuSet, mustUse: CpuSet, count: number): readonly TopologyHint[] {
    const { details } = this.#topology;
    const nodes = details.ids('numaNode');
    const nodeOf = (cpu: number): number => details.info(cpu)?.numaNode ?? 0;
    let least = nodes.length;
    const masks: NumaMask[] = [];
    for (const mask of masksOf(nodes)) {
      if (details.cpusIn('numaNode', ...nodesOf(mask)).size >= count) least = Math.min(least, countOf(mask));
      if (mustUse.list.some((cpu) => !isSet(mask, nodeOf(cpu)))) continue;
      const has = mustUse.size + available.list.filter((cpu) => isSet(mask, nodeOf(cpu))).length;
      if (has >= count) masks.push(mask);
    }
    return masks.map((affinity) => ({ affinity, preferred: this.#isPreferred(affinity, least) }));
  }

  #isPreferred(affinity: NumaMask, least: number): boolean {
    const { details, numaNodes, sockets } = this.#topology;
    if (countOf(affinity) === least) return true;
    const perSocket = Math.floor(numaNodes / sockets);
    if (!this.#options.alignBySocket || perSocket === 0) return false;
    return details.idsIn('socket', 'numaNode', nodesOf(affinity)).length === Math.ceil(least / perSocket);
  }
}

/** How many CPUs the container has to itself: whole ones, of a guaranteed pod. Source: guaranteedCPUs. */
export function exclusiveCpus(pod: Pod, { resources }: AnyContainer): number {
  if (podQos(pod) !== 'Guaranteed' || pod.spec.resources !== undefined) return 0;
  const milli = milliOf(resources?.requests?.['cpu'] ?? resources?.limits?.['cpu']);
  return milli % 1000 === 0 ? milli / 1000 : 0;
}

/** Source: podGuaranteedCPUs. */
function podExclusiveCpus(pod: Pod): number {
  let [ofInit, ofSidecars] = [0, 0];
  for (const container of pod.spec.initContainers ?? []) {
    const count = exclusiveCpus(pod, container);
    if (isSidecar(container)) ofSidecars += count;
    else ofInit = Math.max(ofInit, ofSidecars + count);
  }
  return Math.max(ofInit, ofSidecars + pod.spec.containers.reduce((sum, container) => sum + exclusiveCpus(pod, container), 0));
}
