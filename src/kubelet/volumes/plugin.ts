// What a kind of volume has to offer so that pods can use it.
import type { Pod, Volume } from '#api/types.ts';

/** The volume cannot be had now; the message is upstream's and shows in a FailedMount event. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
}

/** The volume is on its way: nobody is told yet, and who brings it wakes the pod. */
export class VolumePending extends VolumeError {}

export interface VolumeRequest {
  readonly pod: Pod;
  readonly volume: Volume;
  /** Where a plugin may keep the volume: `<pod>/volumes/<plugin>/<name>`. It need not exist. */
  readonly path: string;
}

/** Absent: not known. Bytes, and numbers of inodes. */
export interface VolumeFigures {
  readonly capacityBytes?: number;
  readonly availableBytes?: number;
  readonly usedBytes?: number;
  readonly inodes?: number;
  readonly inodesFree?: number;
  readonly inodesUsed?: number;
}

export interface MountedVolume {
  /** On this node: a folder, or the device itself. */
  readonly path: string;
  readonly readOnly: boolean;
  /** A raw device. */
  readonly block?: true;
  /** Absent: what lies below `path` is counted. Undefined: cannot be told. @throws VolumeError */
  readonly measure?: () => Promise<VolumeFigures | undefined>;
  /** What is due while the pod runs, now and then. @throws VolumeError, StatusError, ConnectionError; the volume stays as it is then */
  readonly keepUp?: (pod: Pod) => Promise<void>;
}

/**
 * One kind of volume. Persistent volumes, CSI and generic ephemeral volumes join as further plugins.
 */
export interface VolumePlugin {
  /** `kubernetes.io/configmap`: names the directory below the pod's. */
  readonly name: string;
  supports(volume: Volume): boolean;
  /**
   * Makes the volume usable and brings its contents up to date; safe to repeat, also after the kubelet was restarted.
   * @throws VolumeError, or StatusError for a missing object
   */
  setUp(request: VolumeRequest): Promise<MountedVolume>;
  /** Contents follow the pod or other objects: setUp is repeated while the pod runs. */
  readonly refreshes: boolean;
  /** Milliseconds until the contents become stale by themselves; undefined when they do not. */
  staleAfter?(request: VolumeRequest): number | undefined;
  /**
   * Undoes setUp from what is on disk alone: the pod may be unknown by now. Whatever is mounted at or below `path` is
   * unmounted, and `path` removed, after this returns.
   */
  tearDown?(path: string, podUid: string): Promise<void>;
  /** All volumes of the pod are down, also those that were never set up. */
  released?(podUid: string): void;
}
