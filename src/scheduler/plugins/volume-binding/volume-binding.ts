// Pods go where their volumes are or can be; claims that wait for a consumer are bound before the pod is. Source:
// plugins/volumebinding.
import type { Node, PersistentVolume } from '#api/types.ts';
import { usesClaims } from '#api/volumes.ts';
import { LABEL } from '#api/well-known.ts';
import { ACTION, clusterEvent } from '../../framework/cluster-event.ts';
import type { NodeFilter, Placement, Plugin } from '../../framework/plugin.ts';
import { UNLIKE_ANY } from '../../framework/profile.ts';
import { type Status, unresolvable } from '../../framework/status.ts';
import type { ClusterState } from '../../state/cluster-state.ts';
import { PLUGIN } from '../names.ts';
import { bindVolumes, type BindVolumesDeps, decided, type DecidedVolumes } from './bind-volumes.ts';
import { podClaims, type PodClaims } from './claims.ts';
import { boundReach, type FoundVolumes, volumeFinder } from './find-volumes.ts';
import { AssumedStorage, type Storage } from './storage.ts';
import { afterCapacityChange, afterClaimChange, afterClassChange, afterCsiNodeChange, afterDriverChange } from './storage-events.ts';

export interface VolumeBindingArgs {
  readonly bindTimeoutSeconds: number;
}

/** Source: SetDefaults_VolumeBindingArgs. */
export const DEFAULT_VOLUME_BINDING_ARGS: VolumeBindingArgs = { bindTimeoutSeconds: 600 };

export interface VolumeBindingDeps extends Omit<BindVolumesDeps, 'storage'> {
  readonly storage: Storage;
}

const { Add, Update, UpdateNodeLabel } = ACTION;

export function volumeBinding(deps: VolumeBindingDeps, { bindTimeoutSeconds }: VolumeBindingArgs = DEFAULT_VOLUME_BINDING_ARGS): Plugin {
  const assumed = new AssumedStorage(deps.storage);
  const decisions = new Map<string, DecidedVolumes>();

  function forget(uid: string): void {
    const decision = decisions.get(uid);
    if (decision === undefined) return;
    decisions.delete(uid);
    assumed.forget(decision.volumes, decision.claims);
  }

  return {
    name: PLUGIN.volumeBinding,
    events: [
      { event: clusterEvent('storage.k8s.io/StorageClass', Add | Update), hint: afterClassChange },
      { event: clusterEvent('PersistentVolumeClaim', Add | Update), hint: afterClaimChange },
      { event: clusterEvent('PersistentVolume', Add | Update) },
      { event: clusterEvent('Node', Add | UpdateNodeLabel) },
      { event: clusterEvent('storage.k8s.io/CSINode', Add | Update), hint: afterCsiNodeChange },
      { event: clusterEvent('storage.k8s.io/CSIDriver', Update), hint: afterDriverChange(assumed) },
      { event: clusterEvent('storage.k8s.io/CSIStorageCapacity', Add | Update), hint: afterCapacityChange },
    ],
    sign: (pod) => (usesClaims(pod) ? signOf(podClaims(pod, assumed), assumed) : undefined),
    preFilter({ pod }, cluster) {
      const claims = podClaims(pod, assumed);
      if (claims.kind === 'none') return { kind: 'skip' };
      if (claims.kind === 'refused') return { kind: 'rejected', status: claims.status };
      if (claims.delayed.length === 0 && claims.bound.every(({ spec }) => isEverywhere(assumed.volume(spec.volumeName ?? '')))) {
        return { kind: 'skip' };
      }
      return { kind: 'filter', filter: claimsFilter(claims, assumed, cluster) };
    },
    reserve({ pod, node }) {
      const claims = podClaims(pod, assumed);
      if (claims.kind === 'none') return undefined;
      if (claims.kind === 'refused') return claims.status;
      const target = deps.node(node);
      if (target === undefined) return failed(`node "${node}" not found`);
      const found = volumeFinder(claims, assumed)(target);
      if (found.kind !== 'plan') return statusOf(found);
      if (found.plan.bindings.length + found.plan.provisions.length === 0) return undefined;
      const decision = decided(found.plan, node);
      decisions.set(pod.metadata.uid, decision);
      assumed.assume(decision.volumes, decision.claims);
      return undefined;
    },
    unreserve: ({ pod }: Placement) => forget(pod.metadata.uid),
    willPreBind: ({ pod }) => decisions.has(pod.metadata.uid),
    async preBind({ pod, node }, signal) {
      const decision = decisions.get(pod.metadata.uid);
      if (decision === undefined) return undefined;
      const fault = await bindVolumes({ pod, node, decision, timeoutMs: bindTimeoutSeconds * 1000, signal }, deps);
      if (fault !== undefined) return failed(fault);
      forget(pod.metadata.uid);
      return undefined;
    },
  };
}

type Claims = Extract<PodClaims, { kind: 'claims' }>;

function claimsFilter(claims: Claims, storage: Storage, cluster: ClusterState): NodeFilter {
  if (claims.delayed.length > 0) {
    const find = volumeFinder(claims, storage);
    return { scope: 'node', check: (slot) => statusOf(find(cluster.nodes[slot] as Node)) };
  }
  // Kept for other pods whose volumes can be used on the same nodes: of this pod's claims nothing is read any more.
  const reach = boundReach(claims.bound, storage);
  return {
    scope: 'node',
    check(slot) {
      const reason = reach(cluster.nodes[slot] as Node);
      return reason === undefined ? undefined : conflict([reason]);
    },
  };
}

/** Volumes that are there already differ only in the nodes they can be used on; each of many on a node of its own is like no other. */
function signOf(claims: PodClaims, storage: Storage): unknown {
  if (claims.kind === 'none') return undefined;
  if (claims.kind === 'refused' || claims.delayed.length > 0) return UNLIKE_ANY;
  const places: unknown[] = [];
  for (const { spec } of claims.bound) {
    const volume = storage.volume(spec.volumeName ?? '');
    if (volume === undefined || isOnNamedNodes(volume)) return UNLIKE_ANY;
    if (!isEverywhere(volume)) places.push(volume.spec.nodeAffinity?.required);
  }
  return places.length === 0 ? undefined : places;
}

const isEverywhere = (volume: PersistentVolume | undefined): boolean =>
  volume !== undefined && volume.spec.nodeAffinity?.required === undefined;

function isOnNamedNodes({ spec }: PersistentVolume): boolean {
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return terms.some(
    ({ matchFields = [], matchExpressions = [] }) => matchFields.length > 0 || matchExpressions.some(({ key }) => key === LABEL.hostname),
  );
}

const failed = (message: string): Status => ({ code: 'Error', reasons: [message], plugin: PLUGIN.volumeBinding });

/** Statuses are shared, so that nodes that refuse alike are counted together; there are few combinations of reasons. */
const conflicts = new Map<string, Status>();

function conflict(reasons: readonly string[]): Status {
  const key = reasons.join();
  let status = conflicts.get(key);
  if (status === undefined) {
    status = unresolvable(PLUGIN.volumeBinding, ...reasons);
    conflicts.set(key, status);
  }
  return status;
}

function statusOf(found: FoundVolumes): Status | undefined {
  switch (found.kind) {
    case 'plan':
      return undefined;
    case 'conflict':
      return conflict(found.reasons);
    case 'error':
      return failed(found.message);
  }
}
