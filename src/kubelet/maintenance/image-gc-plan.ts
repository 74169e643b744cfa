// Which images are removed when disk is short, or when they were not used for long.

export interface ImageRecord {
  readonly id: string;
  readonly size: number;
  readonly pinned: boolean;
  readonly inUse: boolean;
  /** Milliseconds on one clock. */
  readonly firstSeen: number;
  readonly lastUsed: number;
}

export interface ImageGcPolicy {
  readonly highThresholdPercent: number;
  readonly lowThresholdPercent: number;
  readonly minAgeMs: number;
  /** 0 for no limit. */
  readonly maxAgeMs: number;
}

export interface Disk {
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

function usedPercent({ capacityBytes, availableBytes }: Disk): number {
  return 100 - Math.floor((Math.min(availableBytes, capacityBytes) * 100) / capacityBytes);
}

/** Bytes to free so that use falls to the low threshold; 0 while it is below the high one. Source: realImageGCManager.GarbageCollect. */
export function bytesToFree(disk: Disk, { highThresholdPercent, lowThresholdPercent }: ImageGcPolicy): number {
  const { capacityBytes, availableBytes } = disk;
  if (capacityBytes === 0 || usedPercent(disk) < highThresholdPercent) return 0;
  return Math.max(0, Math.floor((capacityBytes * (100 - lowThresholdPercent)) / 100) - availableBytes);
}

/** Images that go because nothing used them for long. Source: freeOldImages. */
export function tooOld(images: readonly ImageRecord[], { maxAgeMs }: ImageGcPolicy, now: number): readonly ImageRecord[] {
  if (maxAgeMs === 0) return [];
  return images.filter(({ inUse, pinned, lastUsed, firstSeen }) => !inUse && !pinned && now - Math.max(lastUsed, firstSeen) > maxAgeMs);
}

/** Images that may go for room, the longest unused first; young ones stay. Source: freeSpace. */
export function removable(images: readonly ImageRecord[], minAgeMs: number, now: number): readonly ImageRecord[] {
  return images
    .filter(({ inUse, pinned, firstSeen }) => !inUse && !pinned && now - firstSeen >= minAgeMs)
    .toSorted((a, b) => a.lastUsed - b.lastUsed || a.firstSeen - b.firstSeen);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** What is said when removing images left too little room; `disk` as before. Source: realImageGCManager.GarbageCollect. */
export function tooLittleFreed(disk: Disk, freed: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(disk.capacityBytes) / 10));
  const size = `${(disk.capacityBytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
  return (
    `Insufficient free disk space on the node's image filesystem (${usedPercent(disk)}% of ${size} used). ` +
    `Failed to free sufficient space by deleting unused images (freed ${freed} bytes). ` +
    'Investigate disk usage, as it could be used by active images, logs, volumes, or other data.'
  );
}
