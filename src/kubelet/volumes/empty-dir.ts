// emptyDir: a directory of the pod's own, on disk or in memory.
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { valueOf } from '../pod/amounts.ts';
import { podLimits } from '../pod/resources.ts';
import { exists } from './exists.ts';
import type { Mounter } from './mounter.ts';
import { setOwnership } from './ownership.ts';
import type { KubeletPaths } from './paths.ts';
import { VolumeError, type MountedVolume, type VolumePlugin, type VolumeRequest } from './plugin.ts';

const NAME = 'kubernetes.io/empty-dir';
/** A file system in memory keeps the mode its mount gave it: one in RAM has the sticky bit. Source: emptydir setupDir. */
const MODE = 0o777;

export interface EmptyDirDeps {
  readonly mounter: Mounter;
  readonly paths: KubeletPaths;
  /** Allocatable memory of the node, bytes: no volume in memory may be larger. */
  readonly allocatableMemory: () => number;
}

/** What a pod made of its directory stays, modes and owners included: once it is ready it is only looked for. */
export function emptyDirPlugin({ mounter, paths, allocatableMemory }: EmptyDirDeps): VolumePlugin {
  return {
    name: NAME,
    refreshes: false,
    supports: ({ emptyDir }) => emptyDir !== undefined,
    async setUp(request): Promise<MountedVolume> {
      const { path, pod, volume } = request;
      const medium = volume.emptyDir?.medium ?? '';
      if (medium !== '' && medium !== 'Memory' && !medium.startsWith('HugePages'))
        throw new VolumeError(`unknown storage medium "${medium}"`);
      const found = { path, readOnly: false };
      const mounted = medium !== '' && (await mounter.list()).some((mount) => mount.path === path);
      const notes = paths.pluginNotes(pod.metadata.uid, NAME, volume.name);
      const ready = join(notes, 'ready');
      if ((await exists(ready)) && (medium === '' ? await exists(path) : mounted)) return found;

      await rm(ready, { force: true });
      await mkdir(path, { recursive: true, mode: 0o750 });
      if (!mounted) await chmod(path, MODE); // not subject to the umask
      if (medium === 'Memory' && !mounted) {
        await mounter.mount({
          source: 'tmpfs',
          target: path,
          type: 'tmpfs',
          options: [`size=${memorySize(request, allocatableMemory())}`],
        });
      } else if (medium !== '' && !mounted) {
        const pageSize = medium === 'HugePages' ? '' : medium.slice('HugePages-'.length);
        const options = pageSize === '' ? [] : [`pagesize=${valueOf(pageSize)}`];
        await mounter.mount({ source: 'nodev', target: path, type: 'hugetlbfs', options });
      }
      await setOwnership(path, pod, 'rw');
      await mkdir(notes, { recursive: true, mode: 0o750 });
      await writeFile(ready, '');
      return found;
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
