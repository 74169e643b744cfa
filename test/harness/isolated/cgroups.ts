// A cgroup in every hierarchy of this machine for one isolated test, and its removal with all that was made below.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Groups are named for the process that made them, so that those of a killed one can be told and removed. */
const PREFIX = 'proa-test-';

export interface IsolatedCgroups {
  /** Folders of the new groups, one a hierarchy. */
  readonly folders: readonly string[];
  /** Removes them; nothing may run in them any more. */
  remove(): void;
}

export function isolatedCgroups(): IsolatedCgroups {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').flatMap(cgroupMount);
  for (const { point } of mounts) removeStale(point);

  const folders = mounts.map(({ point, version }) => {
    const folder = join(point, `${PREFIX}${process.pid}`);
    mkdirSync(folder);
    if (version === 1) inheritCpus(point, folder);
    else delegate(point);
    return folder;
  });
  return { folders, remove: () => folders.forEach(removeTree) };
}

function cgroupMount(line: string): { point: string; version: 1 | 2 }[] {
  const [left = '', right = ''] = line.split(' - ');
  const point = left.split(' ')[4];
  const [type] = right.split(' ');
  if (point === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
  return [{ point, version: type === 'cgroup' ? 1 : 2 }];
}

/** A new version 1 cpuset is empty and takes no process until it has processors and memory nodes. */
function inheritCpus(parent: string, folder: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (existsSync(join(parent, file))) writeFileSync(join(folder, file), readFileSync(join(parent, file)));
  }
}

/** Version 2 hands a controller down only where the parent says so. */
function delegate(parent: string): void {
  const words = (file: string): string[] => readFileSync(join(parent, file), 'utf8').split(/\s+/).filter(Boolean);
  const on = words('cgroup.subtree_control');
  for (const controller of words('cgroup.controllers')) {
    if (!on.includes(controller)) writeFileSync(join(parent, 'cgroup.subtree_control'), `+${controller}`);
  }
}

function removeStale(point: string): void {
  for (const name of readdirSync(point)) {
    const pid = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    try {
      removeTree(join(point, name));
    } catch (error) {
      // The last of its processes is still ending: the next test that starts removes it.
      if (!(error instanceof Error && 'code' in error && error.code === 'EBUSY')) throw error;
    }
  }
}

/** Groups go from the innermost out; their control files are not files one could unlink. */
function removeTree(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(folder, entry.name));
    }
    rmdirSync(folder);
  } catch (error) {
    // Another test that starts just now may remove the same stale group.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
