// pure
// Finds devices for claims on one node: the first combination that meets every request, tried in the order in which pools,
// slices and requests stand. Source: structured/internal/incubating allocator_incubating.go of dynamic-resource-allocation.
import type { DeviceClass, ResourceClaim } from '#api/gen/resource-v1.ts';
import { toleratesDeviceTaint } from '#api/taints.ts';
import type { Node } from '#api/types.ts';
import { type Constraint, constraintOf } from './constraints.ts';
import type { Capacity } from './capacity.ts';
import { type AllocatedDevices, DeviceUse, type Taking } from './device-use.ts';
import { type DeviceId, type NodePools, type PoolDevice, type PublishedDevice, reaches } from './pools.ts';
import { requestsOf, type Wanted, type WantedRequest } from './requests.ts';
import { type DeviceSelectors, SelectorFault } from './selectors.ts';

/** A device for a request. */
export interface Taken {
  readonly wanted: Wanted;
  readonly published: PublishedDevice;
  /** Of a device that others may have a part of, too. */
  readonly consumed: Capacity | undefined;
}

/** For each claim, in order, what it gets. */
export type Allocation = readonly (readonly Taken[])[];

export type AllocationAnswer =
  | { readonly kind: 'allocated'; readonly allocation: Allocation }
  /** Not on this node, now. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The claim or a class is wrong, whatever the node. */
  | { readonly kind: 'fault'; readonly message: string };

export interface AllocateOptions {
  readonly claims: readonly ResourceClaim[];
  readonly node: Node;
  /** Of that node. */
  readonly pools: NodePools;
  readonly allocated: AllocatedDevices;
  readonly deviceClass: (name: string) => DeviceClass | undefined;
  readonly selectors: DeviceSelectors;
}

/** Most devices of one claim. Source: AllocationResultsMaxSize. */
const MOST_DEVICES = 32;
/** Devices looked at before the search gives up: it may take for ever. Upstream stops by time (filterTimeout). */
const MOST_STEPS = 50_000;

export function allocate(options: AllocateOptions): AllocationAnswer {
  try {
    return new Search(options).run();
  } catch (error) {
    if (error instanceof SelectorFault || error instanceof ClaimFault) return { kind: 'fault', message: error.message };
    if (error instanceof Exhausted) return { kind: 'refused', reason: 'timed out trying to allocate devices' };
    throw error;
  }
}

class ClaimFault extends Error {
  override readonly name = 'ClaimFault';
}

class Exhausted extends Error {
  override readonly name = 'Exhausted';
}

/** `too-many`: in any case it would take more devices than a claim may have. */
type Outcome = 'done' | 'no' | 'too-many';

interface Place {
  readonly claim: number;
  readonly request: number;
}

/** As messages have it: of an alternative without the request's. */
const ownName = ({ name }: Wanted): string => name.slice(name.lastIndexOf('/') + 1);

const nameOf = ({ metadata }: ResourceClaim): string => `${metadata.namespace}/${metadata.name}`;

/** Invariant: what a step took it has given back when it does not end in `done`. */
class Search {
  readonly #options: AllocateOptions;
  readonly #requests: readonly (readonly WantedRequest[])[];
  readonly #constraints: readonly (readonly Constraint[])[];
  readonly #use: DeviceUse;
  readonly #taken: Taken[][];
  readonly #selectable = new Map<Wanted, Map<DeviceId, boolean>>();
  readonly #all = new Map<Wanted, readonly PoolDevice[]>();
  #steps = 0;

