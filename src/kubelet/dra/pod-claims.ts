// pure
// Which ResourceClaims a pod and its containers use, and whether the pod may. Source: dynamic-resource-allocation
// resourceclaim/claim.go; pkg/kubelet/cm/dra manager.go.
import { controllerOf } from '#api/owner-references.ts';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import type { Pod, PodResourceClaim } from '#api/types.ts';
import type { AnyContainer } from '../pod/containers.ts';

/** A pod's dynamic resources cannot be had; the message is shown to the user. */
export class DraError extends Error {
  override readonly name = 'DraError';
}

export interface UsedClaim {
  readonly name: string;
  /** `made`: for this pod, from a template. */
  readonly kind: 'given' | 'made';
}

/** Of one entry; undefined where none was needed. @throws DraError when it has not been made yet */
function claimOf({ status }: Pod, { name, resourceClaimName, resourceClaimTemplateName }: PodResourceClaim): UsedClaim | undefined {
  if (resourceClaimName !== undefined) return { kind: 'given', name: resourceClaimName };
  if (resourceClaimTemplateName === undefined) throw new DraError(`pod claim ${name}: none of the supported fields are set`);
  const made = status.resourceClaimStatuses?.find((one) => one.name === name);
  if (made === undefined) throw new DraError(`pod claim ${name}: ResourceClaim not created yet`);
  return made.resourceClaimName === undefined ? undefined : { kind: 'made', name: made.resourceClaimName };
}

/** Those of its spec, and the one that the scheduler made for its extended resources. @throws DraError */
export function claimsOf(pod: Pod): readonly UsedClaim[] {
  const extended = pod.status.extendedResourceClaimStatus?.resourceClaimName;
  const claims = (pod.spec.resourceClaims ?? []).map((entry) => claimOf(pod, entry)).filter((claim) => claim !== undefined);
  return extended === undefined ? claims : [...claims, { kind: 'given', name: extended }];
}

export const usesClaims = ({ spec, status }: Pod): boolean =>
  (spec.resourceClaims ?? []).length > 0 || status.extendedResourceClaimStatus !== undefined;

/** Of the entry with this name; undefined where there is none, it needs none or it has not been made yet. */
export const nameOfClaim = ({ spec, status }: Pod, entry: string): string | undefined =>
  spec.resourceClaims?.find(({ name }) => name === entry)?.resourceClaimName ??
  status.resourceClaimStatuses?.find(({ name }) => name === entry)?.resourceClaimName;

/** Names of requests by claim; an empty name stands for all of a claim's. @throws DraError */
export function requestsOf(pod: Pod, container: AnyContainer): ReadonlyMap<string, readonly string[]> {
  const requests = new Map<string, string[]>();
  const add = (claim: string, request: string): unknown => requests.set(claim, [...(requests.get(claim) ?? []), request]);
  for (const entry of pod.spec.resourceClaims ?? []) {
    const wanted = (container.resources?.claims ?? []).filter(({ name }) => name === entry.name);
    const claim = wanted.length === 0 ? undefined : claimOf(pod, entry);
    if (claim !== undefined) for (const { request } of wanted) add(claim.name, request ?? '');
  }
  const { resourceClaimName, requestMappings = [] } = pod.status.extendedResourceClaimStatus ?? {};
  for (const { containerName, resourceName, requestName } of requestMappings) {
    const asked = container.resources?.requests?.[resourceName];
    if (containerName === container.name && asked !== undefined && String(asked) !== '0') add(resourceClaimName ?? '', requestName);
  }
  return requests;
}

/** Drivers of the devices that `claim` was given. @throws DraError when the pod may not use it, or it has not been allocated */
export function driversFor(pod: Pod, { kind, name }: UsedClaim, claim: ResourceClaim): readonly string[] {
  const { uid, namespace } = pod.metadata;
  if (kind === 'made' && controllerOf(claim)?.uid !== uid)
    throw new DraError(`ResourceClaim ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`);
  if (claim.status.reservedFor?.some((user) => user.uid === uid) !== true)
    throw new DraError(`pod ${pod.metadata.name} (${uid}) is not allowed to use ResourceClaim ${name} (${claim.metadata.uid})`);
  const { allocation } = claim.status;
  if (allocation === undefined) throw new DraError(`ResourceClaim ${name}: not allocated`);
  return [...new Set((allocation.devices.results ?? []).map(({ driver }) => driver))];
}
