// pure
// Whether a node has the devices that a pod needs, and which it would get there.
import { quantityValue } from '#apimachinery/quantity.ts';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import { matchesNodeSelector } from '#api/node-selectors.ts';
import type { Node, Pod } from '#api/types.ts';
import { allocate, type Allocation } from './allocate.ts';
import { isHopeful } from './binding-conditions.ts';
import { type ExtendedClaim, extendedClaim } from './extended-resources.ts';
import type { Needs, NeedsDeps } from './needs.ts';
import type { DevicePools } from './pools.ts';
import type { DeviceSelectors } from './selectors.ts';

export interface DeviceSearchDeps extends NeedsDeps {
  readonly pools: DevicePools;
  readonly selectors: DeviceSelectors;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly bindingTimeoutMs: number;
}

export type NodeAnswer =
  /** `claims`: to be allocated, in order, with what each gets; the one for extended resources is the last. */
  | {
      readonly kind: 'found';
      readonly claims: readonly ResourceClaim[];
      readonly allocation: Allocation;
      readonly extended: ExtendedClaim | undefined;
    }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'fault'; readonly message: string };

const NOT_AVAILABLE: NodeAnswer = { kind: 'refused', reason: 'resourceclaim not available on the node' };
const STALE: NodeAnswer = { kind: 'refused', reason: 'cannot schedule extended resource claim' };
const NOTHING_TO_FIND: NodeAnswer = { kind: 'found', claims: [], allocation: [], extended: undefined };

/** For one pod; what nodes have in common is worked out once. */
export class DeviceSearch {
  readonly #pod: Pod;
  readonly #needs: Needs;
  readonly #deps: DeviceSearchDeps;
  /** By the resources that devices are to stand for. */
  readonly #extended = new Map<string, ExtendedClaim>();

  constructor(pod: Pod, needs: Needs, deps: DeviceSearchDeps) {
    this.#pod = pod;
    this.#needs = needs;
    this.#deps = deps;
  }

  on(node: Node): NodeAnswer {
    const { claims, open, stale } = this.#needs;
    if (stale !== undefined) return STALE;
    const extended = this.#extendedOn(node);
    const wanted = extended === undefined ? open : [...open, extended.claim];
    const answer = wanted.length === 0 ? NOTHING_TO_FIND : this.#search(wanted, node, extended);
    if (answer.kind !== 'found') return answer;
    return claims.every((claim) => this.isUsable(claim, node)) ? answer : NOT_AVAILABLE;
  }

  /** Whether a claim that is allocated serves on the node. */
  isUsable(claim: ResourceClaim, node: Node): boolean {
    const { allocation } = claim.status ?? {};
    if (allocation === undefined) return true;
    const { nodeSelector } = allocation;
    if (nodeSelector !== undefined && !matchesNodeSelector(node, nodeSelector)) return false;
    return isHopeful(claim, this.#deps.now(), this.#deps.bindingTimeoutMs);
  }

  #search(claims: readonly ResourceClaim[], node: Node, extended: ExtendedClaim | undefined): NodeAnswer {
    const { pools, selectors, deviceClass, claims: allocated } = this.#deps;
    const answer = allocate({ claims, node, pools: pools.on(node), selectors, deviceClass, allocated });
    return answer.kind === 'allocated' ? { kind: 'found', claims, allocation: answer.allocation, extended } : answer;
  }

  /** A node that has the resource by itself, from a device plugin, gives it as ever. */
  #extendedOn(node: Node): ExtendedClaim | undefined {
    if (this.#needs.resources.length === 0) return undefined;
    const { allocatable } = node.status ?? {};
    const resources = this.#needs.resources.filter((name) => quantityValue(allocatable?.[name]) === 0);
    if (resources.length === 0) return undefined;
    const key = resources.join();
    let claim = this.#extended.get(key);
    if (claim === undefined) {
      // The uid tells it from those of other pods.
      claim = extendedClaim(this.#pod, `${this.#pod.metadata.uid}/extended-resources`, resources, this.#deps.classOfResource);
      this.#extended.set(key, claim);
    }
    return claim;
  }
}

/** Source: FirstAvailableDeviceRequestMaxSize. */
const MOST_ALTERNATIVES = 8;

/** The more, the earlier the alternatives that are taken. Source: computeScore. */
export function scoreOf({ claims, allocation }: Extract<NodeAnswer, { kind: 'found' }>): number {
  let score = 0;
  claims.forEach(({ spec }, i) => {
    const taken = new Set(allocation[i]?.map(({ wanted }) => wanted.name));
    for (const { name, firstAvailable = [] } of spec.devices.requests ?? []) {
      const chosen = firstAvailable.findIndex((alternative) => taken.has(`${name}/${alternative.name}`));
      if (chosen !== -1) score += MOST_ALTERNATIVES - chosen;
    }
  });
  return score;
}
