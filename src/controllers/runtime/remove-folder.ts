// Removes what volumes hold on the machine that a controller runs on.
import { readFile, rm } from 'node:fs/promises';
import { sep } from 'node:path';

/** Never through a mount: what is mounted below belongs to somebody else. Gone already is no failure. @throws Error of the file system */
export async function removeFolder(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => unescaped(line.split(' ')[4] ?? ''));
  const inside = mounts.find((path) => path === folder || path.startsWith(`${folder}${sep}`));
  if (inside !== undefined) throw new Error(`${inside} is still mounted`);
  await rm(folder, { recursive: true, force: true });
}

/** Source: proc(5), mangle of fs/proc_namespace.c. */
const unescaped = (path: string): string =>
  path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
