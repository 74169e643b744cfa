// Volumes, claims and attribute classes in use are not deleted: controllers take the finalizer off when nobody needs them.
// Source: plugin/pkg/admission/storage/storageobjectinuseprotection admission.go.
import type { KubeObject } from '#api/types.ts';
import { FINALIZER } from '#api/well-known.ts';
import type { MutatingPlugin } from './contract.ts';

const FINALIZERS: Readonly<Record<string, string>> = {
  'persistentvolumes.': FINALIZER.persistentVolume,
  'persistentvolumeclaims.': FINALIZER.persistentVolumeClaim,
  'volumeattributesclasses.storage.k8s.io': FINALIZER.volumeAttributesClass,
};

export const storageObjectInUseProtection: MutatingPlugin = {
  name: 'StorageObjectInUseProtection',
  operations: ['CREATE'],
  admit({ resource, subresource, object }) {
    const finalizer = FINALIZERS[`${resource.resource}.${resource.group}`];
    if (finalizer === undefined || subresource !== '' || object === undefined) return undefined;
    const finalizers: readonly string[] = object.metadata.finalizers ?? [];
    if (finalizers.includes(finalizer)) return undefined;
    return { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } } satisfies KubeObject;
  },
};
