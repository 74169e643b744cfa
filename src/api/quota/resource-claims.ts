// What device claims take of a quota: themselves and devices by class, at worst; those made for a pod's extended
// resources only what the pod is not charged for. Source: pkg/quota/v1/evaluator/core resource_claims.go.
import type { Int64 } from '../gen/scalars.ts';
import { deviceclasses, pods, resourceclaims } from '../resources.ts';
import { controllerOf } from '../owner-references.ts';
import type { ResourceList } from '../resource-lists.ts';
import type { DeviceClass, ResourceClaim } from '../gen/resource-v1.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';
import { countName, type Evaluator, type QuotaReader } from './evaluator.ts';
import { isExtendedQuota, podEvaluator } from './pods.ts';

const COUNT = countName('resource.k8s.io', 'resourceclaims');
const PER_CLASS = '.deviceclass.resource.k8s.io/devices';
const IMPLICIT = 'requests.deviceclass.resource.kubernetes.io/';
const EXTENDED_CLAIM = 'resource.kubernetes.io/extended-resource-claim';
/** Most devices one claim gets. Source: resource API AllocationResultsMaxSize. */
const MAX_DEVICES = 32;

export function resourceClaimEvaluator(reader: QuotaReader): Evaluator {
  const classOf = (name: string): DeviceClass | undefined => reader.get(deviceclasses, name);
  const extendedNames = (): ReadonlySet<string> =>
    new Set([...reader.list(deviceclasses)].flatMap(({ spec }) => spec.extendedResourceName ?? []));
  return {
    handles: ({ operation, subresource }) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
    matching: (names) => {
      const extended = names.some(isExtendedQuota) ? extendedNames() : new Set<string>();
      return names.filter(
        (name) =>
          name === COUNT ||
          name.endsWith(PER_CLASS) ||
          (name.startsWith(IMPLICIT) && classOf(name.slice(IMPLICIT.length))?.spec.extendedResourceName !== undefined) ||
          (isExtendedQuota(name) && extended.has(name.slice('requests.'.length))),
      );
    },
    matchesScope: () => false,
    usage: (object, now) => {
      const claim = object as ResourceClaim;
      const devices = devicesByClass(claim);
      const usage: Record<string, string> = { [COUNT]: '1' };
      for (const [className, count] of devices) usage[`${className}${PER_CLASS}`] = String(count);
      for (const [name, count] of extendedUsage(devices, classOf)) {
        const rest = parseQuantity(String(count)).sub(parseQuantity(podUsage(claim, reader, now)[name] ?? '0'));
        if (rest.sign() > 0) usage[name] = rest.toString();
      }
      return usage;
    },
  };
}

interface Wish {
  readonly deviceClassName: string;
  readonly allocationMode?: string;
  readonly count?: Int64;
}

const devicesOf = ({ allocationMode, count = 0 }: Wish): number =>
  allocationMode === 'All' ? MAX_DEVICES : allocationMode === 'ExactCount' ? Number(count) : 0;

function devicesByClass({ spec }: ResourceClaim): ReadonlyMap<string, number> {
  const total = new Map<string, number>();
  for (const { exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
    const worst = new Map<string, number>();
    for (const wish of firstAvailable.length > 0 ? firstAvailable : exactly === undefined ? [] : [exactly]) {
      worst.set(wish.deviceClassName, Math.max(worst.get(wish.deviceClassName) ?? 0, devicesOf(wish)));
    }
    for (const [className, count] of worst) total.set(className, (total.get(className) ?? 0) + count);
  }
  return total;
}

function* extendedUsage(
  devices: ReadonlyMap<string, number>,
  classOf: (name: string) => DeviceClass | undefined,
): Iterable<readonly [string, number]> {
  for (const [className, count] of devices) {
    yield [`${IMPLICIT}${className}`, count];
    const extended = classOf(className)?.spec.extendedResourceName;
    if (extended !== undefined && extended !== '') yield [`requests.${extended}`, count];
  }
}

/** What the pod that a claim was made for is charged already. Source: getVerifiedPodUsage. */
function podUsage(claim: ResourceClaim, reader: QuotaReader, now: number): ResourceList {
  const owner = controllerOf(claim);
  if (claim.metadata.annotations?.[EXTENDED_CLAIM] !== 'true' || owner?.kind !== 'Pod' || owner.apiVersion !== 'v1') return {};
  const pod = reader.get(pods, owner.name, claim.metadata.namespace);
  if (pod === undefined || pod.metadata.uid !== owner.uid) return {};
  const named = pod.status.extendedResourceClaimStatus?.resourceClaimName;
  if (named !== undefined && named !== claim.metadata.name) return {};
  if (named === undefined && !isFirst(claim, owner.uid, reader)) return {};
  return podEvaluator.usage(pod, now);
}

function isFirst(claim: ResourceClaim, podUid: string, reader: QuotaReader): boolean {
  const born = ({ metadata }: ResourceClaim): string => `${metadata.creationTimestamp} ${metadata.name}`;
  for (const other of reader.list(resourceclaims, claim.metadata.namespace)) {
    if (controllerOf(other)?.uid === podUid && born(other) < born(claim)) return false;
  }
  return true;
}