  constructor(options: AllocateOptions) {
    this.#options = options;
    this.#use = new DeviceUse(options.allocated);
    this.#taken = options.claims.map(() => []);
    this.#requests = options.claims.map((claim) => {
      const requests = requestsOf(claim, options.deviceClass);
      if ('refusal' in requests) throw new ClaimFault(`claim ${nameOf(claim)}, ${requests.refusal}`);
      return requests;
    });
    this.#constraints = options.claims.map((claim) =>
      (claim.spec.devices.constraints ?? []).map((constraint, i) => {
        const made = constraintOf(constraint);
        if (made === undefined)
          throw new ClaimFault(`claim ${nameOf(claim)}, constraint #${i}: empty constraint (unsupported constraint type?)`);
        return made;
      }),
    );
  }

  run(): AllocationAnswer {
    for (const [i, requests] of this.#requests.entries()) {
      for (const wanted of requests.flatMap(({ alternatives }) => alternatives)) {
        const unready = wanted.mode === 'All' ? this.#findAll(wanted, this.#options.claims[i] as ResourceClaim) : undefined;
        if (unready !== undefined) return { kind: 'fault', message: unready };
      }
      this.#checkSize(requests, this.#options.claims[i] as ResourceClaim);
    }
    if (this.#fromRequest({ claim: 0, request: 0 }) === 'done') return { kind: 'allocated', allocation: this.#taken };
    const isInvalid = this.#options.pools.pools.some((pool) => pool.isInvalid);
    return { kind: 'refused', reason: isInvalid ? 'invalid resource pools were encountered' : 'cannot allocate all claims' };
  }

  /** What is certainly too much for one claim. */
  #checkSize(requests: readonly WantedRequest[], claim: ResourceClaim): void {
    const countOf = (wanted: Wanted): number => this.#all.get(wanted)?.length ?? wanted.count;
    const least = requests.reduce((sum, { alternatives }) => sum + Math.min(...alternatives.map(countOf)), 0);
    if (least > MOST_DEVICES)
      throw new ClaimFault(`claim ${nameOf(claim)}: number of requested devices ${least} exceeds the claim limit of ${MOST_DEVICES}`);
  }

  /** All devices that a request for all takes, or why that cannot be told yet. */
  #findAll(wanted: Wanted, claim: ResourceClaim): string | undefined {
    const asks = `claim ${nameOf(claim)}, request ${ownName(wanted)}: asks for all devices, but resource pool`;
    const found: PoolDevice[] = [];
    for (const pool of this.#options.pools.pools) {
      if (pool.isIncomplete) return `${asks} ${pool.id} is currently being updated`;
      if (pool.isInvalid) return `${asks} ${pool.id} is currently invalid`;
      for (const published of pool.devices) {
        if (this.#isSelectable(wanted, published, claim) && this.#use.hasRoom(published, wanted.capacity)) found.push({ pool, published });
      }
    }
    this.#all.set(wanted, found);
    return undefined;
  }

  #fromRequest(place: Place): Outcome {
    const requests = this.#requests[place.claim];
    if (requests === undefined) return 'done';
    const request = requests[place.request];
    if (request === undefined) return notMore(this.#fromRequest({ claim: place.claim + 1, request: 0 }));
    let outcome: Outcome = 'too-many';
    for (const wanted of request.alternatives) {
      const tried = this.#fromDevice(place, wanted, 0);
      if (tried === 'done') return 'done';
      if (tried === 'no') outcome = 'no';
    }
    return outcome;
  }

  /** `index`: devices that the request has so far; `from`: where the next of them is sought, as their order does not matter. */
  #fromDevice(place: Place, wanted: Wanted, index: number, from = 0): Outcome {
    const all = this.#all.get(wanted);
    const count = all?.length ?? wanted.count;
    if (all?.length === 0) return 'no';
    if (index >= count) return this.#fromRequest({ claim: place.claim, request: place.request + 1 });
    if ((this.#taken[place.claim]?.length ?? 0) + count - index > MOST_DEVICES) return 'too-many';
    return all === undefined
      ? this.#anyDevice(place, wanted, index, from)
      : this.#thatDevice(place, wanted, index, all[index] as PoolDevice);
  }

  #anyDevice(place: Place, wanted: Wanted, index: number, from: number): Outcome {
    const claim = this.#options.claims[place.claim] as ResourceClaim;
    const { devices } = this.#options.pools;
    const missing = wanted.count - index;
    // Every choice of too few would be tried before that is found out.
    if (index === 0 && missing > 1 && !this.#hasEnough(place, wanted, claim)) return 'no';
    for (let i = from; i <= devices.length - missing; i++) {
      const device = devices[i] as PoolDevice;
      const { published } = device;
      if (++this.#steps > MOST_STEPS) throw new Exhausted();
      if (!this.#use.isFree(published, place.claim, wanted.adminAccess) || !this.#isSelectable(wanted, published, claim)) continue;
      if (!this.#use.hasRoom(published, wanted.capacity)) continue;
      const taking = this.#take(place, wanted, device);
      if (typeof taking === 'string') continue;
      const outcome = this.#fromDevice(place, wanted, index + 1, i + 1);
      if (outcome === 'done') return 'done';
      this.#giveBack(place, wanted, device, taking);
      if (outcome === 'too-many') return outcome;
    }
    return 'no';
  }

  /**
   * Whether there are as many devices as the request asks for, each by itself. They are asked about in the order of the search, and
   * none that the search may never come to: its selector may fail.
   */
  #hasEnough(place: Place, wanted: Wanted, claim: ResourceClaim): boolean {
    let missing = wanted.count;
    for (const { published } of this.#options.pools.devices) {
      if (!this.#use.isFree(published, place.claim, wanted.adminAccess) || !this.#isSelectable(wanted, published, claim)) continue;
      if (this.#use.hasRoom(published, wanted.capacity) && --missing === 0) return true;
    }
    return false;
  }

  /** Of a request for all devices: without this one there is no answer. */
  #thatDevice(place: Place, wanted: Wanted, index: number, device: PoolDevice): Outcome {
    const taking = this.#take(place, wanted, device);
    if (taking === 'constraint') {
      const claim = nameOf(this.#options.claims[place.claim] as ResourceClaim);
      throw new ClaimFault(
        `claim ${claim}, request ${ownName(wanted)}: cannot add device ${device.published.id} because a claim constraint would not be satisfied`,
      );
    }
    if (taking === 'no') return 'no';
    const outcome = this.#fromDevice(place, wanted, index + 1);
    if (outcome !== 'done') this.#giveBack(place, wanted, device, taking);
    return outcome;
  }

  #take(place: Place, wanted: Wanted, device: PoolDevice): Taking | 'constraint' | 'no' {
    const { published } = device;
    const { adminAccess, capacity } = wanted;
    if (!this.#use.isFree(published, place.claim, adminAccess) || isTainted(wanted, published)) return 'no';
    if (!this.#use.hasRoom(published, capacity)) return 'no';
    const taking = this.#use.take(device, place.claim, capacity);
    if (taking === undefined) return 'no';
    const constraints = this.#constraints[place.claim] ?? [];
    const refusing = constraints.findIndex((constraint) => !constraint.add(wanted, published));
    if (refusing !== -1) {
      for (const constraint of constraints.slice(0, refusing)) constraint.remove(wanted);
      this.#use.giveBack(device, taking);
      return 'constraint';
    }
    this.#taken[place.claim]?.push({ wanted, published, consumed: taking.consumed });
    return taking;
  }

  #giveBack(place: Place, wanted: Wanted, device: PoolDevice, taking: Taking): void {
    this.#taken[place.claim]?.pop();
    for (const constraint of this.#constraints[place.claim] ?? []) constraint.remove(wanted);
    this.#use.giveBack(device, taking);
  }

  #isSelectable(wanted: Wanted, published: PublishedDevice, claim: ResourceClaim): boolean {
    const known = this.#selectable.get(wanted) ?? new Map<DeviceId, boolean>();
    this.#selectable.set(wanted, known);
    let selectable = known.get(published.id);
    if (selectable === undefined) {
      const { selectors, node } = this.#options;
      const { name } = wanted.deviceClass.metadata;
      selectable =
        selectors.match(`class ${name}`, wanted.deviceClass.spec.selectors, published) &&
        selectors.match(`claim ${nameOf(claim)}`, wanted.selectors, published) &&
        (published.slice.spec.perDeviceNodeSelection !== true || reaches(published.device, node));
      known.set(published.id, selectable);
    }
    return selectable;
  }
}

/** What a later claim cannot have may change with other alternatives of this one. */
const notMore = (outcome: Outcome): Outcome => (outcome === 'too-many' ? 'no' : outcome);

/** Source: taintPreventsAllocation. */
function isTainted({ tolerations }: Wanted, { device }: PublishedDevice): boolean {
  return (device.taints ?? []).some(
    (taint) =>
      (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
      !tolerations.some((toleration) => toleratesDeviceTaint(toleration, taint)),
  );
}
