// pure
// What could be changed of volumes and claims, and of pods that use them, for a pod that has none where it should go.
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { quantityValue } from '#apimachinery/quantity.ts';
import { selectorFromObject } from '#apimachinery/labels.ts';
import { claimName, className, isClaimBound, usesClaims } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { disksConflict } from '../plugins/disk-conflicts.ts';
import { PLUGIN } from '../plugins/names.ts';
import { isReachable } from '../plugins/volume-binding/reach.ts';
import { largestVolume } from '../plugins/volume-binding/storage-events.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { Change, Obstacle } from './changes.ts';
import { eviction } from './eviction.ts';
import { labelled } from './node-labels.ts';
import { nearestName } from './similar.ts';
import type { TrialStorage } from './trial-storage.ts';

/** Claims of a pod that there are, and names of those that there are not. */
interface PodVolumes {
  readonly claims: readonly PersistentVolumeClaim[];
  readonly missing: readonly string[];
}

export function volumeChanges({ pod: { pod }, slot, cluster, storage }: Obstacle): readonly Change[] {
  if (storage === undefined) return otherPods(pod, slot, cluster);
  const node = cluster.nodes[slot] as Node;
  const { claims, missing } = volumesOf(pod, storage);
  if (missing.length > 0) return missing.flatMap((name) => claimInstead(pod, name, storage));
  return [
    ...otherPods(pod, slot, cluster),
    ...claims.flatMap((claim) => [...fittingClaim(claim, node, storage), ...reachableVolume(claim, node, storage)]),
    ...claims.flatMap((claim) => madeVolume(claim, storage)),
  ];
}

function volumesOf(pod: Pod, storage: TrialStorage): PodVolumes {
  const names = (pod.spec.volumes ?? []).flatMap((volume) => claimName(pod, volume) ?? []);
  const found = names.map((name) => storage.claim(pod.metadata.namespace, name));
  return { claims: found.filter((claim) => claim !== undefined), missing: names.filter((_, i) => found[i] === undefined) };
}

/** Another claim of nearly that name, or one of that name. */
function claimInstead(pod: Pod, name: string, storage: TrialStorage): readonly Change[] {
  const { namespace } = pod.metadata;
  const names = [...storage.claimsOf(namespace)].map(({ metadata }) => metadata.name);
  const meant = nearestName(name, names);
  const volumes = pod.spec.volumes?.map((volume) =>
    volume.persistentVolumeClaim?.claimName === name
      ? { ...volume, persistentVolumeClaim: { ...volume.persistentVolumeClaim, claimName: meant as string } }
      : volume,
  );
  const respelled: Change = {
    kind: 'volume',
    text: `name claim ${meant} instead of ${name}`,
    pod: { ...pod, spec: { ...pod.spec, ...(volumes === undefined ? {} : { volumes }) } },
  };
  const made = { metadata: { name, namespace, uid: name }, spec: {}, status: { phase: 'Pending' } } as unknown as PersistentVolumeClaim;
  return [
    ...(meant === undefined ? [] : [respelled]),
    { kind: 'volume', text: `make PersistentVolumeClaim ${name}, and a volume for it`, storage: bound(made, `volume-of-${name}`) },
  ];
}

/** A claim that has a volume which every node reaches. */
function bound(claim: PersistentVolumeClaim, name: string): NonNullable<Change['storage']> {
  const { metadata, spec } = claim;
  const volume = {
    metadata: { name, uid: name },
    spec: { accessModes: spec.accessModes, capacity: spec.resources?.requests, claimRef: { ...metadata, kind: 'PersistentVolumeClaim' } },
    status: { phase: 'Bound' },
  } as unknown as PersistentVolume;
  const annotations = { ...metadata.annotations, [ANNOTATION.bindCompleted]: 'yes' };
  const status = { ...claim.status, phase: 'Bound' as const };
  return { claims: [{ ...claim, metadata: { ...metadata, annotations }, spec: { ...spec, volumeName: name }, status }], volumes: [volume] };
}

const sizeOf = ({ spec }: PersistentVolumeClaim): string => spec.resources?.requests?.['storage'] ?? '0';

