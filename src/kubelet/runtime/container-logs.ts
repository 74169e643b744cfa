// Log files of containers: their directories, the links others read them by, and their removal.
import { mkdir, rm, stat, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Pod } from '#api/types.ts';
import type { KnownPods } from '../pod/known-pods.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import { namesIn } from '../volumes/exists.ts';

/** Longest name of a link. Source: legacyLogSymlink, MaxFilenameLength. */
const MAX_LINK_NAME = 251;

/** Source: logPathForContainer of log collectors. */
function logLink(paths: KubeletPaths, pod: Pick<Pod, 'metadata'>, container: string, id: string): string {
  const { name, namespace } = pod.metadata;
  const prefix = `${name}_${namespace}_${container}`;
  const cut = prefix.slice(0, MAX_LINK_NAME - id.length - 1);
  return join(paths.containerLogs, `${cut}-${id}.log`);
}

/** Makes the directory of a container's logs. */
export async function makeLogDirectory(paths: KubeletPaths, pod: Pod, container: string): Promise<string> {
  const directory = join(paths.podLogDirectory(pod), container);
  await mkdir(directory, { recursive: true, mode: 0o755 });
  return directory;
}

/** Restarts counted from the log files alone, for a runtime that lost its containers. Source: calcRestartCountByLogDir. */
export async function restartsByLogs(directory: string): Promise<number> {
  const numbers = (await namesIn(directory)).flatMap((name) => {
    const match = /^(\d+)\.log(\..*)?$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
  return numbers.length === 0 ? 0 : Math.max(...numbers) + 1;
}

/** Links to a log that is there already. */
export async function linkLog(paths: KubeletPaths, pod: Pod, container: string, id: string, logPath: string): Promise<void> {
  try {
    await stat(logPath);
    await mkdir(paths.containerLogs, { recursive: true, mode: 0o755 });
    await symlink(logPath, logLink(paths, pod, container, id));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' && code !== 'ENOENT') throw error; // ENOENT: the runtime writes no file
  }
}

/** Removes a container's log, its rotations and its link. Source: removeContainerLog, containerLogManager.Clean. */
export async function removeLogs(
  paths: KubeletPaths,
  pod: Pick<Pod, 'metadata'>,
  container: string,
  id: string,
  logPath: string,
): Promise<void> {
  await unlinkIfThere(logLink(paths, pod, container, id));
  if (logPath === '') return;
  const directory = dirname(logPath);
  const name = basename(logPath);
  for (const entry of await namesIn(directory))
    if (entry === name || entry.startsWith(`${name}.`)) await unlinkIfThere(join(directory, entry));
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Links whose log is gone. */
export async function removeDeadLinks(paths: KubeletPaths): Promise<void> {
  for (const name of await namesIn(paths.containerLogs)) {
    const link = join(paths.containerLogs, name);
    try {
      await stat(link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await unlinkIfThere(link);
    }
  }
}

/** Log directories of pods nobody knows any more. */
export async function removeOrphanLogs(paths: KubeletPaths, known: KnownPods): Promise<void> {
  for (const name of await namesIn(paths.podLogs)) {
    const uid = name.split('_').at(-1) as string;
    if (!known.has(uid)) await rm(join(paths.podLogs, name), { recursive: true, force: true });
  }
}
