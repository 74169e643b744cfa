// emptyDir: a directory of the pod's own, on disk or in memory.
import { chmod, mkdir } from 'node:fs/promises';
import { valueOf } from '../pod/amounts.ts';
import { podLimits } from '../pod/resources.ts';
import type { Mounter } from './mounter.ts';
import { setOwnership } from './ownership.ts';
import { VolumeError, type MountedVolume, type VolumePlugin, type VolumeRequest } from './plugin.ts';

const MODE = 0o777;

export interface EmptyDirDeps {
  readonly mounter: Mounter;
  /** Allocatable memory of the node, bytes: no volume in memory may be larger. */
  readonly allocatableMemory: () => number;
}

export function emptyDirPlugin({ mounter, allocatableMemory }: EmptyDirDeps): VolumePlugin {
  return {
    name: 'kubernetes.io/empty-dir',
    refreshes: false,
    supports: ({ emptyDir }) => emptyDir !== undefined,
    async setUp(request): Promise<MountedVolume> {
      const { path, pod } = request;
      const medium = request.volume.emptyDir?.medium ?? '';
      await mkdir(path, { recursive: true, mode: 0o750 });
      const mounted = (await mounter.list()).some((mount) => mount.path === path);
      if (medium === 'Memory' && !mounted) {
        await mounter.mount({
          source: 'tmpfs',
          target: path,
          type: 'tmpfs',
          options: [`size=${memorySize(request, allocatableMemory())}`],
        });
      } else if (medium.startsWith('HugePages') && !mounted) {
        const pageSize = medium === 'HugePages' ? '' : medium.slice('HugePages-'.length);
        await mounter.mount({
          source: 'nodev',
          target: path,
          type: 'hugetlbfs',
          options: pageSize === '' ? [] : [`pagesize=${valueOf(pageSize)}`],
        });
      } else if (medium !== '' && medium !== 'Memory' && !medium.startsWith('HugePages')) {
        throw new VolumeError(`unknown storage medium "${medium}"`);
      }
      await chmod(path, MODE); // not subject to the umask
      await setOwnership(path, pod, 'rw');
      return { path, readOnly: false };
    },
  };
}

/** The least of the node's memory, the pod's limit and the volume's own. Source: emptydir calculateEmptyDirMemorySize. */
function memorySize({ pod, volume }: VolumeRequest, allocatable: number): number {
  const podLimit = podLimits(pod.spec)['memory'] ?? 0;
  const own = valueOf(volume.emptyDir?.sizeLimit);
  let size = allocatable;
  if (podLimit > 0 && podLimit < size) size = podLimit;
  if (own > 0 && own < size) size = own;
  return size;
}