/** For a claim that has no volume, or has lost the one it had. */
function madeVolume(claim: PersistentVolumeClaim, storage: TrialStorage): readonly Change[] {
  const { name } = claim.metadata;
  const { volumeName = '', accessModes = [] } = claim.spec;
  if (volumeName !== '' && storage.volume(volumeName) !== undefined && isClaimBound(claim)) return [];
  const wanted = className(claim);
  const isUnknown = wanted !== '' && storage.storageClass(wanted) === undefined;
  const known = isUnknown
    ? nearestName(
        wanted,
        [...storage.storageClasses()].map(({ metadata }) => metadata.name),
      )
    : undefined;
  const which = `of ${sizeOf(claim)}, ${accessModes.join(', ')}${wanted === '' ? ', without a class' : `, class ${wanted}`}`;
  const hint = known === undefined ? '' : ` (there is no class ${wanted}, but ${known})`;
  const lost = volumeName === '' ? '' : `${volumeName} `;
  return [
    {
      kind: 'volume',
      text: `make a PersistentVolume ${lost}${which} for claim ${name}${hint}`,
      storage: bound(claim, volumeName || `volume-of-${name}`),
    },
  ];
}

/** Labels with which the node reaches the volume of a claim. */
function reachableVolume({ spec }: PersistentVolumeClaim, node: Node, storage: TrialStorage): readonly Change[] {
  const volume = storage.volume(spec.volumeName ?? '');
  if (volume === undefined || isReachable(volume, node)) return [];
  return labelled(node, volume.spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).map((change) => ({
    ...change,
    text: `${change.text}, as volume ${volume.metadata.name} asks for`,
  }));
}

/** A claim of no more than there is room for on the node. */
function fittingClaim(claim: PersistentVolumeClaim, node: Node, storage: TrialStorage): readonly Change[] {
  if (isClaimBound(claim)) return [];
  const limits = [...storage.capacities()].flatMap((told) => {
    const isHere = told.storageClassName === className(claim) && told.nodeTopology !== undefined;
    const limit = largestVolume(told);
    return isHere && limit !== undefined && selectorFromObject(told.nodeTopology).matches(node.metadata.labels) ? [limit] : [];
  });
  const [most] = limits.toSorted((a, b) => quantityValue(b) - quantityValue(a));
  if (most === undefined || quantityValue(most) >= quantityValue(sizeOf(claim)) || quantityValue(most) === 0) return [];
  const resources = { ...claim.spec.resources, requests: { ...claim.spec.resources?.requests, storage: most } };
  return [
    {
      kind: 'volume',
      text: `ask for ${most} instead of ${sizeOf(claim)} in claim ${claim.metadata.name}`,
      storage: { claims: [{ ...claim, spec: { ...claim.spec, resources } }] },
    },
  ];
}

/** Most pods that are tried one by one. */
const MOST_PODS = 64;

/** Without one that uses the same claim, wherever it is; that has the same disk; that takes up the place of a volume. */
function otherPods(pod: Pod, slot: number, cluster: ClusterState): readonly Change[] {
  const { namespace } = pod.metadata;
  const names = new Set((pod.spec.volumes ?? []).flatMap((volume) => claimName(pod, volume) ?? []));
  const shares = (other: Pod): boolean =>
    other.metadata.namespace === namespace && other.spec.volumes?.some((volume) => names.has(claimName(other, volume) ?? '')) === true;
  const sharing = [...cluster.pods.values()].map(({ info }) => info.pod).filter(shares);
  const here = [...cluster.podsIn(slot)].toSorted((a, b) => a.priority - b.priority).map((info) => info.pod);
  const inTheWay = here.filter((other) => !sharing.includes(other) && (disksConflict(pod, other) || usesClaims(other)));
  return [...sharing, ...inTheWay].slice(0, MOST_PODS).map((other) => eviction([other]));
}

/** Plugins that these are changes for. */
export const VOLUME_PLUGINS: ReadonlySet<string> = new Set([
  PLUGIN.volumeBinding,
  PLUGIN.volumeRestrictions,
  PLUGIN.nodeVolumeLimits,
  PLUGIN.volumeZone,
]);
