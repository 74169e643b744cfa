// Claims and classes of devices as they would be with changes, over those as they are.
import type { DeviceClass, ResourceClaim } from '#api/gen/resource-v1.ts';
import type { Pod } from '#api/types.ts';
import type { ClaimTracker } from '../plugins/dynamic-resources/claim-tracker.ts';
import type { Capacity } from '../plugins/dynamic-resources/capacity.ts';
import type { Claims } from '../plugins/dynamic-resources/needs.ts';
import { deviceId, type DeviceId, type DevicePools } from '../plugins/dynamic-resources/pools.ts';
import type { DeviceChange } from './trial-world.ts';

export interface TrialDevicesOptions {
  readonly claims: ClaimTracker;
  readonly pools: DevicePools;
  readonly deviceClass: (name: string) => DeviceClass | undefined;
  readonly listClaims: () => Iterable<ResourceClaim>;
  readonly listClasses: () => Iterable<DeviceClass>;
}

const keyOf = ({ metadata }: ResourceClaim): string => `${metadata.namespace}/${metadata.name}`;

/** A claim that is tried without its allocation has given its devices back. */
export class TrialDevices implements Claims {
  readonly pools: DevicePools;
  readonly deviceClass: (name: string) => DeviceClass | undefined;
  readonly listClasses: () => Iterable<DeviceClass>;
  readonly #options: TrialDevicesOptions;
  #claims: ReadonlyMap<string, ResourceClaim> = new Map();
  #classes: ReadonlyMap<string, DeviceClass> = new Map();
  #released: ReadonlySet<DeviceId> = new Set();

  constructor(options: TrialDevicesOptions) {
    this.#options = options;
    this.pools = options.pools;
    this.listClasses = options.listClasses;
    this.deviceClass = (name) => this.#classes.get(name) ?? options.deviceClass(name);
  }

  /** Gives what takes it back. */
  apply({ claims = [], classes = [] }: DeviceChange): () => void {
    const before = [this.#claims, this.#classes, this.#released] as const;
    this.#claims = new Map([...this.#claims, ...claims.map((claim) => [keyOf(claim), claim] as const)]);
    this.#classes = new Map([...this.#classes, ...classes.map((each) => [each.metadata.name, each] as const)]);
    this.#released = this.#givenBack();
    return () => void ([this.#claims, this.#classes, this.#released] = before);
  }

  #givenBack(): ReadonlySet<DeviceId> {
    const released = new Set<DeviceId>();
    for (const tried of this.#claims.values()) {
      if (tried.status?.allocation !== undefined) continue;
      const { namespace, name } = tried.metadata;
      for (const id of devicesOf(this.#options.claims.claim(namespace, name))) released.add(id);
    }
    return released;
  }

  claim(namespace: string, name: string): ResourceClaim | undefined {
    return this.#claims.get(`${namespace}/${name}`) ?? this.#options.claims.claim(namespace, name);
  }

  *claims(): Iterable<ResourceClaim> {
    for (const claim of this.#options.listClaims()) yield this.#claims.get(keyOf(claim)) ?? claim;
  }

  extendedClaim(pod: Pod): ResourceClaim | undefined {
    return this.#options.claims.extendedClaim(pod);
  }

  isPending(uid: string): boolean {
    return this.#options.claims.isPending(uid);
  }

  isAllocated(id: DeviceId): boolean {
    return this.#options.claims.isAllocated(id) && !this.#released.has(id);
  }

  /** What claims have of devices that several share is not tried. */
  consumed(id: DeviceId): Capacity | undefined {
    return this.#options.claims.consumed(id);
  }
}

/** Devices that a claim has for itself alone. */
export function devicesOf(claim: ResourceClaim | undefined): readonly DeviceId[] {
  const results = claim?.status?.allocation?.devices.results ?? [];
  const own = results.filter(({ adminAccess, shareID }) => adminAccess !== true && shareID === undefined);
  return own.map(({ driver, pool, device }) => deviceId(driver, pool, device));
}
