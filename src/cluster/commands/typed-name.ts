// How a person types `proa` on this machine, for advice that can be copied.
import { realpathSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { LAUNCHER } from '../instance/launcher.ts';

/** `proa` where the search path leads to this checkout's, else its path, from the folder it is typed in where it lies below. */
export function typedName(searchPath = process.env.PATH ?? '', folder = process.cwd(), launcher = LAUNCHER): string {
  const [first] = searchPath.split(':').flatMap((each) => (isAbsolute(each) ? (real(join(each, 'proa')) ?? []) : []));
  if (first === real(launcher)) return 'proa';
  const path = relative(folder, launcher);
  return path.startsWith('..') ? launcher : path;
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // there is none
  }
}
