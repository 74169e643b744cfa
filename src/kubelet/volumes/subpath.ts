// Parts of a volume mounted into containers, safe against links that a container plants to escape its volume.
import { constants } from 'node:fs';
import { chmod, mkdir, open, readlink, realpath, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Mounter } from './mounter.ts';

/** Source: open(2); Node does not name it. */
const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW } = constants;

/** The path is not within its volume, or changed under our eyes. Its message stays on the node. */
export class SubpathError extends Error {
  override readonly name = 'SubpathError';
}

export interface SubpathRequest {
  /** Where the volume is mounted. */
  readonly volumePath: string;
  /** Relative, without `..`. */
  readonly subPath: string;
  /** `<pod>/volume-subpaths`. */
  readonly subpaths: string;
  readonly volumeName: string;
  readonly containerName: string;
  /** Place of the mount in the container's list. */
  readonly index: number;
}

/**
 * Creates the directory below the volume as needed, one part at a time, never following a link out of it.
 * @throws SubpathError; Source: subpath.SafeMakeDir
 */
export async function makeSubpathDirectory(volumePath: string, subPath: string, mode: number): Promise<void> {
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  const root = await realpath(volumePath);
  let existing = root;
  let depth = 0;
  for (const part of parts) {
    const next = await realpathIfThere(join(existing, part));
    if (next === undefined) break;
    if (!within(next, root)) throw new SubpathError(`${next} is outside of allowed base ${root}`);
    existing = next;
    depth++;
  }
  let handle = await openBelow(root, existing);
  try {
    for (const part of parts.slice(depth)) {
      await mkdir(join(procPath(handle), part), { mode: 0o700 });
      const child = await open(join(procPath(handle), part), O_PATH | O_NOFOLLOW | O_DIRECTORY);
      await handle.close();
      handle = child;
      await chmod(procPath(child), mode);
    }
  } finally {
    await handle.close();
  }
}

/**
 * Bind-mounts the file or directory that is there now at a place the container cannot reach, and gives that place.
 * @throws SubpathError, MountError; Source: subpath_linux.go doBindSubPath
 */
export async function bindSubpath(request: SubpathRequest, mounter: Mounter): Promise<string> {
  const { volumePath, subPath, subpaths, volumeName, containerName, index } = request;
  const root = await realpath(volumePath);
  const real = await realpath(join(volumePath, subPath));
  if (!within(real, root)) throw new SubpathError(`${real} is outside of allowed base ${root}`);
  const target = join(subpaths, volumeName, containerName, String(index));
  await releaseMount(target, mounter);
  const handle = await openBelow(root, real);
  try {
    if ((await stat(procPath(handle))).isDirectory()) await mkdir(target, { recursive: true, mode: 0o750 });
    else {
      await mkdir(join(target, '..'), { recursive: true, mode: 0o750 });
      await writeFile(target, '', { mode: 0o640, flag: 'a' });
    }
    // Through the descriptor: what was checked is what gets mounted.
    await mounter.mount({ source: procPath(handle), target });
  } finally {
    await handle.close();
  }
  return target;
}

/** Unmounts and removes all subpaths of a pod. Source: doCleanSubPaths. */
export async function cleanSubpaths(subpaths: string, mounter: Mounter): Promise<void> {
  const mounts = (await mounter.list()).filter(({ path }) => path.startsWith(subpaths + sep));
  for (const { path } of mounts.toReversed()) await mounter.unmount(path);
  await rm(subpaths, { recursive: true, force: true });
}

async function releaseMount(target: string, mounter: Mounter): Promise<void> {
  for (const { path } of (await mounter.list()).toReversed()) if (path === target) await mounter.unmount(path);
}

/** Opens `path`, a real path at or below `root`, refusing links that appeared meanwhile. Source: doSafeOpen. */
async function openBelow(root: string, path: string): Promise<FileHandle> {
  const parts = path === root ? [] : path.slice(root.length + 1).split(sep);
  let handle = await open(root, O_PATH | O_NOFOLLOW | O_DIRECTORY);
  try {
    for (const part of parts) {
      const child = await open(join(procPath(handle), part), O_PATH | O_NOFOLLOW);
      await handle.close();
      handle = child;
      if ((await stat(procPath(child))).isSymbolicLink()) throw new SubpathError(`${path} changed while it was opened`);
    }
    const opened = await readlink(procPath(handle));
    if (opened !== path) throw new SubpathError(`${path} changed while it was opened`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function procPath(handle: FileHandle): string {
  return `/proc/${process.pid}/fd/${handle.fd}`;
}

async function realpathIfThere(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function within(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}
