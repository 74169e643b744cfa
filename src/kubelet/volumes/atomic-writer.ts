// Files that change all at once: a symbolic link is switched from one complete directory to the next.
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VolumeError } from './plugin.ts';

export interface FileContent {
  readonly data: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** Owner, when not root. */
  readonly uid?: number;
}

/** Relative path to content. */
export type Payload = ReadonlyMap<string, FileContent>;

/** The link that is switched. Source: atomic_writer.go dataDirName. */
const DATA_LINK = '..data';
const NEW_DATA_LINK = '..data_tmp';
const MAX_PATH = 4096;
const MAX_NAME = 255;

export interface WriteOptions {
  /** The directory users see; it must exist. */
  readonly directory: string;
  readonly payload: Payload;
  /** Milliseconds since the epoch; names the new directory. */
  readonly now: number;
  /** Called with the complete new directory before it becomes visible: sets owners and permissions. */
  readonly prepare?: (path: string) => Promise<void>;
}

/**
 * Readers see either all old or all new files; nothing is written when nothing changed. A file `a/b` is seen through a
 * link `a` to `..data/a`. Returns whether something was written. Source: AtomicWriter.Write.
 * @throws VolumeError for a path that leaves the directory
 */
export async function writeAtomically({ directory, payload, now, prepare }: WriteOptions): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path);
  const current = await currentDirectory(directory);
  if (current !== undefined && (await holds(join(directory, current), payload))) {
    await linkNames(directory, payload);
    return false;
  }
  const stamp = new Date(now).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '_');
  const fresh = await mkdtemp(join(directory, `..${stamp}.`));
  try {
    await fill(fresh, payload);
    await prepare?.(fresh);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true }); // a full disk must not fill further with each attempt
    throw error;
  }

  await rm(join(directory, NEW_DATA_LINK), { force: true });
  await symlink(fresh.slice(directory.length + 1), join(directory, NEW_DATA_LINK));
  await rename(join(directory, NEW_DATA_LINK), join(directory, DATA_LINK));
  await linkNames(directory, payload);
  await removeStale(directory, payload, fresh.slice(directory.length + 1));
  return true;
}

/** Source: validatePath. */
function checkPath(path: string): void {
  const parts = path.split('/');
  if (path === '') throw new VolumeError('invalid path: must not be empty: ""');
  if (path.startsWith('/')) throw new VolumeError(`invalid path: must be relative path: ${path}`);
  if (path.length > MAX_PATH) throw new VolumeError(`invalid path: must be less than or equal to ${MAX_PATH} characters`);
  for (const part of parts) {
    if (part === '..') throw new VolumeError(`invalid path: must not contain '..': ${path}`);
    if (part.length > MAX_NAME) throw new VolumeError(`invalid path: filenames must be less than or equal to ${MAX_NAME} characters`);
  }
  if (parts[0]?.startsWith('..') === true && (parts[0]?.length ?? 0) > 2)
    throw new VolumeError(`invalid path: must not start with '..': ${path}`);
}

async function currentDirectory(directory: string): Promise<string | undefined> {
  try {
    return await readlink(join(directory, DATA_LINK));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether `path` holds exactly `payload`. */
async function holds(path: string, payload: Payload): Promise<boolean> {
  const found = await filesBelow(path);
  if (found === undefined || found.length !== payload.size) return false;
  for (const name of found) {
    const wanted = payload.get(name);
    if (wanted === undefined || !(await readFile(join(path, name))).equals(wanted.data)) return false;
  }
  return true;
}

async function filesBelow(root: string): Promise<readonly string[] | undefined> {
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function topNames(payload: Payload): ReadonlySet<string> {
  return new Set([...payload.keys()].map((path) => path.split('/')[0] as string));
}

async function linkNames(directory: string, payload: Payload): Promise<void> {
  for (const name of topNames(payload)) {
    const link = join(directory, name);
    try {
      await lstat(link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await symlink(join(DATA_LINK, name), link);
    }
  }
}

/** Removes earlier directories, also those a crash left, and links to what is gone. */
async function removeStale(directory: string, payload: Payload, keep: string): Promise<void> {
  const names = topNames(payload);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && entry.name.startsWith('..') && entry.name !== keep) await rm(path, { recursive: true, force: true });
    else if (entry.isSymbolicLink() && entry.name !== DATA_LINK && !names.has(entry.name)) await unlink(path);
  }
}

async function fill(folder: string, payload: Payload): Promise<void> {
  await chmod(folder, 0o755);
  for (const [path, { data, mode, uid }] of payload) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeFile(file, data);
    await chmod(file, mode); // not subject to the umask
    if (uid !== undefined) await chown(file, uid, 0);
  }
}
