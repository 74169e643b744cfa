// Gives pods the devices their claims ask for: on nodes where there are enough of them, written down before the pod is bound.
// Source: plugins/dynamicresources.
import { Lru } from '#base/lru.ts';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import type { Node, Pod } from '#api/types.ts';
import type { NodeScore, Placement, Plugin, PostFilterResult, PreFilterResult, Refusal } from '../../framework/plugin.ts';
import { UNLIKE_ANY } from '../../framework/profile.ts';
import { type Status, unresolvable } from '../../framework/status.ts';
import type { ClusterState } from '../../state/cluster-state.ts';
import { resourceShape } from '../../state/pod-info.ts';
import { PLUGIN } from '../names.ts';
import { claimEvents } from './claim-events.ts';
import { DeviceBinding, type DeviceBindingDeps } from './device-binding.ts';
import { DeviceSearch, type DeviceSearchDeps, type NodeAnswer, scoreOf } from './device-search.ts';
import { type Claims, type Needs, needsOf, whyNowhere } from './needs.ts';
import { podClaims } from './pod-claims.ts';
import { DeviceSelectors } from './selectors.ts';

export interface DynamicResourcesDeps
  extends DeviceBindingDeps, Omit<DeviceSearchDeps, 'claims' | 'selectors' | 'now' | 'bindingTimeoutMs'> {
  readonly node: (name: string) => Node | undefined;
  /** Claims to decide by in place of those that are tracked: to see what would be. */
  readonly tried?: Claims;
}

export interface DynamicResourcesArgs {
  /** Milliseconds that devices may take to become ready. */
  readonly bindingTimeoutMs: number;
}

/** Source: DynamicResourcesBindingTimeoutDefault. */
export const DEFAULT_DYNAMIC_RESOURCES_ARGS: DynamicResourcesArgs = { bindingTimeoutMs: 600_000 };

const refused = (reason: string): Status => unresolvable(PLUGIN.dynamicResources, reason);
const failed = (message: string): Status => ({ code: 'Error', reasons: [message], plugin: PLUGIN.dynamicResources });

/** Reasons are few: each has one status. */
const KEPT_REASONS = 256;
/** Kinds of claims remembered because something is wrong with them. */
const KEPT_FAULTS = 256;

