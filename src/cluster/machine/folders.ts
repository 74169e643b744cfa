// Removing folders that containers were run from: never through a mount, and never what lies under one.
import { readFileSync, rmSync } from 'node:fs';
import { runProgram } from '#base/program.ts';

/** Mount points at and below `folder`, the innermost first. */
export function mountsBelow(folder: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .toReversed();
}

/** @throws ProgramError when something stays mounted */
async function unmountBelow(folder: string): Promise<void> {
  for (const path of mountsBelow(folder)) await runProgram('umount', [path]);
}

/**
 * Removes the folder with all in it. What is mounted in it may be anybody's (a volume from the host): it is unmounted
 * first, and nothing is removed while a mount is left.
 * @throws ProgramError, or Error naming the mount that is left
 */
export async function removeFolder(folder: string): Promise<void> {
  await unmountBelow(folder);
  const [left] = mountsBelow(folder);
  if (left !== undefined) throw new Error(`${left} is still mounted: unmount it and try again`);
  rmSync(folder, { recursive: true, force: true });
}
