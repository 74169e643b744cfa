// Mounts images with containerd's own client: CRI can only since containerd 2.1.
import { ProgramError, runProgram } from '#base/program.ts';
import { MountError } from '../volumes/mounter.ts';
import type { ImageMounter } from './image-volumes.ts';

export interface ContainerdImageMounterOptions {
  /** containerd's socket, a path. */
  readonly address: string;
  /** The snapshotter that containerd's CRI is configured with. Default: overlayfs. */
  readonly snapshotter?: string;
}

/** CRI's namespace in containerd. Source: containerd pkg/cri/constants K8sContainerdNamespace. */
const CRI_NAMESPACE = 'k8s.io';

export function containerdImageMounter({ address, snapshotter = 'overlayfs' }: ContainerdImageMounterOptions): ImageMounter {
  const ctr = async (command: 'mount' | 'unmount', ...args: readonly string[]): Promise<void> => {
    const words = [`--address=${address}`, `--namespace=${CRI_NAMESPACE}`, 'images', command, `--snapshotter=${snapshotter}`, ...args];
    try {
      await runProgram('ctr', words);
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      throw new MountError(`image volume: ${error.message}`, { cause: error });
    }
  };
  return {
    mount: (image, target) => ctr('mount', image, target),
    // The snapshot is kept under the path's name.
    unmount: (target) => ctr('unmount', '--rm', target),
  };
}
