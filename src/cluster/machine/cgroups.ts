// The cgroups of pods, as a reset finds them: in every hierarchy of this machine, below one root.
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { slicePath } from '#kubelet/systemd/slice-names.ts';

/** `root` is the cgroup that pods' groups lie below. */
const podGroups = (root: string): readonly string[] => foldersOf(join(root, 'kubepods'), slicePath(join(root, 'kubepods')));

/** Of the groups of these names that there are, in each hierarchy. */
function foldersOf(...names: readonly string[]): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .flatMap((line) => names.map((name) => join(line.split(' ')[4] as string, name)))
    .filter((folder) => existsSync(folder));
}

/** Of every process in a pod's group. */
export function podProcesses(root: string): ReadonlySet<number> {
  const found = new Set<number>();
  const read = (folder: string): void => {
    for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) found.add(Number(pid));
    for (const child of childrenOf(folder)) read(child);
  };
  for (const folder of podGroups(root)) read(folder);
  return found;
}

/** Only groups without processes can be removed; the innermost first. */
export function removeCgroups(root: string): void {
  for (const folder of podGroups(root)) remove(folder);
}

/** Those groups `names` in `parent`, and `parent` itself unless something else is in it. They hold no pods any more. */
export function removeCgroupsIn(parent: string, names: readonly string[]): void {
  for (const folder of foldersOf(...names.map((name) => join(parent, name)))) remove(folder);
  for (const folder of foldersOf(parent)) if (childrenOf(folder).length === 0) remove(folder);
}

function remove(folder: string): void {
  for (const child of childrenOf(folder)) remove(child);
  rmdirSync(folder);
}

const childrenOf = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
