// Folders with those they lie in.
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the folder, and those it lies in, where they are missing. Not by `mkdirSync` with `recursive`: that asks for ever where a
 * folder exists and the kernel says of what should lie in it that there is no such place, as below /proc.
 * @returns those that were missing, the outermost first
 * @throws Error with the kernel's code; ENOTDIR when something else is there
 */
export function makeFolder(path: string, mode = 0o777): readonly string[] {
  try {
    mkdirSync(path, { mode });
    return [path];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'EROFS') {
      const there = statSync(path, { throwIfNoEntry: false });
      if (there?.isDirectory() === true) return [];
      if (there !== undefined) throw Object.assign(new Error(`${path} is not a folder`), { code: 'ENOTDIR' });
    }
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path || statSync(parent, { throwIfNoEntry: false }) !== undefined) throw error;
    return [...makeFolder(parent, mode), ...makeFolder(path, mode)];
  }
}
