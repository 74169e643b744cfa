// pure
// The claims of a pod, or what is wrong with them. Source: dynamic-resource-allocation/resourceclaim Name, IsForPod,
// dynamicresources.go foreachPodResourceClaim.
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import { controllerOf } from '#api/owner-references.ts';
import type { Pod, PodResourceClaim } from '#api/types.ts';

type ClaimOf = (namespace: string, name: string) => ResourceClaim | undefined;

/** Entries that need no claim are left out. */
export function podClaims(pod: Pod, claimOf: ClaimOf): readonly ResourceClaim[] | { readonly refusal: string } {
  const { namespace, name, uid } = pod.metadata;
  const claims: ResourceClaim[] = [];
  for (const entry of pod.spec.resourceClaims ?? []) {
    const named = claimNameOf(pod, entry);
    if (named.kind === 'refused') return { refusal: named.refusal };
    if (named.name === undefined) continue;
    const claim = claimOf(namespace, named.name);
    if (claim === undefined) return { refusal: `resourceclaim.resource.k8s.io "${named.name}" not found` };
    if (claim.metadata.deletionTimestamp !== undefined) return { refusal: `resourceclaim "${named.name}" is being deleted` };
    if (named.kind === 'made' && controllerOf(claim)?.uid !== uid) {
      return { refusal: `ResourceClaim ${namespace}/${named.name} was not created for pod ${namespace}/${name} (pod is not owner)` };
    }
    claims.push(claim);
  }
  return claims;
}

type Named =
  /** `made`: for the pod, from a template. */
  { readonly kind: 'given' | 'made'; readonly name: string | undefined } | { readonly kind: 'refused'; readonly refusal: string };

function claimNameOf({ status }: Pod, { name, resourceClaimName, resourceClaimTemplateName }: PodResourceClaim): Named {
  if (resourceClaimName !== undefined) return { kind: 'given', name: resourceClaimName };
  if (resourceClaimTemplateName === undefined)
    return { kind: 'refused', refusal: `pod claim ${name}: none of the supported fields are set` };
  const made = status.resourceClaimStatuses?.find((one) => one.name === name);
  return made === undefined
    ? { kind: 'refused', refusal: `pod claim ${name}: ResourceClaim not created yet` }
    : { kind: 'made', name: made.resourceClaimName };
}

/** Pods that use a claim at a time. Source: ResourceClaimReservedForMaxSize. */
const MOST_USERS = 256;

export function canBeReserved({ status }: ResourceClaim): boolean {
  return (status.reservedFor ?? []).length < MOST_USERS;
}

export function isReservedFor({ status }: ResourceClaim, { metadata }: Pod): boolean {
  return (status.reservedFor ?? []).some(({ uid }) => uid === metadata.uid);
}
