// hostPath: a file or directory of the node.
import { open, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { makeFolder } from '#base/make-folder.ts';
import { VolumeError, type VolumePlugin } from './plugin.ts';

export const hostPathPlugin: VolumePlugin = {
  name: 'kubernetes.io/host-path',
  refreshes: false,
  supports: ({ hostPath }) => hostPath !== undefined,
  async setUp({ volume }) {
    const { path, type } = volume.hostPath ?? { path: '', type: '' };
    await checkHostPath(path, type);
    return { path, readOnly: false };
  },
};

/** Makes what `type` says is to be made. @throws VolumeError. Source: hostpath checkType, checkTypeInternal */
export async function checkHostPath(path: string, type: string): Promise<void> {
  if (path.split('/').includes('..')) throw new VolumeError(`invalid HostPath \`${path}\`: must not contain '..'`);
  const fail = (what: string): VolumeError => new VolumeError(`hostPath type check failed: ${path} is not a ${what}`);
  switch (type) {
    case '':
      return;
    case 'DirectoryOrCreate':
      if ((await statOf(path)) === undefined) makeFolder(path, 0o755);
      if ((await statOf(path))?.isDirectory() !== true) throw fail('directory');
      return;
    case 'Directory':
      if ((await statOf(path))?.isDirectory() !== true) throw fail('directory');
      return;
    case 'FileOrCreate':
      if ((await statOf(path)) === undefined) await (await open(path, 'a', 0o644)).close();
      if ((await statOf(path))?.isFile() !== true) throw fail('file');
      return;
    case 'File':
      if ((await statOf(path))?.isFile() !== true) throw fail('file');
      return;
    case 'Socket':
      if ((await statOf(path))?.isSocket() !== true) throw fail('socket file');
      return;
    case 'CharDevice':
      if ((await statOf(path))?.isCharacterDevice() !== true) throw fail('character device');
      return;
    case 'BlockDevice':
      if ((await statOf(path))?.isBlockDevice() !== true) throw fail('block device');
      return;
    default:
      throw new VolumeError(`${type} is an invalid volume type`);
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