export function dynamicResources(
  deps: DynamicResourcesDeps,
  { bindingTimeoutMs }: DynamicResourcesArgs = DEFAULT_DYNAMIC_RESOURCES_ARGS,
): Plugin {
  const { claims: tracked, writer, tried: tracker = tracked } = deps;
  const binding = new DeviceBinding(deps, bindingTimeoutMs);
  const searchDeps: DeviceSearchDeps = {
    ...deps,
    claims: tracker,
    selectors: new DeviceSelectors(),
    now: () => deps.clock.now(),
    bindingTimeoutMs,
  };
  const search = (pod: Pod, needs: Needs): DeviceSearch => new DeviceSearch(pod, needs, searchDeps);
  const claimOf = (namespace: string, name: string): ResourceClaim | undefined => tracker.claim(namespace, name);
  const statuses = new Lru<string, Status>(KEPT_REASONS);
  /** Most nodes have the same to say, one after the other. */
  let latest = refused('');
  const filtered = new WeakMap<Pod, Needs>();
  let faulty = new Lru<string, true>(KEPT_FAULTS);
  let faultyEpoch = -1;

  function refusedOnNode(reason: string): Status {
    if (latest.reasons[0] === reason) return latest;
    let status = statuses.get(reason);
    if (status === undefined) {
      status = refused(reason);
      statuses.set(reason, status);
    }
    latest = status;
    return status;
  }

  /** Claims that are alike get the same answers as long as devices are reached from one node each. */
  function signedPart(pod: Pod, { claims, resources }: Needs): readonly unknown[] {
    return [claims.map(({ spec }) => spec), resources.length === 0 ? 0 : resourceShape(pod)];
  }

  function sign(pod: Pod, { epoch }: ClusterState): unknown {
    const needs = needsOf(pod, searchDeps);
    if (needs.kind === 'nothing') return undefined;
    if (needs.kind === 'refused' || needs.stale !== undefined || deps.pools.hasShared) return UNLIKE_ANY;
    if (needs.open.length < needs.claims.length || whyNowhere(needs, pod, searchDeps) !== undefined) return UNLIKE_ANY;
    const part = signedPart(pod, needs);
    if (faultyEpoch !== epoch) {
      faulty = new Lru(KEPT_FAULTS);
      faultyEpoch = epoch;
    }
    // What is wrong with a claim is told by its name.
    return faulty.size > 0 && faulty.get(JSON.stringify(part)) === true ? UNLIKE_ANY : part;
  }

  function preFilter(pod: Pod, cluster: ClusterState): PreFilterResult {
    const needs = needsOf(pod, searchDeps);
    if (needs.kind === 'nothing') return { kind: 'skip' };
    if (needs.kind === 'refused') return { kind: 'rejected', status: refused(needs.reason) };
    const nowhere = whyNowhere(needs, pod, searchDeps);
    if (nowhere !== undefined) return { kind: 'rejected', status: refused(nowhere) };
    filtered.set(pod, needs);
    const searching = search(pod, needs);
    const check = (slot: number): Status | undefined => {
      const answer = searching.on(cluster.nodes[slot] as Node);
      if (answer.kind === 'found') return undefined;
      if (answer.kind === 'refused') return refusedOnNode(answer.reason);
      faulty.set(JSON.stringify(signedPart(pod, needs)), true);
      return failed(answer.message);
    };
    return { kind: 'filter', filter: { scope: 'node', check } };
  }

  /** A claim that nobody uses and that keeps the pod from its nodes is given up. It has a word for pods without claims, too. */
  function postFilter({ pod: { pod }, isPrepared }: Refusal, cluster: ClusterState): PostFilterResult {
    // In upstream's words, which has nothing of the pod to read then.
    if (!isPrepared(PLUGIN.dynamicResources)) return { kind: 'failed', message: 'not found' };
    const answer = (message: string): PostFilterResult => ({ kind: 'refused', message, clear: false });
    const needs = needsOf(pod, searchDeps);
    if (needs.kind !== 'needs') return answer('no new claims to deallocate');
    const searching = search(pod, needs);
    const idle = needs.claims.find(
      (claim) => isIdle(claim, pod) && cluster.nodes.some((node) => node !== undefined && !searching.isUsable(claim, node)),
    );
    if (idle !== undefined) {
      writer.deallocate(idle);
      return answer('deallocation of ResourceClaim completed');
    }
    if (needs.stale === undefined) return answer('still not schedulable');
    writer.remove(needs.stale);
    return answer('deletion of ResourceClaim completed');
  }

  /** Of what preFilter found: this may be asked for a pod like it, when its own claims have long been allocated. */
  function preScore(pod: Pod, cluster: ClusterState): NodeScore | undefined {
    const needs = filtered.get(pod);
    if (needs === undefined || !needs.open.some(hasAlternatives)) return undefined;
    const searching = search(pod, needs);
    return {
      scope: 'node',
      normalize: 'ascending',
      score(slot) {
        const answer = searching.on(cluster.nodes[slot] as Node);
        return answer.kind === 'found' ? scoreOf(answer) : 0;
      },
    };
  }

  /** Only alternatives make one node better than another. */
  function mayScore(pod: Pod): boolean {
    const claims = (pod.spec.resourceClaims ?? []).length === 0 ? [] : podClaims(pod, claimOf);
    return !('refusal' in claims) && claims.some((claim) => claim.status?.allocation === undefined && hasAlternatives(claim));
  }

  function reserve(placement: Placement): Status | undefined {
    const { pod, node } = placement;
    const needs = needsOf(pod, searchDeps);
    if (needs.kind === 'nothing') return undefined;
    if (needs.kind === 'refused') return refused(needs.reason);
    const nowhere = whyNowhere(needs, pod, searchDeps);
    if (nowhere !== undefined) return refused(nowhere);
    const target = deps.node(node);
    if (target === undefined) return failed(`node "${node}" not found`);
    const answer: NodeAnswer = search(pod, needs).on(target);
    if (answer.kind === 'refused') return refused(answer.reason);
    if (answer.kind === 'fault') return failed(answer.message);
    binding.reserve(placement, needs.claims, answer);
    return undefined;
  }

  return {
    name: PLUGIN.dynamicResources,
    events: claimEvents(claimOf),
    sign,
    mayScore,
    preEnqueue(pod) {
      const claims = (pod.spec.resourceClaims ?? []).length === 0 ? [] : podClaims(pod, claimOf);
      return 'refusal' in claims ? refused(claims.refusal) : undefined;
    },
    preFilter: ({ pod }, cluster) => preFilter(pod, cluster),
    postFilter,
    preScore: ({ pod }, cluster) => preScore(pod, cluster),
    reserve,
    unreserve: ({ pod }) => binding.unreserve(pod),
    willPreBind: ({ pod }) => binding.has(pod),
    async preBind(placement, signal) {
      await binding.preBind(placement, signal);
      return undefined;
    },
    postBind: ({ pod }) => binding.forget(pod),
  };
}

const hasAlternatives = ({ spec }: ResourceClaim): boolean =>
  (spec.devices.requests ?? []).some(({ firstAvailable = [] }) => firstAvailable.length > 0);

/** Nobody has it reserved but perhaps the pod itself. */
function isIdle({ status }: ResourceClaim, { metadata }: Pod): boolean {
  const users = status?.reservedFor ?? [];
  return status?.allocation !== undefined && users.every(({ uid }) => uid === metadata.uid);
}
