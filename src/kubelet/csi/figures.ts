// pure
// What a driver says a volume holds. Source: pkg/volume/csi csi_client.go NodeGetVolumeStats.
import type { VolumeFigures } from '../volumes/plugin.ts';
import type { VolumeUsage } from './csi-api.ts';

/** A driver may leave out what it does not know; units that are not known here are passed over. */
export function figuresOf(usage: readonly VolumeUsage[]): VolumeFigures {
  const bytes = usage.find(({ unit }) => unit === 'BYTES');
  const inodes = usage.find(({ unit }) => unit === 'INODES');
  return {
    ...(bytes === undefined ? {} : { availableBytes: bytes.available, capacityBytes: bytes.total, usedBytes: bytes.used }),
    ...(inodes === undefined ? {} : { inodes: inodes.total, inodesFree: inodes.available, inodesUsed: inodes.used }),
  };
}
