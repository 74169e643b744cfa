// Claims as they are and as they will be, and the devices that are taken: what was decided here counts before the API server
// has said so. Source: dynamicresources dra_manager.go claimTracker, allocateddevices.go.
import { parseQuantity } from '#apimachinery/quantity.ts';
import type { DeviceRequestAllocationResult, ResourceClaim } from '#api/gen/resource-v1.ts';
import { controllerOf } from '#api/owner-references.ts';
import type { Pod } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { Informer } from '#client/informer-contract.ts';
import { type Capacity, differenceOf, sumOf } from './capacity.ts';
import { deviceId, type DeviceId, poolIdOf } from './pools.ts';
import type { AllocatedDevices } from './device-use.ts';

interface Assumed {
  readonly claim: ResourceClaim;
  /** `pending`: its status is being written. `made`: it was written, and is not seen yet at all. */
  readonly state: 'pending' | 'written' | 'made';
}

interface Shared {
  readonly users: number;
  readonly consumed: Capacity;
}

const NOTHING: Capacity = new Map();

/** Claims that stand for extended resources, by the uid of their pod. */
const BY_EXTENDED_POD = 'extended-resources-of-pod';

function podOfExtended(claim: ResourceClaim): readonly string[] {
  const owner = controllerOf(claim);
  return owner !== undefined && claim.metadata.annotations?.[ANNOTATION.extendedResourceClaim] === 'true' ? [owner.uid] : [];
}

/** Invariant: a device counts once for each claim that has it, be it seen, assumed or both for a while. */
export class ClaimTracker implements AllocatedDevices {
  readonly stop: () => void;
  readonly #informer: Informer<ResourceClaim>;
  readonly #changed: (pool: string) => void;
  /** By uid. */
  readonly #assumed = new Map<string, Assumed>();
  readonly #users = new Map<DeviceId, number>();
  readonly #shared = new Map<DeviceId, Shared>();

  /** `changed` hears of pools (`driver/pool`) in which devices became free or taken. */
  constructor(informer: Informer<ResourceClaim>, changed: (pool: string) => void = () => {}) {
    this.#informer = informer;
    this.#changed = changed;
    informer.addIndex(BY_EXTENDED_POD, podOfExtended);
    this.stop = informer.addHandlers({
      added: (claim) => {
        this.#count(claim, 1);
        this.#seen(claim);
      },
      updated: (claim, previous) => {
        this.#count(claim, 1);
        this.#count(previous, -1);
        this.#seen(claim);
      },
      deleted: (claim) => {
        this.#count(claim, -1);
        this.forget(claim.metadata.uid);
      },
    });
  }

  claim(namespace: string, name: string): ResourceClaim | undefined {
    const seen = this.#informer.get(name, namespace);
    return seen === undefined ? undefined : (this.#assumed.get(seen.metadata.uid)?.claim ?? seen);
  }

  /** The one made for the extended resources of a pod. Source: findExtendedResourceClaim. */
  extendedClaim({ metadata }: Pod): ResourceClaim | undefined {
    return this.#informer.byIndex(BY_EXTENDED_POD, metadata.uid)[0];
  }

  /** Hears of every change of claims; gives what ends that. */
  listen(changed: () => void): () => void {
    return this.#informer.addHandlers({ updated: changed, deleted: changed });
  }

  /** Whether an allocation of it is on its way to the API server. */
  isPending(uid: string): boolean {
    return this.#assumed.get(uid)?.state === 'pending';
  }

  isAllocated(id: DeviceId): boolean {
    return (this.#users.get(id) ?? 0) > 0;
  }

  consumed(id: DeviceId): Capacity | undefined {
    return this.#shared.get(id)?.consumed;
  }

  /** `claim`: with the allocation that is about to be written (`pending`), or as it was written. */
  assume(claim: ResourceClaim, state: 'pending' | 'written'): void {
    const { uid, name, namespace } = claim.metadata;
    const seen = this.#informer.get(name, namespace);
    // Already seen, or gone meanwhile.
    if (state === 'written' && (seen === undefined || seen.metadata.uid !== uid || seen.status?.allocation !== undefined))
      return this.forget(uid);
    this.#assume(claim, state);
  }

  /** A claim that was made here: it counts until it is seen, or forgotten. */
  assumeMade(claim: ResourceClaim): void {
    const { uid, name, namespace } = claim.metadata;
    const seen = this.#informer.get(name, namespace);
    if (seen?.metadata.uid !== uid || seen.status?.allocation === undefined) this.#assume(claim, 'made');
  }

  /** Whether it was made here and is not seen yet. */
  isUnseen(uid: string): boolean {
    return this.#assumed.get(uid)?.state === 'made';
  }

  forget(uid: string): void {
    const assumed = this.#assumed.get(uid);
    if (assumed === undefined) return;
    this.#assumed.delete(uid);
    this.#count(assumed.claim, -1);
  }

  #assume(claim: ResourceClaim, state: Assumed['state']): void {
    const { uid } = claim.metadata;
    // Counted anew before the old count goes, so that nothing looks free in between.
    this.#count(claim, 1);
    this.forget(uid);
    this.#assumed.set(uid, { claim, state });
  }

  #seen({ metadata, status }: ResourceClaim): void {
    const assumed = this.#assumed.get(metadata.uid);
    if (assumed !== undefined && assumed.state !== 'pending' && status?.allocation !== undefined) this.forget(metadata.uid);
  }

  #count({ status }: ResourceClaim, sign: 1 | -1): void {
    for (const result of status?.allocation?.devices.results ?? []) {
      if (result.adminAccess === true) continue;
      const { driver, pool, device } = result;
      const id = deviceId(driver, pool, device);
      if (result.shareID !== undefined) this.#share(id, result, sign);
      else if (!this.#use(id, sign)) continue;
      this.#changed(poolIdOf(driver, pool));
    }
  }

  /** Whether it became free or taken by that. */
  #use(id: DeviceId, sign: 1 | -1): boolean {
    const before = this.#users.get(id) ?? 0;
    const users = before + sign;
    if (users === 0) this.#users.delete(id);
    else this.#users.set(id, users);
    return before === 0 || users === 0;
  }

  #share(id: DeviceId, { consumedCapacity = {} }: DeviceRequestAllocationResult, sign: 1 | -1): void {
    const { users, consumed } = this.#shared.get(id) ?? { users: 0, consumed: NOTHING };
    const amounts: Capacity = new Map(Object.entries(consumedCapacity).map(([name, amount]) => [name, parseQuantity(amount)]));
    if (users + sign === 0) this.#shared.delete(id);
    else
      this.#shared.set(id, {
        users: users + sign,
        consumed: sign === 1 ? sumOf(consumed, amounts) : (differenceOf(consumed, amounts) ?? NOTHING),
      });
  }
}
