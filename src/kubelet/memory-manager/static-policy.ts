// Memory and huge pages that containers of guaranteed pods are promised from certain NUMA nodes. Source: memorymanager/policy_static.go.
import { isSidecar } from '#api/pods.ts';
import { podQos } from '#api/pod-qos.ts';
import type { Pod } from '#api/types.ts';
import type { MachineNode } from '../node/machine-topology.ts';
import { valueOf } from '../pod/amounts.ts';
import type { AnyContainer } from '../pod/containers.ts';
import { maskOf, type NumaMask, nodesOf } from '../topology/numa-mask.ts';
import type { ProviderHints, TopologyHint } from '../topology/topology-policies.ts';
import { bestHint, breaksGroups, isEnough, type MemoryHint, memoryHints, type Requested } from './memory-hints.ts';
import {
  type Assignments,
  type Block,
  emptyState,
  giveBack,
  isSameState,
  type MachineState,
  type Reserved,
  sameNodes,
  take,
} from './memory-state.ts';

/** Memory cannot be promised. */
export class MemoryError extends Error {
  override readonly name = 'MemoryError';
}

/** What was kept does not fit this machine or its configuration. */
export class MemoryStateError extends Error {
  override readonly name = 'MemoryStateError';
}

const failed = (why: string): MemoryError => new MemoryError(`[memorymanager] ${why}`);

export class StaticMemoryPolicy {
  readonly #nodes: readonly MachineNode[];
  readonly #reserved: Reserved;
  #state: MachineState;
  readonly #blocks = new Map<string, Map<string, readonly Block[]>>();
  /** Of the pod being admitted: bytes that its init containers had, by mask and kind. */
  #reusable: { readonly uid: string; readonly bytes: Map<string, number> } = { uid: '', bytes: new Map() };

  /** @throws MemoryStateError when nothing is kept back for the system */
  constructor(nodes: readonly MachineNode[], reserved: Reserved) {
    const total = Object.values(reserved).reduce((sum, kinds) => sum + (kinds['memory'] ?? 0), 0);
    if (total <= 0) throw new MemoryStateError('[memorymanager] you should specify the system reserved memory');
    this.#nodes = nodes;
    this.#reserved = reserved;
    this.#state = emptyState(nodes, reserved);
  }

  get state(): MachineState {
    return this.#state;
  }

