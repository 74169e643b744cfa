// pure
// Which volumes a pod would use on a node: those its claims are bound to, free ones that fit, or new ones. Source:
// plugins/volumebinding FindPodVolumes, component-helpers/storage/volume FindMatchingVolume.
import { ownValue } from '#api/json-object.ts';
import { type LabelSelector, selectorFromObject } from '#apimachinery/labels.ts';
import { parseQuantity, quantityValue } from '#apimachinery/quantity.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '#api/types.ts';
import { bySize, className, hasAccessOf, hasAttributesOf, hasModeOf, isLargeEnough, isReservedFor, NO_PROVISIONER } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { PodClaims } from './claims.ts';
import { FreeVolumes } from './free-volumes.ts';
import { isReachable } from './reach.ts';
import type { Storage } from './storage.ts';
import { largestVolume } from './storage-events.ts';

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

/** What holds on every node is worked out once, so one is made for a pod and asked about each node. */
export type VolumeFinder = (node: Node) => FoundVolumes;

export function volumeFinder({ bound, delayed }: Extract<PodClaims, { kind: 'claims' }>, storage: Storage): VolumeFinder {
  const reachable = boundReach(bound, storage);
  const selected = delayed.filter((claim) => selectedNode(claim) !== undefined);
  const match = volumeMatcher(
    delayed.filter((claim) => selectedNode(claim) === undefined),
    storage,
  );
  const provisioners = new Map(delayed.map((claim) => [claim, provisioner(claim, storage)]));
  return (node) => {
    const conflict = reachable(node);
    const reasons = conflict === undefined ? [] : [conflict];
    if (selected.some((claim) => selectedNode(claim) !== node.metadata.name))
      return { kind: 'conflict', reasons: [...reasons, NONE_TO_BIND] };
    const { bindings, left } = match(node);
    const provisions = [...selected, ...left];
    for (const claim of provisions) {
      const fault = provisioners.get(claim)?.(node);
      if (fault?.kind === 'error') return fault;
      if (fault !== undefined) return { kind: 'conflict', reasons: [...reasons, ...fault.reasons] };
    }
    return reasons.length > 0 ? { kind: 'conflict', reasons } : { kind: 'plan', plan: { bindings, provisions } };
  };
}

const selectedNode = ({ metadata }: PersistentVolumeClaim): string | undefined => metadata.annotations?.[ANNOTATION.selectedNode];

/** Why volumes that claims are bound to cannot be used on a node. Source: checkBoundClaims. */
export function boundReach(claims: readonly PersistentVolumeClaim[], storage: Storage): (node: Node) => string | undefined {
  const volumes = claims.map(({ spec }) => storage.volume(spec.volumeName ?? ''));
  const restricted = volumes.filter((volume) => volume === undefined || volume.spec.nodeAffinity?.required !== undefined);
  return (node) => {
    for (const volume of restricted) {
      if (volume === undefined) return NO_VOLUME;
      if (!isReachable(volume, node)) return WRONG_NODE;
    }
    return undefined;
  };
}

const requested = ({ spec }: PersistentVolumeClaim): string => spec.resources?.requests?.['storage'] ?? '0';

interface Matched {
  readonly bindings: VolumePlan['bindings'];
  readonly left: readonly PersistentVolumeClaim[];
}

/** Small claims first; each takes the smallest volume that will do. Source: findMatchingVolumes. */
function volumeMatcher(claims: readonly PersistentVolumeClaim[], storage: Storage): (node: Node) => Matched {
  const sorted = claims.toSorted((a, b) => parseQuantity(requested(a)).cmp(parseQuantity(requested(b))));
  const volumes = sorted.length === 0 ? [] : [...storage.volumes()];
  const candidates = sorted.map((claim) => ({ claim, ...candidatesFor(claim, volumes) }));
  return (node) => {
    const bindings: { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[] = [];
    const left: PersistentVolumeClaim[] = [];
    const isTaken = (volume: PersistentVolume): boolean => bindings.some((binding) => binding.volume === volume);
    for (const { claim, reserved, free } of candidates) {
      const own = reserved.find((volume) => !isTaken(volume));
      const found = own ?? free.first(node, isTaken);
      if (found === undefined || !isReachable(found, node)) left.push(claim);
      else bindings.push({ claim, volume: found });
    }
    return { bindings, left };
  };
}

interface Candidates {
  /** Of these the claim takes the first and no other. */
  readonly reserved: readonly PersistentVolume[];
  /** The smallest first. */
  readonly free: FreeVolumes;
}

function candidatesFor(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[]): Candidates {
  const suitable = volumes.filter((volume) => isSuitable(volume, claim));
  return {
    reserved: suitable.filter((volume) => isReservedFor(volume, claim)),
    free: new FreeVolumes(suitable.filter((volume) => isFreeFor(volume, claim)).toSorted(bySize)),
  };
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

type ProvisionFault = Exclude<FoundVolumes, { kind: 'plan' }>;

/** Why a volume for the claim cannot be made on a node. Source: checkVolumeProvisions. */
function provisioner(claim: PersistentVolumeClaim, storage: Storage): (node: Node) => ProvisionFault | undefined {
  const { namespace, name } = claim.metadata;
  const wanted = className(claim);
  const always = (fault: ProvisionFault) => () => fault;
  if (wanted === '') return always({ kind: 'error', message: `no class for claim "${namespace}/${name}"` });
  const storageClass = storage.storageClass(wanted);
  if (storageClass === undefined) return always({ kind: 'error', message: `failed to find storage class "${wanted}"` });
  if (storageClass.provisioner === '' || storageClass.provisioner === NO_PROVISIONER) return always(NOWHERE);
  const hasCapacity = capacityFor(claim, storageClass, storage);
  return (node) => (isAllowed(storageClass, node) ? (hasCapacity(node) ? undefined : FULL) : NOWHERE);
}

const NOWHERE: ProvisionFault = { kind: 'conflict', reasons: [NONE_TO_BIND] };
const FULL: ProvisionFault = { kind: 'conflict', reasons: [NO_SPACE] };

/** Source: MatchTopologySelectorTerms. */
function isAllowed({ allowedTopologies = [] }: StorageClass, { metadata }: Node): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => {
      const value = ownValue(metadata.labels, key);
      return value !== undefined && values?.includes(value) === true;
    }),
  );
}

/** Only drivers that tell their capacity are asked. Source: hasEnoughCapacity. */
function capacityFor(claim: PersistentVolumeClaim, storageClass: StorageClass, storage: Storage): (node: Node) => boolean {
  const size = claim.spec.resources?.requests?.['storage'];
  if (size === undefined || storage.driver(storageClass.provisioner)?.spec.storageCapacity !== true) return () => true;
  const places: LabelSelector[] = [];
  for (const told of storage.capacities()) {
    const { storageClassName, nodeTopology } = told;
    const limit = largestVolume(told);
    if (storageClassName !== storageClass.metadata.name || limit === undefined || quantityValue(limit) < quantityValue(size)) continue;
    if (nodeTopology !== undefined) places.push(selectorFromObject(nodeTopology));
  }
  return ({ metadata }) => places.some((place) => place.matches(metadata.labels));
}
