// How much disk the files of a folder take.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface FolderUsage {
  readonly bytes: number;
  readonly inodes: number;
}

/** Disk blocks in use below a folder, links not followed. Source: fsquota.Consumption, du. */
export async function folderUsage(path: string): Promise<FolderUsage> {
  let bytes = 0;
  let inodes = 0;
  const walk = async (directory: string): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const full = join(directory, entry.name);
      inodes++;
      if (entry.isDirectory()) await walk(full);
      else if (entry.isFile()) bytes += (await stat(full)).blocks * 512;
    }
  };
  try {
    await walk(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // it goes while it is measured
  }
  return { bytes, inodes };
}
