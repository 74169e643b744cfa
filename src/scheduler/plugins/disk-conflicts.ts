// pure
// Disks that one node cannot have twice. Source: plugins/volumerestrictions isVolumeConflict.
import type { Pod, Volume } from '#api/types.ts';

export function hasDisks({ spec }: Pod): boolean {
  return (spec.volumes ?? []).some((volume) => DISKS.some((disk) => disk(volume) !== undefined));
}

/** Whether some disk of one pod is a disk of the other, written by either where writing is what conflicts. */
export function disksConflict(a: Pod, b: Pod): boolean {
  return (a.spec.volumes ?? []).some((mine) => (b.spec.volumes ?? []).some((theirs) => volumesConflict(mine, theirs)));
}

/** What tells a disk from others of its kind: any one in common is enough. */
interface Disk {
  readonly keys: readonly string[];
  /** Several readers do not hurt each other. */
  readonly isShared: boolean;
}

const DISKS: readonly ((volume: Volume) => Disk | undefined)[] = [
  ({ gcePersistentDisk: disk }) => disk && { keys: [disk.pdName], isShared: disk.readOnly === true },
  // Source: an EBS volume is attached to a node once, whoever reads it.
  ({ awsElasticBlockStore: disk }) => disk && { keys: [disk.volumeID], isShared: false },
  ({ iscsi: disk }) => disk && { keys: [disk.iqn], isShared: disk.readOnly === true },
  ({ rbd: disk }) =>
    disk && { keys: disk.monitors.map((monitor) => `${monitor}/${disk.pool}/${disk.image}`), isShared: disk.readOnly === true },
];

function volumesConflict(a: Volume, b: Volume): boolean {
  return DISKS.some((disk) => {
    const [mine, theirs] = [disk(a), disk(b)];
    if (mine === undefined || theirs === undefined || (mine.isShared && theirs.isShared)) return false;
    return mine.keys.some((key) => theirs.keys.includes(key));
  });
}
