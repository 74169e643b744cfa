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

/** Bytes to free so that use falls to the low threshold; 0 while it is below the high one. Source: realImageGCManager.GarbageCollect. */
export function bytesToFree({ capacityBytes, availableBytes }: Disk, { highThresholdPercent, lowThresholdPercent }: ImageGcPolicy): number {
  if (capacityBytes === 0) return 0;
  const usedPercent = 100 - Math.floor((Math.min(availableBytes, capacityBytes) * 100) / capacityBytes);
  if (usedPercent < highThresholdPercent) return 0;
  return Math.max(0, Math.floor((capacityBytes * (100 - lowThresholdPercent)) / 100) - availableBytes);
}

/** Images that go because nothing used them for long. Source: freeOldImages. */
export function tooOld(images: readonly ImageRecord[], { maxAgeMs }: ImageGcPolicy, now: number): readonly ImageRecord[] {
  if (maxAgeMs === 0) return [];
  return images.filter(({ inUse, pinned, lastUsed, firstSeen }) => !inUse && !pinned && now - Math.max(lastUsed, firstSeen) > maxAgeMs);
}

/** Images that go to free `bytes`, the longest unused first; young ones stay. Source: freeSpace. */
export function choose(images: readonly ImageRecord[], bytes: number, { minAgeMs }: ImageGcPolicy, now: number): readonly ImageRecord[] {
  const candidates = images
    .filter(({ inUse, pinned, firstSeen }) => !inUse && !pinned && now - firstSeen >= minAgeMs)
    .toSorted((a, b) => a.lastUsed - b.lastUsed || a.firstSeen - b.firstSeen);
  const chosen: ImageRecord[] = [];
  let freed = 0;
  for (const image of candidates) {
    if (freed >= bytes) break;
    chosen.push(image);
    freed += image.size;
  }
  return chosen;
}
