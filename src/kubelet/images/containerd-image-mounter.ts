// Mounts images with containerd's own client: CRI can only since containerd 2.1.
import { ProgramError } from '#base/program.ts';
import type { CriClient } from '#cri/contract.ts';
import { ctr } from '#cri/ctr.ts';
import { MountError } from '../volumes/mounter.ts';
import type { ImageMounter } from './image-volumes.ts';

export interface ContainerdImageMounterOptions {
  /** containerd's socket, a path. */
  readonly address: string;
  /** The snapshotter that containerd's CRI is configured with. Default: overlayfs. */
  readonly snapshotter?: string;
}

export function containerdImageMounter({ address, snapshotter = 'overlayfs' }: ContainerdImageMounterOptions): ImageMounter {
  const images = async (command: 'mount' | 'unmount', ...args: readonly string[]): Promise<void> => {
    try {
      await ctr(address, ['images', command, `--snapshotter=${snapshotter}`, ...args]);
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      throw new MountError(`image volume: ${error.message}`, { cause: error });
    }
  };
  return {
    mount: (image, target) => images('mount', image, target),
    // The snapshot is kept under the path's name.
    unmount: (target) => images('unmount', '--rm', target),
  };
}

/** What mounts images for the runtime behind the socket `address`; undefined where it does so itself. @throws CriError */
export async function imageMounterFor({ runtime }: CriClient, address: string): Promise<ImageMounter | undefined> {
  const { runtimeName, runtimeVersion } = await runtime.version({});
  return runtimeName === 'containerd' && !mountsImages(runtimeVersion) ? containerdImageMounter({ address }) : undefined;
}

/** @param version of containerd: `1.6.20~ds1`, `v2.1.0` */
export function mountsImages(version: string): boolean {
  const [, major = 0, minor = 0] = /^v?(\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
  return major > 2 || (major === 2 && minor >= 1);
}
