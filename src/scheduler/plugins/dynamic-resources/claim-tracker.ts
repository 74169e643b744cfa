// Claims as they are and as they will be, and the devices that are taken: what was decided here counts before the API server
// has said so. Source: dynamicresources dra_manager.go claimTracker, allocateddevices.go.
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import type { Informer } from '#client/informer-contract.ts';
import { deviceId, type DeviceId } from './pools.ts';

interface Assumed {
  readonly claim: ResourceClaim;
  /** Its status is being written. */
  readonly pending: boolean;
}

/** Invariant: a device counts once for each claim that has it, be it seen, assumed or both for a while. */
export class ClaimTracker {
  readonly stop: () => void;
  readonly #informer: Informer<ResourceClaim>;
  /** By uid. */
  readonly #assumed = new Map<string, Assumed>();
  readonly #users = new Map<DeviceId, number>();

  constructor(informer: Informer<ResourceClaim>) {
    this.#informer = informer;
    this.stop = informer.addHandlers({
      added: (claim) => this.#count(claim, 1),
      updated: (claim, previous) => {
        this.#count(previous, -1);
        this.#count(claim, 1);
        const assumed = this.#assumed.get(claim.metadata.uid);
        if (assumed !== undefined && !assumed.pending && claim.status?.allocation !== undefined) this.forget(claim.metadata.uid);
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

  /** Whether an allocation of it is on its way to the API server. */
  isPending(uid: string): boolean {
    return this.#assumed.get(uid)?.pending === true;
  }

  isAllocated(id: DeviceId): boolean {
    return (this.#users.get(id) ?? 0) > 0;
  }

  /** `claim`: with the allocation that is about to be written (`pending`), or as it was written. */
  assume(claim: ResourceClaim, pending: boolean): void {
    const { uid, name, namespace } = claim.metadata;
    this.forget(uid);
    const seen = this.#informer.get(name, namespace);
    // Already seen, or gone meanwhile.
    if (!pending && (seen === undefined || seen.metadata.uid !== uid || seen.status?.allocation !== undefined)) return;
    this.#assumed.set(uid, { claim, pending });
    this.#count(claim, 1);
  }

  forget(uid: string): void {
    const assumed = this.#assumed.get(uid);
    if (assumed === undefined) return;
    this.#assumed.delete(uid);
    this.#count(assumed.claim, -1);
  }

  #count({ status }: ResourceClaim, sign: 1 | -1): void {
    for (const { driver, pool, device, adminAccess } of status?.allocation?.devices.results ?? []) {
      if (adminAccess === true) continue;
      const id = deviceId(driver, pool, device);
      const users = (this.#users.get(id) ?? 0) + sign;
      if (users === 0) this.#users.delete(id);
      else this.#users.set(id, users);
    }
  }
}
