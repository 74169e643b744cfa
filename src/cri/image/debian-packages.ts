// Debian packages by apt's and dpkg's own programs: which are needed, their files in a cache, their contents in a folder.
import { lstat, mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProgramError, runProgram } from '#base/program.ts';

export interface DebianArchive {
  /** Where packages and images are kept from one build to the next. */
  readonly cacheFolder: string;
  /** apt options, `Dir::State::lists=/folder`: for another archive than the machine's. */
  readonly aptOptions?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
}

/**
 * The packages asked for and all they depend on, on a system that has nothing yet, in an order in which they could be
 * installed.
 * @throws ProgramError when apt does not know one
 */
export async function resolvePackages(
  wanted: readonly string[],
  without: readonly string[],
  archive: DebianArchive,
): Promise<DebianPackage[]> {
  for (const name of wanted) if (!PACKAGE_NAME.test(name)) throw new RangeError(`${JSON.stringify(name)} is no package name`);
  await mkdir(archive.cacheFolder, { recursive: true });
  const nothing = join(archive.cacheFolder, 'nothing-installed');
  await writeFile(nothing, '');
  const plan = await apt(
    ['--simulate', `--option=Dir::State::status=${nothing}`, '--no-install-recommends', 'install', ...wanted],
    archive,
  );
  return parsePlan(plan).filter(({ name }) => !without.includes(name));
}

/** Source: Debian Policy 5.6.1. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/;

/** `Inst libc6 (2.36-9 Debian:12/stable [amd64])`. Source: apt-get(8), --simulate. */
export function parsePlan(plan: string): DebianPackage[] {
  return [...plan.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) /gm)].map(([, name, version]) => ({
    name: (name as string).replace(/:.*$/, ''),
    version: version as string,
  }));
}

/** Fetches what the cache lacks; apt checks signatures and digests. @returns the packages' files, in the same order */
export async function downloadPackages(packages: readonly DebianPackage[], archive: DebianArchive): Promise<string[]> {
  const folder = join(archive.cacheFolder, 'packages');
  await mkdir(folder, { recursive: true });
  const exact = ({ name, version }: DebianPackage): string => `${name}=${version}`;
  // apt lists them in an order of its own.
  const files = new Map(
    parseUris(await apt(['--print-uris', 'download', ...packages.map(exact)], archive)).map((file) => [file.package, file]),
  );
  const missing: DebianPackage[] = [];
  for (const each of packages) if (!(await isWhole(files.get(each.name), folder))) missing.push(each);
  if (missing.length > 0) await apt(['--quiet', 'download', ...missing.map(exact)], archive, folder);
  return packages.map(({ name }) => join(folder, files.get(name)?.name ?? name));
}

async function isWhole(file: PackageFile | undefined, folder: string): Promise<boolean> {
  return file !== undefined && (await sizeOf(join(folder, file.name))) === file.size;
}

interface PackageFile {
  /** The package it holds. */
  readonly package: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/** `'http://…/libc6_2.36-9_amd64.deb' libc6_2.36-9_amd64.deb 2759320 SHA256:…`. Source: apt-get(8), --print-uris. */
export function parseUris(listed: string): PackageFile[] {
  return [...listed.matchAll(/^'\S+' (([^_\s]+)_\S+) (\d+)/gm)].map(([, name, of, size]) => ({
    package: of as string,
    name: name as string,
    size: Number(size),
  }));
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Folders that are links into /usr. Source: Debian UsrMerge; packages may still carry files in either. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];

/** Unpacks packages into `root`, which is made. */
export async function unpackPackages(files: readonly string[], root: string, { signal }: Pick<DebianArchive, 'signal'>): Promise<void> {
  await mkdir(root);
  for (const file of files) await runProgram('dpkg-deb', ['--extract', file, root], signal === undefined ? {} : { signal });
  await mkdir(join(root, 'usr'), { recursive: true });
  for (const name of MERGED) {
    await moveInto(join(root, name), join(root, 'usr', name));
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
}

/** Moves what is at `from` to `to`, entry by entry where both are folders. @throws Error when both have one file */
async function moveInto(from: string, to: string): Promise<void> {
  const [source, target] = [await kindOf(from), await kindOf(to)];
  if (source === 'none') return;
  if (target === 'none') return rename(from, to);
  if (source !== 'folder' || target !== 'folder') throw new Error(`two packages have ${to}`);
  for (const name of await readdir(from)) await moveInto(join(from, name), join(to, name));
  await rm(from, { recursive: true });
}

async function kindOf(path: string): Promise<'none' | 'folder' | 'other'> {
  try {
    return (await lstat(path)).isDirectory() ? 'folder' : 'other';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'none';
    throw error;
  }
}

/** Runs without apt's own binary cache, which would be made for the empty system of `resolvePackages`. */
const UNCACHED = ['--option=Dir::Cache::pkgcache=', '--option=Dir::Cache::srcpkgcache='];

function apt(args: readonly string[], { aptOptions = [], cacheFolder, signal }: DebianArchive, cwd = cacheFolder): Promise<string> {
  const options = aptOptions.map((option) => `--option=${option}`);
  return runProgram('apt-get', [...UNCACHED, ...options, ...args], { cwd, ...(signal === undefined ? {} : { signal }) });
}

/**
 * Runs `use`, and once more after `apt-get update` if it fails: a new machine has no package lists, one that was not used
 * for a while has old ones.
 * @throws ProgramError with the words of the last failure, and of the update where that failed
 */
export async function withPackageLists<T>(archive: DebianArchive, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    try {
      await apt(['--quiet', 'update'], archive);
    } catch (cause) {
      if (!(cause instanceof ProgramError)) throw cause;
      throw new ProgramError(error.message, `new package lists cannot be had: ${cause.message}`, { cause });
    }
    return use();
  }
}
