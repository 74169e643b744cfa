// pure
// Which volumes a pod would use on a node: those its claims are bound to, free ones that fit, or new ones. Source:
// plugins/volumebinding FindPodVolumes, component-helpers/storage/volume FindMatchingVolume.
import { selectorFromObject } from '#apimachinery/labels.ts';
import { parseQuantity, quantityValue } from '#apimachinery/quantity.ts';
import { matchesNodeSelector } from '#api/node-selectors.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '#api/types.ts';
import { bySize, className, hasAccessOf, hasAttributesOf, hasModeOf, isLargeEnough, isReservedFor, NO_PROVISIONER } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { PodClaims } from './claims.ts';
import type { Storage } from './storage.ts';

export interface VolumePlan {
  /** A free volume for a claim. */
  readonly bindings: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[];
  /** Claims a volume is made for. */
  readonly provisions: readonly PersistentVolumeClaim[];
}

export type FoundVolumes =
  | { readonly kind: 'plan'; readonly plan: VolumePlan }
  | { readonly kind: 'conflict'; readonly reasons: readonly string[] }
  | { readonly kind: 'error'; readonly message: string };

/** Source: ErrReasonBindConflict, ErrReasonNodeConflict, ErrReasonNotEnoughSpace, ErrReasonPVNotExist. */
const NONE_TO_BIND = "node(s) didn't find available persistent volumes to bind";
const WRONG_NODE = "node(s) didn't match PersistentVolume's node affinity";
const NO_SPACE = 'node(s) did not have enough free storage';
const NO_VOLUME = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';

export function findVolumes({ bound, delayed }: Extract<PodClaims, { kind: 'claims' }>, node: Node, storage: Storage): FoundVolumes {
  const conflict = boundConflict(bound, node, storage);
  const reasons = conflict === undefined ? [] : [conflict];
  const selected = (claim: PersistentVolumeClaim): string | undefined => claim.metadata.annotations?.[ANNOTATION.selectedNode];
  if (delayed.some((claim) => (selected(claim) ?? node.metadata.name) !== node.metadata.name)) {
    return { kind: 'conflict', reasons: [...reasons, NONE_TO_BIND] };
  }
  const { bindings, left } = matchVolumes(
    delayed.filter((claim) => selected(claim) === undefined),
    node,
    storage,
  );
  const provisions = [...delayed.filter((claim) => selected(claim) !== undefined), ...left];
  for (const claim of provisions) {
    const fault = provisionFault(claim, node, storage);
    if (fault?.kind === 'error') return fault;
    if (fault !== undefined) return { kind: 'conflict', reasons: [...reasons, ...fault.reasons] };
  }
  return reasons.length > 0 ? { kind: 'conflict', reasons } : { kind: 'plan', plan: { bindings, provisions } };
}

/** Source: checkBoundClaims. */
function boundConflict(claims: readonly PersistentVolumeClaim[], node: Node, storage: Storage): string | undefined {
  for (const { spec } of claims) {
    const volume = storage.volume(spec.volumeName ?? '');
    if (volume === undefined) return NO_VOLUME;
    if (!isReachable(volume, node)) return WRONG_NODE;
  }
  return undefined;
}

/** Source: volume.CheckNodeAffinity. */
export function isReachable({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(node, required);
}

const requested = ({ spec }: PersistentVolumeClaim): string => spec.resources?.requests?.['storage'] ?? '0';

/** Small claims first; each takes the smallest volume that will do. Source: findMatchingVolumes. */
function matchVolumes(
  claims: readonly PersistentVolumeClaim[],
  node: Node,
  storage: Storage,
): { readonly bindings: VolumePlan['bindings']; readonly left: readonly PersistentVolumeClaim[] } {
  const bindings: { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[] = [];
  const left: PersistentVolumeClaim[] = [];
  for (const claim of claims.toSorted((a, b) => parseQuantity(requested(a)).cmp(parseQuantity(requested(b))))) {
    const taken = new Set(bindings.map(({ volume }) => volume.metadata.name));
    const volume = matchingVolume(
      claim,
      node,
      [...storage.volumes()].filter(({ metadata }) => !taken.has(metadata.name)),
    );
    if (volume === undefined) left.push(claim);
    else bindings.push({ claim, volume });
  }
  return { bindings, left };
}

function matchingVolume(claim: PersistentVolumeClaim, node: Node, volumes: readonly PersistentVolume[]): PersistentVolume | undefined {
  const candidates = volumes.filter((volume) => isSuitable(volume, claim));
  const reserved = candidates.find((volume) => isReservedFor(volume, claim));
  if (reserved !== undefined) return isReachable(reserved, node) ? reserved : undefined;
  const free = candidates.filter((volume) => isFreeFor(volume, claim) && isReachable(volume, node));
  return free.toSorted(bySize)[0];
}

function isSuitable(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  if (volume.spec.claimRef !== undefined && !isReservedFor(volume, claim)) return false;
  return (
    isLargeEnough(volume, claim) &&
    hasModeOf(volume, claim) &&
    hasAttributesOf(volume, claim) &&
    volume.metadata.deletionTimestamp === undefined
  );
}

function isFreeFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { selector } = claim.spec;
  return (
    volume.status?.phase === 'Available' &&
    (selector === undefined || selectorFromObject(selector).matches(volume.metadata.labels)) &&
    className(volume) === className(claim) &&
    hasAccessOf(volume, claim)
  );
}

/** Source: checkVolumeProvisions. */
function provisionFault(claim: PersistentVolumeClaim, node: Node, storage: Storage): Exclude<FoundVolumes, { kind: 'plan' }> | undefined {
  const { namespace, name } = claim.metadata;
  const wanted = className(claim);
  if (wanted === '') return { kind: 'error', message: `no class for claim "${namespace}/${name}"` };
  const storageClass = storage.storageClass(wanted);
  if (storageClass === undefined) return { kind: 'error', message: `failed to find storage class "${wanted}"` };
  const { provisioner } = storageClass;
  if (provisioner === '' || provisioner === NO_PROVISIONER || !isAllowed(storageClass, node))
    return { kind: 'conflict', reasons: [NONE_TO_BIND] };
  return hasCapacity(claim, storageClass, node, storage) ? undefined : { kind: 'conflict', reasons: [NO_SPACE] };
}

/** Source: MatchTopologySelectorTerms. */
function isAllowed({ allowedTopologies = [] }: StorageClass, { metadata }: Node): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => {
      const value = metadata.labels?.[key];
      return value !== undefined && values?.includes(value) === true;
    }),
  );
}

/** Only drivers that tell their capacity are asked. Source: hasEnoughCapacity. */
function hasCapacity(claim: PersistentVolumeClaim, storageClass: StorageClass, node: Node, storage: Storage): boolean {
  const size = claim.spec.resources?.requests?.['storage'];
  if (size === undefined || storage.driver(storageClass.provisioner)?.spec.storageCapacity !== true) return true;
  for (const { storageClassName, capacity, maximumVolumeSize, nodeTopology } of storage.capacities()) {
    const limit = maximumVolumeSize ?? capacity;
    if (storageClassName !== storageClass.metadata.name || limit === undefined || quantityValue(limit) < quantityValue(size)) continue;
    if (nodeTopology !== undefined && selectorFromObject(nodeTopology).matches(node.metadata.labels)) return true;
  }
  return false;
}
