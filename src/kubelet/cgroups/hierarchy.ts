// The cgroup file systems of this machine, version 1 or 2, as one tree of names.
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CgroupError } from './errors.ts';
import { FILES_V1, FILES_V2, figuresV1, figuresV2, type CgroupFigures, type CgroupTexts } from './figures.ts';
import { writesV1, writesV2, type CgroupLimits, type CgroupSettingsNow } from './limits.ts';

export type Controller = 'cpu' | 'memory' | 'pids';

export type CgroupLayout =
  | { readonly version: 2; readonly root: string }
  /** Controller, or `name=systemd` and the like, to where it is mounted. */
  | { readonly version: 1; readonly roots: ReadonlyMap<string, string> };

/** Version 2 beside version 1 has no controller, as in /proc/self/cgroup; runtimes make groups there all the same. */
const UNIFIED = '';

/** Controllers that pods need. */
const NEEDED: readonly Controller[] = ['cpu', 'memory', 'pids'];
/** Those in which a kubelet makes its own directories under version 1; the rest is the runtime's. */
const OWN_V1: readonly string[] = ['cpu', 'cpuacct', 'memory', 'pids'];

/**
 * Version 2 when it is mounted alone, else version 1: on a hybrid machine version 1 holds the controllers.
 * `mountinfo` is /proc/self/mountinfo. @throws CgroupError when nothing usable is mounted
 */
export function detectLayout(mountinfo: string): CgroupLayout {
  const roots = new Map<string, string>();
  let unified: string | undefined;
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const path = before?.split(' ')[4];
    const [type, , options] = after?.split(' ') ?? [];
    if (path === undefined || options === undefined) continue;
    if (type === 'cgroup2') unified ??= path;
    if (type === 'cgroup')
      for (const option of options.split(',')) if (!['rw', 'ro'].includes(option) && !roots.has(option)) roots.set(option, path);
  }
  if (roots.has('cpu') || roots.has('memory')) {
    if (unified !== undefined) roots.set(UNIFIED, unified);
    return { version: 1, roots };
  }
  if (unified !== undefined) return { version: 2, root: unified };
  throw new CgroupError('no cgroup file system is mounted');
}

/** Names are absolute within the tree: `/kubepods/burstable/pod1234`. */
export class CgroupHierarchy {
  readonly layout: CgroupLayout;

  constructor(layout: CgroupLayout) {
    this.layout = layout;
  }

  /** Where a controller keeps `name`; undefined when it is not mounted. */
  path(controller: string, name: string): string | undefined {
    const root = this.layout.version === 2 ? this.layout.root : this.layout.roots.get(controller);
    return root === undefined ? undefined : join(root, name);
  }

  /** Makes the cgroup and its parents. @throws CgroupError */
  async create(name: string): Promise<void> {
    for (const path of this.#ownPaths(name)) {
      try {
        await mkdir(path, { recursive: true, mode: 0o755 });
      } catch (error) {
        throw new CgroupError(`cannot create cgroup ${path}: ${(error as Error).message}`);
      }
    }
    if (this.layout.version === 2) await this.#delegate(this.layout.root, name);
  }

  /** @throws CgroupError */
  async limit(name: string, limits: CgroupLimits): Promise<void> {
    const writes = this.layout.version === 2 ? writesV2(limits) : writesV1(limits);
    for (const { controller, file, value } of writes) {
      const directory = this.path(controller, name);
      if (directory === undefined) continue;
      try {
        await writeFile(join(directory, file), value);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT' && this.layout.version === 2) continue; // the controller is not there
        throw new CgroupError(`cannot write ${value} to ${join(directory, file)}: ${(error as Error).message}`);
      }
    }
  }

  async exists(name: string): Promise<boolean> {
    for (const path of this.#ownPaths(name)) if ((await entries(path)) === undefined) return false;
    return true;
  }

  /** Names right below `name`, in any controller. */
  async children(name: string): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const path of this.#allPaths(name)) for (const child of (await entries(path)) ?? []) found.add(child);
    return found;
  }

  /** Processes in the cgroup and below it. */
  async processes(name: string): Promise<ReadonlySet<number>> {
    const pids = new Set<number>();
    for (const path of this.#allPaths(name)) {
      for (const directory of await tree(path))
        for (const pid of (await textOf(join(directory, 'cgroup.procs'))).split('\n')) if (pid !== '') pids.add(Number(pid));
    }
    return pids;
  }

