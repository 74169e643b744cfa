// pure
// Which claims get a folder of this node, and what volume it is. Source: sig-storage-lib-external-provisioner controller.go.
import type { New, PersistentVolume, PersistentVolumeClaim, StorageClass } from '#api/types.ts';
import { ANNOTATION, FINALIZER, LABEL } from '#api/well-known.ts';
import { join, sep } from 'node:path';

const LOCAL_PATH = 'proa.dev/local-path';

/** Where this provisioner runs. */
export interface Place {
  readonly nodeName: string;
  /** Folder that has all volumes of the node. */
  readonly root: string;
}

export function isOurs({ metadata, spec }: PersistentVolumeClaim, { nodeName }: Place): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    (spec.volumeName ?? '') === '' &&
    metadata.annotations?.[ANNOTATION.storageProvisioner] === LOCAL_PATH &&
    metadata.annotations[ANNOTATION.selectedNode] === nodeName
  );
}

/** Why a claim cannot have a folder; undefined when it can. */
export function refusal({ spec }: PersistentVolumeClaim): string | undefined {
  if (spec.volumeMode === 'Block') return 'a folder is no block device';
  if (spec.selector !== undefined) return 'claim Selector is not supported';
  const shared = spec.accessModes?.find((mode) => mode !== 'ReadWriteOnce' && mode !== 'ReadWriteOncePod');
  return shared === undefined ? undefined : `only ReadWriteOnce and ReadWriteOncePod are possible, not ${shared}`;
}

export const volumeName = ({ metadata }: PersistentVolumeClaim): string => `pvc-${metadata.uid}`;

export const folderOf = (claim: PersistentVolumeClaim, { root }: Place): string =>
  join(root, `${volumeName(claim)}_${claim.metadata.namespace}_${claim.metadata.name}`);

/** `hostname` is the node's label: volumes are tied to it. */
export function volumeFor(claim: PersistentVolumeClaim, storageClass: StorageClass, place: Place, hostname: string): New<PersistentVolume> {
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  const { accessModes, resources } = claim.spec;
  const requirement = { key: LABEL.hostname, operator: 'In', values: [hostname] } as const;
  return {
    metadata: {
      name: volumeName(claim),
      annotations: { [ANNOTATION.provisionedBy]: LOCAL_PATH },
      finalizers: [FINALIZER.externalProvisioner],
    },
    spec: {
      capacity: { storage: resources.requests?.['storage'] },
      accessModes,
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy,
      storageClassName: storageClass.metadata.name,
      ...(storageClass.mountOptions === undefined ? {} : { mountOptions: storageClass.mountOptions }),
      volumeMode: 'Filesystem',
      local: { path: folderOf(claim, place) },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion },
    },
  };
}

/** The folder of a volume that this node made: right below its root, and named for the volume. */
export function ownFolder({ metadata, spec }: PersistentVolume, { root }: Place): string | undefined {
  const path = spec.local?.path ?? '';
  const made = metadata.annotations?.[ANNOTATION.provisionedBy] === LOCAL_PATH;
  const name = path.startsWith(`${root}${sep}`) ? path.slice(root.length + 1) : '';
  return made && !name.includes(sep) && name.startsWith(`${metadata.name}_`) ? path : undefined;
}

export type Fate =
  | 'keep'
  /** Nobody wants the data. */
  | 'delete'
  /** The volume is going and its data stays. */
  | 'let-go';

export function fateOf({ metadata, spec, status }: PersistentVolume): Fate {
  const released = status.phase === 'Released' || status.phase === 'Failed';
  if (released && spec.persistentVolumeReclaimPolicy === 'Delete') return 'delete';
  const free = status.phase !== 'Bound';
  return metadata.deletionTimestamp !== undefined && free ? 'let-go' : 'keep';
}

/** For a cluster's first start: the class that claims get by themselves. */
export function defaultClass(name: string): New<StorageClass> {
  return {
    metadata: { name, annotations: { [ANNOTATION.defaultStorageClass]: 'true' } },
    provisioner: LOCAL_PATH,
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
  };
}
