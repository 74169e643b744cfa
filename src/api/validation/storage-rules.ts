// The table's rows for storage and for limits of namespaces.
import {
  validateClaim,
  validateClaimStatusUpdate,
  validateClaimUpdate,
  validatePersistentVolume,
  validatePersistentVolumeStatusUpdate,
  validatePersistentVolumeUpdate,
} from './core/persistent-volumes.ts';
import {
  validateLimitRange,
  validateResourceQuota,
  validateResourceQuotaStatusUpdate,
  validateResourceQuotaUpdate,
} from './core/quotas.ts';
import { rules, type KindRules } from './rules.ts';
import {
  validateAttributesClass,
  validateAttributesClassUpdate,
  validateStorageCapacity,
  validateStorageCapacityUpdate,
  validateStorageClass,
  validateStorageClassUpdate,
} from './storage/classes.ts';
import {
  validateCsiDriver,
  validateCsiDriverUpdate,
  validateCsiNode,
  validateCsiNodeUpdate,
  validateVolumeAttachment,
  validateVolumeAttachmentUpdate,
} from './storage/csi.ts';

/** Of the core group. */
export const CORE_STORAGE_RULES: Readonly<Record<string, KindRules>> = {
  LimitRange: rules({ scope: 'namespaced', create: validateLimitRange, update: validateLimitRange }),
  PersistentVolume: rules({
    scope: 'cluster',
    create: validatePersistentVolume,
    update: validatePersistentVolumeUpdate,
    subresources: { status: validatePersistentVolumeStatusUpdate },
  }),
  PersistentVolumeClaim: rules({
    scope: 'namespaced',
    create: validateClaim,
    // Source: the strategy's ValidateUpdate, which judges twice what the change's own rules judge too.
    update: (out, object, old) => {
      validateClaim(out, object);
      validateClaimUpdate(out, object, old);
    },
    subresources: { status: validateClaimStatusUpdate },
  }),
  ResourceQuota: rules({
    scope: 'namespaced',
    create: validateResourceQuota,
    update: validateResourceQuotaUpdate,
    subresources: { status: validateResourceQuotaStatusUpdate },
  }),
};

export const STORAGE_RULES: Readonly<Record<string, KindRules>> = {
  CSIDriver: rules({ scope: 'cluster', create: validateCsiDriver, update: validateCsiDriverUpdate }),
  CSINode: rules({ scope: 'cluster', create: validateCsiNode, update: validateCsiNodeUpdate }),
  CSIStorageCapacity: rules({ scope: 'namespaced', create: validateStorageCapacity, update: validateStorageCapacityUpdate }),
  StorageClass: rules({ scope: 'cluster', create: validateStorageClass, update: validateStorageClassUpdate }),
  VolumeAttachment: rules({ scope: 'cluster', create: validateVolumeAttachment, update: validateVolumeAttachmentUpdate }),
  VolumeAttributesClass: rules({ scope: 'cluster', create: validateAttributesClass, update: validateAttributesClassUpdate }),
};
