// Secrets a kubelet needs to mount a persistent volume. Pure.
// Source: pkg/api/v1/persistentvolume util.go VisitPVSecretNames.
import type { PersistentVolume } from '#api/types.ts';

export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/** None for a volume without a claim: nobody mounts it. */
export function volumeSecrets({ spec }: PersistentVolume): readonly SecretName[] {
  if (spec.claimRef === undefined) return [];
  const own = spec.claimRef.namespace ?? '';
  const { azureFile, cephfs, cinder, flexVolume, rbd, scaleIO, iscsi, storageos, csi } = spec;
  const found = [
    azureFile === undefined ? undefined : { namespace: azureFile.secretNamespace || own, name: azureFile.secretName },
    ...[cephfs, flexVolume, rbd, scaleIO, iscsi].map((source) => within(source?.secretRef, own)),
    ...[cinder?.secretRef, storageos?.secretRef, csi?.nodePublishSecretRef, csi?.nodeStageSecretRef, csi?.nodeExpandSecretRef].map(
      (reference) => within(reference, ''),
    ),
  ];
  return found.filter((secret) => secret !== undefined && secret.name !== '') as readonly SecretName[];
}

function within(reference: { readonly name?: string; readonly namespace?: string } | undefined, fallback: string): SecretName | undefined {
  return reference === undefined ? undefined : { namespace: reference.namespace || fallback, name: reference.name ?? '' };
}