  /** Removes the cgroup and all below it, in every controller; what still has processes stays. Says whether all is gone. */
  async remove(name: string): Promise<boolean> {
    let gone = true;
    for (const path of this.#allPaths(name)) {
      for (const directory of (await tree(path)).toReversed()) {
        try {
          await rmdir(directory);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'ENOENT') continue;
          if (code !== 'EBUSY' && code !== 'ENOTEMPTY') throw error;
          gone = false;
        }
      }
    }
    return gone;
  }

  /** Text of a controller's file; empty when it is not there. */
  async read(controller: string, name: string, file: string): Promise<string> {
    const directory = this.path(controller, name);
    return directory === undefined ? '' : textOf(join(directory, file));
  }

  /** What the cgroup uses; undefined where that cannot be told. */
  async figures(name: string): Promise<CgroupFigures | undefined> {
    const isV2 = this.layout.version === 2;
    const texts = (isV2 ? FILES_V2 : FILES_V1).map(async ([controller, file]) => [
      file,
      (await this.read(controller, name, file)).trimEnd(),
    ]);
    const read = Object.fromEntries(await Promise.all(texts)) as CgroupTexts;
    return isV2 ? figuresV2(read) : figuresV1(read);
  }

  /** Processes in the cgroup itself. */
  async pids(name: string): Promise<readonly number[]> {
    const text = await this.read('pids', name, 'cgroup.procs');
    return text
      .split('\n')
      .filter((pid) => pid !== '')
      .map(Number);
  }

  /** What the cgroup's files say now. */
  async settings(name: string): Promise<CgroupSettingsNow> {
    const amount = async (controller: Controller, file: string): Promise<number> => {
      const [first = ''] = (await this.read(controller, name, file)).trim().split(' ');
      return first === '' || first === 'max' || first.startsWith('-') ? Infinity : Number(first);
    };
    const [share, quota, memory] =
      this.layout.version === 2
        ? [amount('cpu', 'cpu.weight'), amount('cpu', 'cpu.max'), amount('memory', 'memory.max')]
        : [amount('cpu', 'cpu.shares'), amount('cpu', 'cpu.cfs_quota_us'), amount('memory', 'memory.limit_in_bytes')];
    return { share: await share, quota: await quota, memory: await memory };
  }

  #ownPaths(name: string): readonly string[] {
    if (this.layout.version === 2) return [join(this.layout.root, name)];
    const { roots } = this.layout;
    return [...new Set(OWN_V1.flatMap((controller) => roots.get(controller) ?? []))].map((root) => join(root, name));
  }

  #allPaths(name: string): readonly string[] {
    if (this.layout.version === 2) return [join(this.layout.root, name)];
    return [...new Set(this.layout.roots.values())].map((root) => join(root, name));
  }

  /** Hands the controllers down to `name`, parent by parent. */
  async #delegate(root: string, name: string): Promise<void> {
    const parents: string[] = [];
    for (let path = dirname(join(root, name)); path.length >= root.length; path = dirname(path)) parents.unshift(path);
    for (const parent of parents) {
      const offered = (await textOf(join(parent, 'cgroup.controllers'))).trim().split(' ');
      const enabled = (await textOf(join(parent, 'cgroup.subtree_control'))).trim().split(' ');
      const wanted = [...NEEDED, 'cpuset', 'io', 'hugetlb'].filter(
        (controller) => offered.includes(controller) && !enabled.includes(controller),
      );
      if (wanted.length === 0) continue;
      try {
        await writeFile(join(parent, 'cgroup.subtree_control'), wanted.map((controller) => `+${controller}`).join(' '));
      } catch (error) {
        throw new CgroupError(`cannot enable controllers ${wanted.join(', ')} in ${parent}: ${(error as Error).message}`);
      }
    }
  }
}

/** Directories below `path`; undefined when it is not there. */
async function entries(path: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** `path` and all directories below it, parents first. */
async function tree(path: string): Promise<readonly string[]> {
  const children = await entries(path);
  if (children === undefined) return [];
  const below = await Promise.all(children.map((child) => tree(join(path, child))));
  return [path, ...below.flat()];
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'EOPNOTSUPP') return '';
    throw error;
  }
}
