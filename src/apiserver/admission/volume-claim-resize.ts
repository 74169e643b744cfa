// Claims grow only where their storage class says that volumes can.
// Source: plugin/pkg/admission/storage/persistentvolume/resize admission.go.
import { storageclasses } from '#api/resources.ts';
import type { PersistentVolumeClaim } from '#api/types.ts';
import { RESOURCE } from '#api/well-known.ts';
import { parseQuantity, type Quantity } from '#apimachinery/quantity.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { ValidatingPlugin } from './contract.ts';
import { concerns, refusal } from './refusal.ts';

export function persistentVolumeClaimResize({ reader }: { readonly reader: CacheReader }): ValidatingPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    operations: ['UPDATE'],
    validate(attributes) {
      const { object, oldObject } = attributes;
      if (!concerns(attributes, '', 'persistentvolumeclaims') || object === undefined || oldObject === undefined) return;
      const [claim, old] = [object as PersistentVolumeClaim, oldObject as PersistentVolumeClaim];
      if (size(claim).cmp(size(old)) <= 0) return;
      if (old.status.phase !== 'Bound') throw refusal(attributes, 'Only bound persistent volume claims can be expanded');
      const name = className(claim);
      if (name !== '' && name === className(old) && reader.get(storageclasses, name)?.allowVolumeExpansion === true) return;
      throw refusal(
        attributes,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
    },
  };
}

const size = ({ spec }: PersistentVolumeClaim): Quantity => parseQuantity(spec.resources?.requests?.[RESOURCE.storage] ?? '0');

/** Source: helper.GetPersistentVolumeClaimClass. */
const className = ({ metadata, spec }: PersistentVolumeClaim): string =>
  metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec.storageClassName ?? '';
