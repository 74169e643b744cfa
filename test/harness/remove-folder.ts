// Removal of a folder that cannot reach beyond it.
import { readFileSync, realpathSync, rmSync } from 'node:fs';

/** Points at or below `folder` where something is mounted, from the text of /proc/self/mountinfo. */
export function mountsBelow(folder: string, mountinfo: string): string[] {
  return mountinfo
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((point) => point === folder || point.startsWith(`${folder}/`));
}

/**
 * Removes `folder` and all that is in it.
 * @throws Error, with nothing removed, while something is mounted there: a removal would go on into what is mounted,
 * and of a bind mount that is another folder of this machine
 */
export function removeFolder(folder: string): void {
  const mounts = mountsBelow(realpathSync(folder), readFileSync('/proc/self/mountinfo', 'utf8'));
  if (mounts.length > 0) throw new Error(`${folder} is not removed while something is mounted below it: ${mounts.join(', ')}`);
  // Children of a program that was killed (shims, network plugins, hooks) end by themselves, and may write until then.
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
}
