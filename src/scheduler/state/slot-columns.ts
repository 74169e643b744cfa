// Amounts of every slot in columns: one array for each resource and for each count. A slot is the place of one node.
import { quantityValue } from '#apimachinery/quantity.ts';
import type { Node } from '#api/types.ts';
import type { PodInfo } from './pod-info.ts';
import type { ResourceTable } from './resource-table.ts';

const FIRST_CAPACITY = 64;

/** Invariant: all columns have room for `capacity` slots. They are replaced only by `grow`, so others may hold them until then. */
export class SlotColumns {
  readonly #resources: ResourceTable;
  /** By resource id, then slot. */
  readonly #allocatable: Float64Array[] = [];
  readonly #requested: Float64Array[] = [];
  nonZeroCpu = new Float64Array(FIRST_CAPACITY);
  nonZeroMemory = new Float64Array(FIRST_CAPACITY);
  podCount = new Int32Array(FIRST_CAPACITY);
  allowedPods = new Int32Array(FIRST_CAPACITY);
  /** Volumes of pods that drivers may have to attach. */
  volumeCount = new Int32Array(FIRST_CAPACITY);
  #capacity = FIRST_CAPACITY;

  constructor(resources: ResourceTable) {
    this.#resources = resources;
    this.#growResources();
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** By slot, what pods may use of a resource. */
  allocatable(resource: number): Float64Array {
    this.#growResources();
    return this.#allocatable[resource] as Float64Array;
  }

  /** By slot, what pods request of a resource. */
  requested(resource: number): Float64Array {
    this.#growResources();
    return this.#requested[resource] as Float64Array;
  }

  setAllocatable(slot: number, { status }: Node): void {
    const { ids, values } = this.#resources.amounts(status?.allocatable);
    this.#growResources();
    for (const column of this.#allocatable) column[slot] = 0;
    for (let i = 0; i < ids.length; i++) (this.#allocatable[ids[i] as number] as Float64Array)[slot] = values[i] as number;
    this.allowedPods[slot] = quantityValue(status?.allocatable?.['pods']);
  }

  /** The pod comes to the slot (1) or leaves it (-1). */
  count(slot: number, info: PodInfo, sign: 1 | -1): void {
    const { ids, values } = info.requests;
    this.#growResources();
    for (let i = 0; i < ids.length; i++) {
      const column = this.#requested[ids[i] as number] as Float64Array;
      column[slot] = (column[slot] as number) + sign * (values[i] as number);
    }
    this.nonZeroCpu[slot] = (this.nonZeroCpu[slot] as number) + sign * info.nonZeroCpu;
    this.nonZeroMemory[slot] = (this.nonZeroMemory[slot] as number) + sign * info.nonZeroMemory;
    this.podCount[slot] = (this.podCount[slot] as number) + sign;
    this.volumeCount[slot] = (this.volumeCount[slot] as number) + sign * info.volumes;
  }

  /** Nothing is in the slot any more; sums of numbers that are no integers may have left a rest. */
  clear(slot: number): void {
    for (const column of [...this.#allocatable, ...this.#requested]) column[slot] = 0;
    this.nonZeroCpu[slot] = 0;
    this.nonZeroMemory[slot] = 0;
  }

  /** Twice the room; whoever held columns must ask for them anew. */
  grow(): void {
    this.#capacity *= 2;
    const wider = (column: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(this.#capacity);
      grown.set(column);
      return grown;
    };
    for (const columns of [this.#allocatable, this.#requested]) columns.forEach((column, id) => (columns[id] = wider(column)));
    this.nonZeroCpu = wider(this.nonZeroCpu);
    this.nonZeroMemory = wider(this.nonZeroMemory);
    const counts = (column: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(this.#capacity);
      grown.set(column);
      return grown;
    };
    this.podCount = counts(this.podCount);
    this.allowedPods = counts(this.allowedPods);
    this.volumeCount = counts(this.volumeCount);
  }

  #growResources(): void {
    while (this.#allocatable.length < this.#resources.size) {
      this.#allocatable.push(new Float64Array(this.#capacity));
      this.#requested.push(new Float64Array(this.#capacity));
    }
  }
}
