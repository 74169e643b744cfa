// How the controllers of this folder find volumes and claims of each other.
import { persistentvolumeclaims, persistentvolumes, pods } from '#api/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { claimName, className } from '#api/volumes.ts';
import type { Informer, InformerFactory } from '#client/informer-contract.ts';

const CLASS = 'storage-class';
const CLAIM = 'claim';

const claimOfVolume = ({ spec: { claimRef } }: PersistentVolume): readonly string[] =>
  claimRef === undefined ? [] : [`${claimRef.namespace ?? ''}/${claimRef.name ?? ''}`];

/** Claims are filed while they wait for a volume. */
const classOfPending = (claim: PersistentVolumeClaim): readonly string[] =>
  claim.status?.phase === 'Bound' || claim.status?.phase === 'Lost' ? [] : [className(claim)];

const claimsOfPod = (pod: Pod): readonly string[] =>
  (pod.spec.volumes ?? []).flatMap((volume) => {
    const name = claimName(pod, volume);
    return name === undefined ? [] : [`${pod.metadata.namespace}/${name}`];
  });

export interface VolumeIndexes {
  readonly volumes: Informer<PersistentVolume>;
  readonly claims: Informer<PersistentVolumeClaim>;
  volumesOfClass(name: string): readonly PersistentVolume[];
  /** Those whose claimRef names the claim `namespace/name`. */
  volumesOfClaim(key: string): readonly PersistentVolume[];
  pendingOfClass(name: string): readonly PersistentVolumeClaim[];
}

export function indexVolumes(informers: InformerFactory): VolumeIndexes {
  const volumes = informers.informer(persistentvolumes);
  const claims = informers.informer(persistentvolumeclaims);
  volumes.addIndex(CLASS, classesOfVolume);
  volumes.addIndex(CLAIM, claimOfVolume);
  claims.addIndex(CLASS, classOfPending);
  return {
    volumes,
    claims,
    volumesOfClass: (name) => volumes.byIndex(CLASS, name),
    volumesOfClaim: (key) => volumes.byIndex(CLAIM, key),
    pendingOfClass: (name) => claims.byIndex(CLASS, name),
  };
}

const classesOfVolume = (volume: PersistentVolume): readonly string[] => [className(volume)];

/** Pods by the claims they use: `namespace/name`. */
export function indexPodsByClaim(informers: InformerFactory): (key: string) => readonly Pod[] {
  const informer = informers.informer(pods);
  informer.addIndex(CLAIM, claimsOfPod);
  return (key) => informer.byIndex(CLAIM, key);
}
