// What the scheduler knows of nodes and of the pods on them, in columns: one array a resource, one place (slot) a node.
// Source: pkg/scheduler/backend/cache, framework.NodeInfo.
import type { LabelSelector } from '#apimachinery/labels.ts';
import type { Node, Pod } from '#api/types.ts';
import { isEqual, nodeChanges } from '../framework/cluster-event.ts';
import { ChangeLog } from './change-log.ts';
import { conflictsWith, type HostPort, type UsedPorts, usePorts } from './host-ports.ts';
import { imagesOf } from './images.ts';
import { NodeImages } from './node-images.ts';
import { Nominator } from './nominator.ts';
import { countsAlike, type PodInfo, PodInfos } from './pod-info.ts';
import { PodsByLabel } from './pods-by-label.ts';
import { ResourceTable } from './resource-table.ts';
import { SlotColumns } from './slot-columns.ts';
import { Topology } from './topology.ts';

/** A pod on a node, and whether the API server has said so or the scheduler only expects it to. */
export interface PlacedPod {
  readonly info: PodInfo;
  readonly slot: number;
  readonly assumed: boolean;
}

/**
 * Invariants: `requested(…)`, `nonZero*`, `podCount` and ports of a slot are the sums over its pods; a slot without a node
 * (its node is gone or not seen yet) has pods; every change of a slot is in `log`, trials excepted.
 */
export class ClusterState {
  readonly resources = new ResourceTable();
  readonly podInfos = new PodInfos(this.resources);
  readonly log = new ChangeLog();
  readonly nominator = new Nominator({
    infoOf: (pod) => this.podInfos.of(pod),
    changed: (node) => this.touch(node),
  });
  readonly #columns = new SlotColumns(this.resources);
  /** By slot; `undefined` for slots that no pod may be placed in. */
  readonly nodes: (Node | undefined)[] = [];
  /** Counts what concerns all slots at once: nodes that came, went or changed their images, and wider columns. */
  #epoch = 0;
  #nodeCount = 0;
  readonly #slots = new Map<string, number>();
  readonly #names: (string | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #podsOf: Map<string, PodInfo>[] = [];
  readonly #ports: UsedPorts[] = [];
  readonly #images = new NodeImages();
  readonly #placed = new Map<string, PlacedPod>();
  readonly #byLabel = new PodsByLabel<PlacedPod>();
  /** Pods that say something of other pods, by uid. */
  readonly #withTerms = new Map<string, PlacedPod>();
  readonly #topologies = new Map<string, Topology>();

  get nonZeroCpu(): Float64Array {
    return this.#columns.nonZeroCpu;
  }

  get nonZeroMemory(): Float64Array {
    return this.#columns.nonZeroMemory;
  }

  get podCount(): Int32Array {
    return this.#columns.podCount;
  }

  get allowedPods(): Int32Array {
    return this.#columns.allowedPods;
  }

  /** Volumes of pods that drivers may have to attach. */
  get volumeCount(): Int32Array {
    return this.#columns.volumeCount;
  }

  get nodeCount(): number {
    return this.#nodeCount;
  }

