// Names of CSI volumes that kubelets, the controller that attaches and the drivers' own attachers have to agree on.
// Source: pkg/volume/csi csi_plugin.go GetVolumeName, csi_attacher.go getAttachmentName, pkg/volume/util GetUniqueVolumeName.
import { createHash } from 'node:crypto';

export const CSI_PLUGIN = 'kubernetes.io/csi';

export interface CsiVolumeId {
  readonly driver: string;
  /** What the driver calls the volume. */
  readonly volumeHandle: string;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** `kubernetes.io/csi/DRIVER^HANDLE`: in `volumesInUse` and `volumesAttached` of a node. */
export const uniqueVolumeName = ({ driver, volumeHandle }: CsiVolumeId): string => `${CSI_PLUGIN}/${driver}^${volumeHandle}`;

/** Undefined for volumes of other kinds. */
export function csiVolumeId(uniqueName: string): CsiVolumeId | undefined {
  const [, driver, volumeHandle] = /^kubernetes\.io\/csi\/([^^]+)\^(.+)$/s.exec(uniqueName) ?? [];
  return driver === undefined || volumeHandle === undefined ? undefined : { driver, volumeHandle };
}

/** Of the VolumeAttachment. */
export const attachmentName = ({ driver, volumeHandle }: CsiVolumeId, nodeName: string): string =>
  `csi-${sha256(`${volumeHandle}${driver}${nodeName}`)}`;
