// Pods go where their volumes are or can be; claims that wait for a consumer are bound before the pod is. Source:
// plugins/volumebinding.
import type { Node, Pod } from '#api/types.ts';
import { claimName } from '#api/volumes.ts';
import { ACTION, clusterEvent } from '../../framework/cluster-event.ts';
import type { Placement, Plugin, QueueingHint } from '../../framework/plugin.ts';
import { UNLIKE_ANY } from '../../framework/profile.ts';
import { type Status, unresolvable } from '../../framework/status.ts';
import { PLUGIN } from '../names.ts';
import { bindVolumes, type BindVolumesDeps, decided, type DecidedVolumes } from './bind-volumes.ts';
import { podClaims } from './claims.ts';
import { type FoundVolumes, findVolumes } from './find-volumes.ts';
import { AssumedStorage, type Storage } from './storage.ts';

export interface VolumeBindingArgs {
  readonly bindTimeoutSeconds: number;
}

/** Source: SetDefaults_VolumeBindingArgs. */
export const DEFAULT_VOLUME_BINDING_ARGS: VolumeBindingArgs = { bindTimeoutSeconds: 600 };

export interface VolumeBindingDeps extends Omit<BindVolumesDeps, 'storage'> {
  readonly storage: Storage;
  readonly node: (name: string) => Node | undefined;
}

const { Add, Update, UpdateNodeLabel, UpdateNodeTaint } = ACTION;

const usesClaims = (pod: Pod): boolean => pod.spec.volumes?.some((volume) => claimName(pod, volume) !== undefined) === true;

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
      { event: clusterEvent('storage.k8s.io/StorageClass', Add | Update) },
      { event: clusterEvent('PersistentVolumeClaim', Add | Update), hint: afterClaimChange },
      { event: clusterEvent('PersistentVolume', Add | Update) },
      { event: clusterEvent('Node', Add | UpdateNodeLabel | UpdateNodeTaint) },
      { event: clusterEvent('storage.k8s.io/CSIDriver', Update) },
      { event: clusterEvent('storage.k8s.io/CSIStorageCapacity', Add | Update) },
    ],
    sign: (pod) => (usesClaims(pod) ? UNLIKE_ANY : undefined),
    preFilter({ pod }, cluster) {
      const claims = podClaims(pod, assumed);
      if (claims.kind === 'none') return { kind: 'skip' };
      if (claims.kind === 'refused') return { kind: 'rejected', status: claims.status };
      const check = (slot: number): Status | undefined => statusOf(findVolumes(claims, cluster.nodes[slot] as Node, assumed));
      return { kind: 'filter', filter: { scope: 'node', check } };
    },
    reserve({ pod, node }) {
      const claims = podClaims(pod, assumed);
      if (claims.kind === 'none') return undefined;
      if (claims.kind === 'refused') return claims.status;
      const target = deps.node(node);
      if (target === undefined) return failed(`node "${node}" not found`);
      const found = findVolumes(claims, target, assumed);
      if (found.kind !== 'plan') return statusOf(found);
      if (found.plan.bindings.length + found.plan.provisions.length === 0) return undefined;
      const decision = decided(found.plan, node);
      decisions.set(pod.metadata.uid, decision);
      assumed.assume(decision.volumes, decision.claims);
      return undefined;
    },
    unreserve: ({ pod }: Placement) => forget(pod.metadata.uid),
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

const failed = (message: string): Status => ({ code: 'Error', reasons: [message], plugin: PLUGIN.volumeBinding });

function statusOf(found: FoundVolumes): Status | undefined {
  switch (found.kind) {
    case 'plan':
      return undefined;
    case 'conflict':
      return unresolvable(PLUGIN.volumeBinding, ...found.reasons);
    case 'error':
      return failed(found.message);
  }
}

const afterClaimChange: QueueingHint = (pod, _, current) => {
  const { namespace, name } = (current as { readonly metadata: { readonly namespace: string; readonly name: string } }).metadata;
  if (namespace !== pod.metadata.namespace) return 'skip';
  return pod.spec.volumes?.some((volume) => claimName(pod, volume) === name) === true ? 'queue' : 'skip';
};