  /** Slots are 0 … slotCount - 1; some of them have no node. */
  get slotCount(): number {
    return this.nodes.length;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The slot of a node that pods may be placed on. */
  slotOf(name: string): number | undefined {
    const slot = this.#slots.get(name);
    return slot === undefined || this.nodes[slot] === undefined ? undefined : slot;
  }

  /** Pods with affinity or anti-affinity to others. When the first comes or the last goes, the epoch changes. */
  get affinityPods(): ReadonlyMap<string, PlacedPod> {
    return this.#withTerms;
  }

  get assumedPods(): number {
    let count = 0;
    for (const { assumed } of this.#placed.values()) if (assumed) count++;
    return count;
  }

  get pods(): ReadonlyMap<string, PlacedPod> {
    return this.#placed;
  }

  /** The label `key` of all nodes; kept up from the first time it is asked for. */
  topology(key: string): Topology {
    let topology = this.#topologies.get(key);
    if (topology === undefined) {
      topology = new Topology(key);
      for (let slot = 0; slot < this.nodes.length; slot++) topology.set(slot, this.nodes[slot]);
      this.#topologies.set(key, topology);
    }
    return topology;
  }

  /** Something that all results may depend on changed outside of nodes and pods, such as labels of namespaces. */
  invalidate(): void {
    this.#epoch++;
  }

  /** Something beside the node and its pods changed that answers about it depend on. */
  touch(node: string): void {
    const slot = this.#slots.get(node);
    if (slot !== undefined) this.log.append({ slot, sign: 0, beside: true });
  }

  /** By slot, what pods may use of a resource. Held by kept results: it is replaced only with a new epoch. */
  allocatable(resource: number): Float64Array {
    return this.#columns.allocatable(resource);
  }

  /** By slot, what pods request of a resource. */
  requested(resource: number): Float64Array {
    return this.#columns.requested(resource);
  }

  podsIn(slot: number): Iterable<PodInfo> {
    return (this.#podsOf[slot] as Map<string, PodInfo>).values();
  }

  portsConflict(slot: number, ports: readonly HostPort[]): boolean {
    return conflictsWith(this.#ports[slot] as UsedPorts, ports);
  }

  /** Bytes, or `undefined` when the node does not have it. */
  imageSize(slot: number, image: string): number | undefined {
    return this.#images.size(slot, image);
  }

  /** On how many nodes the image is. */
  imageSpread(image: string): number {
    return this.#images.spread(image);
  }

  setNode(node: Node): void {
    const slot = this.#slotFor(node.metadata.name);
    const before = this.nodes[slot];
    if (before === undefined) {
      this.#nodeCount++;
      this.#epoch++;
    }
    this.nodes[slot] = node;
    if (before !== undefined && nodeChanges(node, before).length === 0 && isSchedulingEqual(before, node)) return;
    if (before === undefined || !isEqual(before.status?.allocatable, node.status?.allocatable)) this.#columns.setAllocatable(slot, node);
    if (before === undefined || !isEqual(before.status?.images, node.status?.images)) {
      if (before !== undefined) this.#epoch++;
      this.#images.set(slot, imagesOf(node));
    }
    for (const topology of this.#topologies.values()) topology.set(slot, node);
    this.log.append({ slot, sign: 0 });
  }

  removeNode(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined || this.nodes[slot] === undefined) return;
    this.nodes[slot] = undefined;
    this.#nodeCount--;
    this.#epoch++;
    this.#images.set(slot);
    for (const topology of this.#topologies.values()) topology.set(slot, undefined);
    this.log.append({ slot, sign: 0 });
    this.#release(slot);
  }

  /** A pod the API server says is on a node; replaces what was known or assumed of it. */
  setPod(pod: Pod): void {
    const { uid } = pod.metadata;
    const info = this.podInfos.of(pod);
    const placed = this.#placed.get(uid);
    if (placed !== undefined && this.#names[placed.slot] === pod.spec.nodeName && countsAlike(placed.info, info)) {
      this.#remember({ info, slot: placed.slot, assumed: false });
      (this.#podsOf[placed.slot] as Map<string, PodInfo>).set(uid, info);
      return;
    }
    this.removePod(uid);
    this.#place(info, pod.spec.nodeName as string, false);
  }

  /** A pod that is about to be bound. */
  assume(info: PodInfo, node: string): void {
    this.removePod(info.uid);
    this.#place(info, node, true);
  }

  /** Whether there was one. */
  removePod(uid: string): boolean {
    const placed = this.#placed.get(uid);
    if (placed === undefined) return false;
    this.#placed.delete(uid);
    this.#byLabel.delete(placed);
    if (this.#withTerms.delete(uid) && this.#withTerms.size === 0) this.#epoch++;
    this.#count(placed.slot, placed.info, -1);
    this.log.append({ slot: placed.slot, pod: placed.info, sign: -1 });
    this.#release(placed.slot);
    return true;
  }

  /** Pods that `selector` may select in a namespace, and perhaps others. */
  podsLike(namespace: string, selector: LabelSelector): Iterable<PlacedPod> {
    return this.#byLabel.candidates(namespace, selector) ?? this.#placed.values();
  }

  isAssumed(uid: string): boolean {
    return this.#placed.get(uid)?.assumed === true;
  }

  /** The node a pod is on or is assumed to be on. */
  nodeOf(uid: string): string | undefined {
    const placed = this.#placed.get(uid);
    return placed === undefined ? undefined : this.#names[placed.slot];
  }

  /** For trials, which take it back: sums as if a pod came (1) or left (-1); `podsIn` and the log do not hear of it. */
  countUnlogged(slot: number, pod: PodInfo, sign: 1 | -1): void {
    this.#sum(slot, pod, sign);
  }

  #place(info: PodInfo, node: string, assumed: boolean): void {
    const slot = this.#slotFor(node);
    this.#remember({ info, slot, assumed });
    this.#count(slot, info, 1);
    this.log.append({ slot, pod: info, sign: 1 });
  }

  #remember(placed: PlacedPod): void {
    const { uid, terms } = placed.info;
    this.#placed.set(uid, placed);
    this.#byLabel.set(placed);
    if (terms === undefined) return;
    if (this.#withTerms.size === 0) this.#epoch++;
    this.#withTerms.set(uid, placed);
  }

  #count(slot: number, info: PodInfo, sign: 1 | -1): void {
    this.#sum(slot, info, sign);
    const pods = this.#podsOf[slot] as Map<string, PodInfo>;
    if (sign === 1) pods.set(info.uid, info);
    else pods.delete(info.uid);
  }

  #sum(slot: number, info: PodInfo, sign: 1 | -1): void {
    this.#columns.count(slot, info, sign);
    if (info.ports.length > 0) usePorts(this.#ports[slot] as UsedPorts, info.ports, sign);
  }

  #slotFor(name: string): number {
    let slot = this.#slots.get(name);
    if (slot !== undefined) return slot;
    slot = this.#free.pop() ?? this.nodes.length;
    if (slot === this.#columns.capacity) {
      // Kept results hold the old columns.
      this.#epoch++;
      this.#columns.grow();
    }
    this.#slots.set(name, slot);
    this.#names[slot] = name;
    this.nodes[slot] = undefined;
    this.#podsOf[slot] = new Map();
    this.#ports[slot] = new Map();
    return slot;
  }

  /** A slot with neither node nor pods is free for another node. */
  #release(slot: number): void {
    if (this.nodes[slot] !== undefined || (this.#podsOf[slot] as Map<string, PodInfo>).size > 0) return;
    this.#slots.delete(this.#names[slot] as string);
    this.#names[slot] = undefined;
    this.#columns.clear(slot);
    this.#free.push(slot);
  }
}

/** What nodeChanges does not tell: nothing is freed by it, yet results change. */
function isSchedulingEqual(before: Node, node: Node): boolean {
  return before.spec.unschedulable === node.spec.unschedulable && isEqual(before.status?.images, node.status?.images);
}
