// pure
// What a pod needs of devices: the claims it names, and one more for its extended resources that devices stand for. Source:
// dynamicresources.go PreFilter.
import type { DeviceClass, ResourceClaim } from '#api/gen/resource-v1.ts';
import type { Pod } from '#api/types.ts';
import type { ClaimTracker } from './claim-tracker.ts';
import type { AllocatedDevices } from './device-use.ts';
import { type ClassOfResource, resourcesOfDevices } from './extended-resources.ts';
import { canBeReserved, isReservedFor, podClaims } from './pod-claims.ts';
import { requestsOf } from './requests.ts';

export interface Needs {
  /** Those that the pod names. */
  readonly claims: readonly ResourceClaim[];
  /** Of them, those to be allocated. */
  readonly open: readonly ResourceClaim[];
  /** Names of extended resources that nodes may have by devices. */
  readonly resources: readonly string[];
  /** Made for the extended resources in an attempt before this one: it must go first. */
  readonly stale: ResourceClaim | undefined;
}

/** What is read of claims, and of the devices they have. */
export interface Claims extends AllocatedDevices, Pick<ClaimTracker, 'claim' | 'extendedClaim' | 'isPending'> {}

export interface NeedsDeps {
  readonly claims: Claims;
  readonly deviceClass: (name: string) => DeviceClass | undefined;
  readonly classOfResource: ClassOfResource;
}

export type NeedsAnswer =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused'; readonly reason: string }
  | ({ readonly kind: 'needs' } & Needs);

const NOTHING: NeedsAnswer = { kind: 'nothing' };

export function needsOf(pod: Pod, { claims: tracker, classOfResource }: Pick<NeedsDeps, 'claims' | 'classOfResource'>): NeedsAnswer {
  const resources = resourcesOfDevices(pod, classOfResource);
  if (resources.length === 0 && (pod.spec.resourceClaims ?? []).length === 0) return NOTHING;
  const claims = podClaims(pod, (namespace, name) => tracker.claim(namespace, name));
  if ('refusal' in claims) return { kind: 'refused', reason: claims.refusal };
  if (claims.length === 0 && resources.length === 0) return NOTHING;
  const open = claims.filter(({ status }) => status?.allocation === undefined);
  return { kind: 'needs', claims, open, resources, stale: resources.length === 0 ? undefined : tracker.extendedClaim(pod) };
}

/** Why no node will do at present. */
export function whyNowhere({ claims }: Needs, pod: Pod, { claims: tracker, deviceClass }: NeedsDeps): string | undefined {
  for (const claim of claims) {
    const { namespace, name, uid } = claim.metadata;
    // Its allocation may change once it is written.
    if (tracker.isPending(uid)) return `resource claim ${namespace}/${name} is in the process of being allocated`;
    if (claim.status?.allocation !== undefined) {
      if (!canBeReserved(claim) && !isReservedFor(claim, pod)) return 'resourceclaim in use';
      continue;
    }
    const requests = requestsOf(claim, deviceClass);
    if ('refusal' in requests) return requests.refusal;
  }
  return undefined;
}
