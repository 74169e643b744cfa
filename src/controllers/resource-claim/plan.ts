// pure
// Claims that are made for pods, and when a claim is free again. Source: pkg/controller/resourceclaim controller.go,
// dynamic-resource-allocation resourceclaim.
import { derivedName } from '#api/generated-name.ts';
import { controllerOf, controllerReference } from '#api/owner-references.ts';
import { isPodTerminal } from '#api/pods.ts';
import type { ResourceClaim, ResourceClaimConsumerReference, ResourceClaimTemplate } from '#api/gen/resource-v1.ts';
import type { New, Pod, PodResourceClaim } from '#api/types.ts';
import { ANNOTATION, FINALIZER } from '#api/well-known.ts';

const POD_KIND = { group: '', version: 'v1', kind: 'Pod' } as const;

/** Of a generated name, what comes before the hyphen and five random characters. Source: handleClaim maxBaseLen. */
const MAX_BASE_LENGTH = 57;

/** Runs no more and will not run. */
export function isPodDone(pod: Pod): boolean {
  return isPodTerminal(pod) || (pod.metadata.deletionTimestamp !== undefined && (pod.spec.nodeName ?? '') === '');
}

/** The claim that stands for an entry of the pod, once it has one. Source: resourceclaim.Name. */
export function claimNameOf({ status }: Pod, { name, resourceClaimName, resourceClaimTemplateName }: PodResourceClaim): string | undefined {
  if (resourceClaimTemplateName === undefined) return resourceClaimName;
  return status.resourceClaimStatuses?.find((one) => one.name === name)?.resourceClaimName;
}

export function isMadeFor(claim: ResourceClaim, pod: Pod): boolean {
  return claim.metadata.namespace === pod.metadata.namespace && controllerOf(claim)?.uid === pod.metadata.uid;
}

/** The one among the pod's own that was made for this entry, written down or not: a crash may have come in between. */
export function madeFor(entry: PodResourceClaim, owned: readonly ResourceClaim[]): ResourceClaim | undefined {
  return owned.find(
    ({ metadata }) => metadata.deletionTimestamp === undefined && metadata.annotations?.[ANNOTATION.podClaimName] === entry.name,
  );
}

/** With a name that follows from what it is for: a creation that was not answered is tried again by the same one. */
export function newClaim(
  pod: Pod,
  { name }: PodResourceClaim,
  { spec: template }: ResourceClaimTemplate,
): New<ResourceClaim> & { readonly metadata: { readonly name: string } } {
  const { labels, annotations } = template.metadata ?? {};
  const generateName = `${baseName(pod.metadata.name, name)}-`;
  return {
    metadata: {
      name: derivedName(generateName, `${pod.metadata.uid}/${name}`),
      generateName,
      namespace: pod.metadata.namespace,
      annotations: { ...annotations, [ANNOTATION.podClaimName]: name },
      ...(labels === undefined ? {} : { labels }),
      ownerReferences: [controllerReference(pod, POD_KIND)],
    },
    spec: template.spec,
  };
}

/** Both names stay recognisable where they are too long together. */
function baseName(pod: string, claim: string): string {
  const whole = `${pod}-${claim}`;
  if (whole.length <= MAX_BASE_LENGTH) return whole;
  const half = (MAX_BASE_LENGTH - 1) >> 1;
  const claimPart = claim.slice(0, Math.max(half, MAX_BASE_LENGTH - 1 - pod.length));
  return `${pod.slice(0, MAX_BASE_LENGTH - 1 - claimPart.length)}-${claimPart}`;
}

export type ClaimPlan =
  | { readonly kind: 'steady' }
  /** Consumers that are gone leave; without any the devices are given back, and then who deletes the claim need not wait. */
  | { readonly kind: 'free'; readonly status: ResourceClaim['status']; readonly release: boolean }
  /** Made for a pod that needs it no more. */
  | { readonly kind: 'delete' };

/** `gone`: uids of consumers that use the claim no more. `owner`: of a claim made for a pod; undefined when it is gone. Source: syncClaim. */
export function planClaim(claim: ResourceClaim, gone: ReadonlySet<string>, owner: Pod | undefined): ClaimPlan {
  const { reservedFor = [] } = claim.status;
  const valid = reservedFor.filter(({ uid }) => !gone.has(uid));
  const deleting = claim.metadata.deletionTimestamp !== undefined;
  const isKept = claim.metadata.finalizers?.includes(FINALIZER.resourceClaim) === true;
  // A claim that is not being deleted may have the finalizer before it has devices: the scheduler writes it first.
  if (valid.length < reservedFor.length || (valid.length === 0 && deleting && isKept))
    return { kind: 'free', status: freed(claim, valid), release: valid.length === 0 && isKept };
  if (valid.length > 0) return { kind: 'steady' };
  const isGenerated = controllerOf(claim)?.kind === POD_KIND.kind;
  return isGenerated && !deleting && (owner === undefined || isPodDone(owner)) ? { kind: 'delete' } : { kind: 'steady' };
}

export function released(claim: ResourceClaim): ResourceClaim {
  const finalizers = claim.metadata.finalizers?.filter((name) => name !== FINALIZER.resourceClaim) ?? [];
  return { ...claim, metadata: { ...claim.metadata, finalizers } };
}

function freed({ status }: ResourceClaim, valid: readonly ResourceClaimConsumerReference[]): ResourceClaim['status'] {
  const { reservedFor: _, allocation, devices, ...rest } = status;
  if (valid.length === 0) return rest;
  return {
    ...rest,
    ...(allocation === undefined ? {} : { allocation }),
    ...(devices === undefined ? {} : { devices }),
    reservedFor: valid,
  };
}

/** A pod on a node, whose claim has devices and does not know the pod yet. Source: syncPod, reserveForPod. */
export function reservation(claim: ResourceClaim, pod: Pod): ResourceClaim['status'] | undefined {
  const { reservedFor = [], allocation } = claim.status;
  const { name, uid } = pod.metadata;
  if ((pod.spec.nodeName ?? '') === '' || allocation === undefined || reservedFor.some((one) => one.uid === uid)) return undefined;
  return { ...claim.status, reservedFor: [...reservedFor, { resource: 'pods', name, uid }] };
}
