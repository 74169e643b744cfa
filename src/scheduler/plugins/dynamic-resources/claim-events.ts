// pure
// What may help a pod that waits for its claims. Source: dynamicresources.go EventsToRegister, isSchedulableAfterClaimChange,
// isSchedulableAfterPodChange.
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import type { Pod } from '#api/types.ts';
import { ACTION, clusterEvent, isEqual } from '../../framework/cluster-event.ts';
import type { EventHint, QueueingHint } from '../../framework/plugin.ts';
import { podClaims } from './pod-claims.ts';

const { Add, Delete, Update, UpdateNodeAllocatable, UpdateNodeLabel, UpdatePodGeneratedResourceClaim } = ACTION;

export function claimEvents(claimOf: (namespace: string, name: string) => ResourceClaim | undefined): readonly EventHint[] {
  const afterClaimChange: QueueingHint = (pod, previous, current) => {
    const [before, now] = [previous as ResourceClaim | undefined, current as ResourceClaim | undefined];
    // Its devices are free: any pod may want them.
    if (before?.status?.allocation !== undefined && now?.status?.allocation === undefined) return 'queue';
    if (now === undefined) return 'skip';
    const claims = podClaims(pod, claimOf);
    if ('refusal' in claims || !claims.some(({ metadata }) => metadata.uid === now.metadata.uid)) return 'skip';
    return before !== undefined && isEqual(before.status, now.status) ? 'skip' : 'queue';
  };
  const afterPodChange: QueueingHint = (pod, _, current) => {
    const changed = current as Pod;
    return changed.metadata.uid === pod.metadata.uid && !('refusal' in podClaims(changed, claimOf)) ? 'queue' : 'skip';
  };
  return [
    { event: clusterEvent('Node', Add | UpdateNodeLabel | UpdateNodeAllocatable) },
    { event: clusterEvent('resource.k8s.io/ResourceClaim', Add | Update | Delete), hint: afterClaimChange },
    { event: clusterEvent('UnschedulablePod', UpdatePodGeneratedResourceClaim), hint: afterPodChange },
    { event: clusterEvent('resource.k8s.io/DeviceClass', Add | Update) },
    { event: clusterEvent('resource.k8s.io/ResourceSlice', Add | Update) },
  ];
}
