// pure
// What is left of devices while an allocation is being looked for: which are taken, how much of those that are shared, and of
// what partitions share. Source: structured/internal/incubating allocator_incubating.go deviceInUse, allocateDevice.
import type { CapacityRequirements } from '#api/gen/resource-v1.ts';
import { type Capacity, consumedBy, differenceOf, hasRoomFor, isShareable, sumOf } from './capacity.ts';
import { Counters } from './counters.ts';
import type { DeviceId, PoolDevice, PublishedDevice } from './pools.ts';

/** What claims have that are allocated. */
export interface AllocatedDevices {
  /** A claim has it for itself alone. */
  readonly isAllocated: (id: DeviceId) => boolean;
  /** What claims have of a device that several share; undefined when none has any. */
  readonly consumed: (id: DeviceId) => Capacity | undefined;
}

/** What a step took, to be given back. */
export interface Taking {
  /** Of a device that is shared. */
  readonly consumed: Capacity | undefined;
  readonly counted: boolean;
}

export class DeviceUse {
  readonly #allocated: AllocatedDevices;
  readonly #counters: Counters;
  /** By device: the claims that take it alone, by their place. */
  readonly #claims = new Map<DeviceId, readonly number[]>();
  readonly #capacity = new Map<DeviceId, Capacity>();

  constructor(allocated: AllocatedDevices) {
    this.#allocated = allocated;
    this.#counters = new Counters((id) => allocated.isAllocated(id) || allocated.consumed(id) !== undefined);
  }

  /** Whoever has admin access takes a device that others use, though not twice in one claim. */
  isFree({ id }: PublishedDevice, claim: number, adminAccess: boolean): boolean {
    const claims = this.#claims.get(id) ?? [];
    return adminAccess ? !claims.includes(claim) : claims.length === 0 && !this.#allocated.isAllocated(id);
  }

  hasRoom({ id, device }: PublishedDevice, requests: CapacityRequirements['requests']): boolean {
    if (requests === undefined && !isShareable(device)) return true;
    const [before, now] = [this.#allocated.consumed(id), this.#capacity.get(id)];
    return hasRoomFor(requests, device, now === undefined ? before : sumOf(before, now));
  }

  /** `undefined` when too little is left of what partitions share. */
  take({ pool, published }: PoolDevice, claim: number, requests: CapacityRequirements['requests']): Taking | undefined {
    const { id, device } = published;
    const shareable = isShareable(device);
    const counted = !(shareable && (this.#capacity.has(id) || this.#allocated.consumed(id) !== undefined));
    if (counted && !this.#counters.take(pool, published)) return undefined;
    if (!shareable) {
      this.#claims.set(id, [...(this.#claims.get(id) ?? []), claim]);
      return { consumed: undefined, counted };
    }
    const consumed = consumedBy(requests, device);
    this.#capacity.set(id, sumOf(this.#capacity.get(id), consumed));
    return { consumed, counted };
  }

  giveBack({ pool, published }: PoolDevice, { consumed, counted }: Taking): void {
    const { id } = published;
    if (counted) this.#counters.giveBack(pool, published);
    if (consumed === undefined) {
      const claims = (this.#claims.get(id) ?? []).slice(0, -1);
      if (claims.length === 0) this.#claims.delete(id);
      else this.#claims.set(id, claims);
      return;
    }
    const left = differenceOf(this.#capacity.get(id), consumed);
    if (left === undefined) this.#capacity.delete(id);
    else this.#capacity.set(id, left);
  }
}