  get assignments(): Assignments {
    return Object.fromEntries([...this.#blocks].map(([uid, containers]) => [uid, Object.fromEntries(containers)]));
  }

  /** Takes over what was kept. @throws MemoryStateError */
  restore(kept: { readonly state: MachineState; readonly assignments: Assignments } | undefined): void {
    if (kept === undefined) return;
    const expected = emptyState(this.#nodes, this.#reserved);
    for (const [uid, containers] of Object.entries(kept.assignments)) {
      for (const [name, blocks] of Object.entries(containers)) {
        for (const { numaAffinity, type, size } of blocks) {
          const where = `[memorymanager] (pod: ${uid}, container: ${name}) the memory assignment uses`;
          if (numaAffinity.some((id) => expected[id] === undefined)) throw new MemoryStateError(`${where} the NUMA that does not exist`);
          if (numaAffinity.some((id) => expected[id]?.memoryMap[type] === undefined))
            throw new MemoryStateError(`${where} memory resource that does not exist`);
          take(expected, numaAffinity, type, size);
        }
      }
    }
    if (!isSameState(kept.state, expected))
      throw new MemoryStateError('[memorymanager] the expected machine state is different from the real one');
    this.#state = structuredClone(kept.state);
    for (const [uid, containers] of Object.entries(kept.assignments)) this.#blocks.set(uid, new Map(Object.entries(containers)));
  }

  blocksOf(uid: string, container: string): readonly Block[] {
    return this.#blocks.get(uid)?.get(container) ?? [];
  }

  /** What each node can give, in blocks of one node. */
  allocatable(): readonly Block[] {
    return Object.entries(this.#state).flatMap(([id, { memoryMap }]) =>
      Object.entries(memoryMap).flatMap(([type, { allocatable }]) =>
        allocatable === 0 ? [] : [{ numaAffinity: [Number(id)], type, size: allocatable }],
      ),
    );
  }

  hints(pod: Pod, container: AnyContainer): ProviderHints {
    if (!isServed(pod)) return {};
    const requested = requestedOf(container);
    const given = this.blocksOf(pod.metadata.uid, container.name);
    if (given.length > 0) return hintsOfGiven(given, requested);
    return byKind(requested, this.#hintsFor(pod, requested));
  }

  podHints(pod: Pod): ProviderHints {
    if (!isServed(pod)) return {};
    const requested = requestedByPod(pod);
    for (const { name } of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      const given = this.blocksOf(pod.metadata.uid, name);
      if (given.length > 0) return hintsOfGiven(given, requested);
    }
    return byKind(requested, this.#hintsFor(pod, requested));
  }

  #hintsFor(pod: Pod, requested: Requested): readonly MemoryHint[] {
    return memoryHints(this.#state, requested, (mask, kind) => this.#reusableOf(pod, mask, kind));
  }

  /** Safe to repeat. Says whether anything was given now. @throws MemoryError */
  allocate(pod: Pod, container: AnyContainer, hint: TopologyHint): boolean {
    if (!isServed(pod)) return false;
    const { uid } = pod.metadata;
    const given = this.blocksOf(uid, container.name);
    if (given.length > 0) {
      this.#passOn(pod, container, given);
      return false;
    }
    const requested = requestedOf(container);
    if (Object.keys(requested).length === 0) return false;
    const nodes = nodesOf(this.#place(pod, requested, hint));
    const blocks: Block[] = [];
    for (const [type, size] of Object.entries(requested)) {
      blocks.push({ numaAffinity: nodes, type, size });
      take(this.#state, nodes, type, Math.max(0, size - this.#reusableOf(pod, maskOf(nodes), type)));
    }
    this.#passOn(pod, container, blocks);
    this.#set(uid, container.name, blocks);
    this.#takeFromInit(pod, container, blocks);
    return true;
  }

  /** Where the memory shall come from: as was decided for all resources, or where it fits. @throws MemoryError */
  #place(pod: Pod, requested: Requested, { affinity, preferred }: TopologyHint): NumaMask {
    let best: MemoryHint;
    if (affinity === undefined) {
      const found = bestHint(this.#hintsFor(pod, requested));
      if (found === undefined) throw failed('failed to get the default NUMA affinity, no NUMA nodes with enough memory is available');
      if (!found.preferred && preferred) throw failed('failed to find the default preferred hint');
      best = found;
    } else best = { affinity, preferred };
    if (!isEnough(this.#state, best.affinity, requested)) {
      const wider = bestHint(this.#hintsFor(pod, requested).filter((hint) => (hint.affinity & best.affinity) === best.affinity));
      if (wider === undefined) throw failed('failed to find NUMA nodes to extend the current topology hint');
      if (!wider.preferred && best.preferred) throw failed('failed to find the extended preferred hint');
      best = wider;
    }
    if (breaksGroups(this.#state, nodesOf(best.affinity))) throw failed('preferred hint violates NUMA node allocation');
    return best.affinity;
  }

  /** Gives back what a pod had. Says whether that was anything. */
  release(uid: string): boolean {
    const own = this.#blocks.get(uid);
    if (own === undefined) return false;
    for (const blocks of own.values()) for (const block of blocks) giveBack(this.#state, block);
    return this.#blocks.delete(uid);
  }

  #set(uid: string, container: string, blocks: readonly Block[]): void {
    const own = this.#blocks.get(uid) ?? new Map<string, readonly Block[]>();
    this.#blocks.set(uid, own.set(container, blocks));
  }

  #reusableOf({ metadata: { uid } }: Pod, mask: NumaMask, kind: string): number {
    return this.#reusable.uid === uid ? (this.#reusable.bytes.get(`${mask}/${kind}`) ?? 0) : 0;
  }

  /** Source: updatePodReusableMemory. */
  #passOn(pod: Pod, container: AnyContainer, blocks: readonly Block[]): void {
    const { uid } = pod.metadata;
    if (this.#reusable.uid !== uid) this.#reusable = { uid, bytes: new Map() };
    const { bytes } = this.#reusable;
    for (const { numaAffinity, type, size } of blocks) {
      const key = `${maskOf(numaAffinity)}/${type}`;
      const before = bytes.get(key) ?? 0;
      bytes.set(key, isPlainInit(pod, container) ? Math.max(before, size) : Math.max(0, before - size));
    }
  }

  /** What is used again counts for the one who has it now: the sum of a pod's blocks is what it was given. Source: updateInitContainersMemoryBlocks. */
  #takeFromInit(pod: Pod, container: AnyContainer, blocks: readonly Block[]): void {
    const { uid } = pod.metadata;
    const init = pod.spec.initContainers ?? [];
    const at = init.findIndex(({ name }) => name === container.name);
    const before = (at === -1 ? init : init.slice(0, at)).filter((each) => !isSidecar(each));
    for (const block of blocks) {
      let left = block.size;
      for (const { name } of before) {
        const own = this.blocksOf(uid, name);
        if (own.length === 0) continue;
        const lessened = own.map((each) => {
          if (each.type !== block.type || !sameNodes(each.numaAffinity, block.numaAffinity)) return each;
          const part = Math.min(each.size, left);
          left -= part;
          return { ...each, size: each.size - part };
        });
        this.#set(uid, name, lessened);
      }
    }
  }
}

/** Source: Allocate: pods with resources of their own are not served. */
const isServed = (pod: Pod): boolean => podQos(pod) === 'Guaranteed' && pod.spec.resources === undefined;

const isPlainInit = ({ spec }: Pod, container: AnyContainer): boolean =>
  (spec.initContainers ?? []).some(({ name }) => name === container.name) && !isSidecar(container);

function requestedOf({ resources }: AnyContainer): Requested {
  return Object.fromEntries(
    Object.entries(resources?.requests ?? resources?.limits ?? {}).flatMap(([name, quantity]) =>
      name === 'memory' || name.startsWith('hugepages-') ? [[name, valueOf(quantity)] as const] : [],
    ),
  );
}

/** Source: getPodRequestedResources. */
function requestedByPod({ spec }: Pod): Requested {
  const init: Record<string, number> = {};
  const sidecars: Record<string, number> = {};
  const apps: Record<string, number> = {};
  for (const container of spec.initContainers ?? []) {
    for (const [kind, size] of Object.entries(requestedOf(container))) {
      if (isSidecar(container)) sidecars[kind] = (sidecars[kind] ?? 0) + size;
      else init[kind] = Math.max(init[kind] ?? 0, (sidecars[kind] ?? 0) + size);
    }
  }
  for (const container of spec.containers)
    for (const [kind, size] of Object.entries(requestedOf(container))) apps[kind] = (apps[kind] ?? 0) + size;
  return Object.fromEntries(Object.entries(apps).map(([kind, size]) => [kind, Math.max(size + (sidecars[kind] ?? 0), init[kind] ?? 0)]));
}

const byKind = (requested: Requested, hints: readonly TopologyHint[]): ProviderHints =>
  hints.length === 0 ? {} : Object.fromEntries(Object.keys(requested).map((kind) => [kind, hints]));

/** Those of what was given, for a kubelet that was just started. Source: regenerateHints. */
function hintsOfGiven(blocks: readonly Block[], requested: Requested): ProviderHints {
  const fits = blocks.length === Object.keys(requested).length && blocks.every(({ type, size }) => requested[type] === size);
  if (!fits) return {};
  return Object.fromEntries(blocks.map(({ type, numaAffinity }) => [type, [{ affinity: maskOf(numaAffinity), preferred: true }]]));
}
