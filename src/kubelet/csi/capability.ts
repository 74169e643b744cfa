// pure
// What a driver is told a volume is for. Source: pkg/volume/csi csi_client.go asCSIAccessModeV1,
// asSingleNodeMultiWriterCapableCSIAccessModeV1, csi_mounter.go supportsFSGroup.
import type { CSIDriver } from '#api/gen/storage-v1.ts';
import type { PersistentVolume, Pod } from '#api/types.ts';
import type { VolumeCapability } from './csi-api.ts';

/** The first mode of the volume counts. @param can optional calls of the driver */
export function capabilityOf({ spec }: PersistentVolume, can: ReadonlySet<string>): VolumeCapability {
  const several = can.has('SINGLE_NODE_MULTI_WRITER');
  const modes: Readonly<Record<string, string>> = {
    ReadWriteOnce: several ? 'SINGLE_NODE_MULTI_WRITER' : 'SINGLE_NODE_WRITER',
    ReadWriteOncePod: several ? 'SINGLE_NODE_SINGLE_WRITER' : 'SINGLE_NODE_WRITER',
    ReadOnlyMany: 'MULTI_NODE_READER_ONLY',
    ReadWriteMany: 'MULTI_NODE_MULTI_WRITER',
  };
  const accessMode = { mode: modes[spec.accessModes?.[0] ?? 'ReadWriteOnce'] ?? 'UNKNOWN' };
  if (spec.volumeMode === 'Block') return { block: {}, accessMode };
  return { mount: { fsType: spec.csi?.fsType ?? '', mountFlags: spec.mountOptions ?? [] }, accessMode };
}

export const EPHEMERAL_ACCESS = { mode: 'SINGLE_NODE_WRITER' } as const;

/** Whether the kubelet gives the volume to the pod's fsGroup. */
export function ownsByGroup(driver: CSIDriver | undefined, { spec }: PersistentVolume): boolean {
  const policy = driver?.spec.fsGroupPolicy ?? 'ReadWriteOnceWithFSType';
  if (policy !== 'ReadWriteOnceWithFSType') return policy === 'File';
  return (spec.csi?.fsType ?? '') !== '' && (spec.accessModes ?? []).includes('ReadWriteOnce');
}

/** With the pod's fsGroup, for a driver that sees to it itself. Source: NodeSupportsVolumeMountGroup. */
export function withGroup(capability: VolumeCapability, { spec }: Pod, can: ReadonlySet<string>): VolumeCapability {
  const group = spec.securityContext?.fsGroup;
  if (capability.mount === undefined || group === undefined || !can.has('VOLUME_MOUNT_GROUP')) return capability;
  return { ...capability, mount: { ...capability.mount, volumeMountGroup: String(group) } };
}
