// Gives a volume to the pod's fsGroup.
import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '#api/types.ts';

/** Source: volume_linux.go rwMask, roMask, execMask. */
const READ_WRITE = 0o660;
const READ_ONLY = 0o440;
const DIRECTORY = 0o2110; // setgid and search
const PERMISSIONS = 0o7777;

/**
 * Everything below `path` gets the group and the permissions it needs. With `OnRootMismatch` a volume whose top already
 * fits is left alone. Source: SetVolumeOwnership.
 */
export async function setOwnership(path: string, pod: Pod, access: 'rw' | 'ro'): Promise<void> {
  const { fsGroup } = pod.spec.securityContext ?? {};
  if (fsGroup === undefined) return;
  const group = Number(fsGroup);
  const mask = access === 'rw' ? READ_WRITE : READ_ONLY;
  if (pod.spec.securityContext?.fsGroupChangePolicy === 'OnRootMismatch' && (await fits(path, group, mask))) return;
  await own(path, group, mask);
}

async function fits(path: string, group: number, mask: number): Promise<boolean> {
  const { gid, mode } = await lstat(path);
  const wanted = mask | DIRECTORY;
  return gid === group && (mode & wanted) === wanted;
}

/** Contents first, so that an interrupted pass is noticed at the top. */
async function own(path: string, group: number, mask: number): Promise<void> {
  const stat = await lstat(path);
  if (stat.isDirectory()) for (const name of await readdir(path)) await own(join(path, name), group, mask);
  await lchown(path, stat.uid, group);
  if (stat.isSymbolicLink()) return;
  await chmod(path, (stat.mode & PERMISSIONS) | mask | (stat.isDirectory() ? DIRECTORY : 0));
}

/** The one user all containers run as, if they agree. Source: util.FsUserFrom. */
export function commonUser({ spec }: Pod): number | undefined {
  const users = new Set(
    [...(spec.initContainers ?? []), ...spec.containers].map(
      (container) => container.securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
    ),
  );
  const [user] = users;
  return users.size !== 1 || user === undefined ? undefined : Number(user);
}
