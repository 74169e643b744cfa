// Gives pods the devices their claims ask for: on nodes where there are enough of them, written down before the pod is bound.
// Source: plugins/dynamicresources.
import type { Clock } from '#base/clock.ts';
import type { AllocationResult, DeviceClass, ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import { matchesNodeSelector } from '#api/node-selectors.ts';
import type { Node, Pod } from '#api/types.ts';
import type { Placement, Plugin, PostFilterResult, PreFilterResult } from '../../framework/plugin.ts';
import { UNLIKE_ANY } from '../../framework/profile.ts';
import { type Status, unresolvable } from '../../framework/status.ts';
import type { ClusterState } from '../../state/cluster-state.ts';
import { PLUGIN } from '../names.ts';
import { allocate, type AllocationAnswer } from './allocate.ts';
import { allocationResult } from './allocation-result.ts';
import type { ClaimTracker } from './claim-tracker.ts';
import type { ClaimWriter } from './claim-writer.ts';
import { claimEvents } from './claim-events.ts';
import { canBeReserved, isReservedFor, podClaims } from './pod-claims.ts';
import { gatherPools, type Pools } from './pools.ts';
import { requestsOf } from './requests.ts';
import { DeviceSelectors } from './selectors.ts';

export interface DynamicResourcesDeps {
  readonly claims: ClaimTracker;
  readonly writer: ClaimWriter;
  readonly deviceClass: (name: string) => DeviceClass | undefined;
  readonly slices: () => Iterable<ResourceSlice>;
  readonly node: (name: string) => Node | undefined;
  readonly clock: Clock;
}

/** What was decided for a pod, until it is bound. */
interface Decision {
  readonly claims: readonly ResourceClaim[];
  /** By the uid of a claim that was not allocated before. */
  readonly allocations: ReadonlyMap<string, AllocationResult>;
}

const hasClaims = ({ spec }: Pod): boolean => (spec.resourceClaims ?? []).length > 0;
const refused = (reason: string): Status => unresolvable(PLUGIN.dynamicResources, reason);
const failed = (message: string): Status => ({ code: 'Error', reasons: [message], plugin: PLUGIN.dynamicResources });
const NOT_AVAILABLE = refused('resourceclaim not available on the node');

export function dynamicResources(deps: DynamicResourcesDeps): Plugin {
  const { claims: tracker, writer } = deps;
  const selectors = new DeviceSelectors();
  const decisions = new Map<string, Decision>();
  const claimOf = (namespace: string, name: string): ResourceClaim | undefined => tracker.claim(namespace, name);
  const search = (claims: readonly ResourceClaim[], node: Node, pools: Pools): AllocationAnswer =>
    allocate({ claims, node, pools, selectors, deviceClass: deps.deviceClass, isAllocated: (id) => tracker.isAllocated(id) });

  /** Why no node will do at present. Source: PreFilter. */
  function whyNowhere(claims: readonly ResourceClaim[], pod: Pod): Status | undefined {
    for (const claim of claims) {
      const { namespace, name, uid } = claim.metadata;
      // Its allocation may change once it is written.
      if (tracker.isPending(uid)) return refused(`resource claim ${namespace}/${name} is in the process of being allocated`);
      if (claim.status?.allocation !== undefined) {
        if (!canBeReserved(claim) && !isReservedFor(claim, pod)) return refused('resourceclaim in use');
        continue;
      }
      const requests = requestsOf(claim, deps.deviceClass);
      if ('refusal' in requests) return refused(requests.refusal);
    }
    return undefined;
  }

  function preFilter(pod: Pod, cluster: ClusterState): PreFilterResult {
    if (!hasClaims(pod)) return { kind: 'skip' };
    const claims = podClaims(pod, claimOf);
    if ('refusal' in claims) return { kind: 'rejected', status: refused(claims.refusal) };
    if (claims.length === 0) return { kind: 'skip' };
    const nowhere = whyNowhere(claims, pod);
    if (nowhere !== undefined) return { kind: 'rejected', status: nowhere };
    const open = claims.filter(({ status }) => status?.allocation === undefined);
    const pools = gatherPools(open.length === 0 ? [] : deps.slices());
    const check = (slot: number): Status | undefined => {
      const node = cluster.nodes[slot] as Node;
      if (!claims.every((claim) => isAvailableOn(claim, node))) return NOT_AVAILABLE;
      return open.length === 0 ? undefined : statusOf(search(open, node, pools));
    };
    return { kind: 'filter', filter: { scope: 'node', check } };
  }

  /** A claim that nobody uses and that keeps the pod from its nodes is given up. */
  function postFilter(pod: Pod, cluster: ClusterState): PostFilterResult | undefined {
    if (!hasClaims(pod)) return undefined;
    const claims = podClaims(pod, claimOf);
    if ('refusal' in claims || claims.length === 0) return { kind: 'refused', message: 'no new claims to deallocate', clear: false };
    const idle = claims.find(
      (claim) => isIdle(claim, pod) && cluster.nodes.some((node) => node !== undefined && !isAvailableOn(claim, node)),
    );
    if (idle === undefined) return { kind: 'refused', message: 'still not schedulable', clear: false };
    writer.deallocate(idle);
    return { kind: 'refused', message: 'deallocation of ResourceClaim completed', clear: false };
  }

  function reserve({ pod, node }: Placement): Status | undefined {
    if (!hasClaims(pod)) return undefined;
    const claims = podClaims(pod, claimOf);
    if ('refusal' in claims) return refused(claims.refusal);
    const nowhere = whyNowhere(claims, pod);
    if (nowhere !== undefined) return nowhere;
    const open = claims.filter(({ status }) => status?.allocation === undefined);
    const allocations = new Map<string, AllocationResult>();
    if (open.length > 0) {
      const target = deps.node(node);
      if (target === undefined) return failed(`node "${node}" not found`);
      const answer = search(open, target, gatherPools(deps.slices()));
      if (answer.kind !== 'allocated') return statusOf(answer);
      open.forEach((claim, i) => {
        const allocation = allocationResult(claim, answer.allocation[i] ?? [], deps.clock.now());
        allocations.set(claim.metadata.uid, allocation);
        tracker.assume({ ...claim, status: { ...claim.status, allocation } }, true);
      });
    }
    decisions.set(pod.metadata.uid, { claims, allocations });
    return undefined;
  }

  function unreserve({ pod }: Placement): void {
    const decision = decisions.get(pod.metadata.uid);
    if (decision === undefined) return;
    decisions.delete(pod.metadata.uid);
    for (const { metadata } of decision.claims) {
      if (decision.allocations.has(metadata.uid) && tracker.isPending(metadata.uid)) tracker.forget(metadata.uid);
      const claim = tracker.claim(metadata.namespace, metadata.name);
      if (claim?.metadata.uid === metadata.uid && isReservedFor(claim, pod)) writer.release(claim, pod);
    }
  }

  async function preBind({ pod }: Placement): Promise<Status | undefined> {
    const decision = decisions.get(pod.metadata.uid);
    for (const claim of decision?.claims ?? []) {
      const allocation = decision?.allocations.get(claim.metadata.uid);
      if (isReservedFor(claim, pod)) continue;
      // What it throws is told as the failure of the plugin; unreserve takes back what was assumed.
      const written = await writer.reserve(claim, pod, allocation);
      if (allocation !== undefined) tracker.assume(written, false);
    }
    return undefined;
  }

  return {
    name: PLUGIN.dynamicResources,
    events: claimEvents(claimOf),
    sign: (pod) => (hasClaims(pod) ? UNLIKE_ANY : undefined),
    preEnqueue(pod) {
      const claims = hasClaims(pod) ? podClaims(pod, claimOf) : [];
      return 'refusal' in claims ? refused(claims.refusal) : undefined;
    },
    preFilter: ({ pod }, cluster) => preFilter(pod, cluster),
    postFilter: ({ pod }, cluster) => postFilter(pod.pod, cluster),
    reserve,
    unreserve,
    preBind,
    postBind: ({ pod }) => void decisions.delete(pod.metadata.uid),
  };
}

function statusOf(answer: AllocationAnswer): Status | undefined {
  switch (answer.kind) {
    case 'allocated':
      return undefined;
    case 'refused':
      return refused(answer.reason);
    case 'fault':
      return failed(answer.message);
  }
}

function isAvailableOn({ status }: ResourceClaim, node: Node): boolean {
  const selector = status?.allocation?.nodeSelector;
  return selector === undefined || matchesNodeSelector(node, selector);
}

/** Nobody has it reserved but perhaps the pod itself. */
function isIdle({ status }: ResourceClaim, { metadata }: Pod): boolean {
  const users = status?.reservedFor ?? [];
  return status?.allocation !== undefined && users.every(({ uid }) => uid === metadata.uid);
}
