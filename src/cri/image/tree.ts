// What goes into an image layer: single files given as data, or a folder of the disk with everything below it.
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { TarEntry } from './tar.ts';

/** A file, folder or link of a layer, as data. Owner root and mode 0644, folders 0755, unless said otherwise. */
export interface LayerFile {
  /** Absolute in the image: `/etc/passwd`. Folders above it are made. */
  readonly path: string;
  readonly content: { readonly text: string } | { readonly bytes: Uint8Array } | { readonly link: string } | 'folder';
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export type LayerSource =
  | { readonly kind: 'files'; readonly files: readonly LayerFile[] }
  /** The folder's contents become the image's root; owners and modes are those on the disk. */
  | { readonly kind: 'folder'; readonly folder: string };

/** A layer's entries, parents before children, in the order of their paths. */
export function layerEntries(source: LayerSource): Iterable<TarEntry> | AsyncIterable<TarEntry> {
  return source.kind === 'files' ? fileEntries(source.files) : folderEntries(source.folder);
}

function fileEntries(files: readonly LayerFile[]): TarEntry[] {
  const entries = new Map<string, TarEntry>();
  for (const file of files) {
    const path = relativePath(file.path);
    for (const parent of parentsOf(path)) {
      if (!entries.has(parent)) entries.set(parent, { kind: 'directory', path: parent, mode: 0o755, uid: 0, gid: 0 });
    }
    entries.set(path, fileEntry(path, file));
  }
  return [...entries.values()].toSorted((a, b) => compare(a.path, b.path));
}

function fileEntry(path: string, { content, mode, uid = 0, gid = 0 }: LayerFile): TarEntry {
  if (content === 'folder') return { kind: 'directory', path, mode: mode ?? 0o755, uid, gid };
  if ('link' in content) return { kind: 'symlink', path, mode: 0o777, uid, gid, target: content.link };
  const body = 'text' in content ? Buffer.from(content.text) : content.bytes;
  return { kind: 'file', path, mode: mode ?? 0o644, uid, gid, body };
}

/** @throws RangeError for a path that is not absolute or leaves the root */
function relativePath(path: string): string {
  const parts = path.split('/').slice(1);
  const sound = path.startsWith('/') && parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (!sound) throw new RangeError(`${JSON.stringify(path)} is no plain absolute path`);
  return parts.join('/');
}

function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

/** Source: POSIX, S_IFMT and kin are left out: only what chmod may set. */
const PERMISSIONS = 0o7777;

async function* folderEntries(root: string): AsyncGenerator<TarEntry> {
  /** Where a file with several names was first seen. */
  const firstNames = new Map<string, string>();

  async function* walk(folder: string): AsyncGenerator<TarEntry> {
    const names = await readdir(join(root, folder));
    for (const name of names.toSorted(compare)) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const onDisk = join(root, path);
      const stat = await lstat(onDisk);
      const base = { path, mode: stat.mode & PERMISSIONS, uid: stat.uid, gid: stat.gid };
      if (stat.isDirectory()) {
        yield { ...base, kind: 'directory' };
        yield* walk(path);
      } else if (stat.isSymbolicLink()) {
        yield { ...base, kind: 'symlink', target: await readlink(onDisk) };
      } else if (stat.isFile()) {
        const inode = `${stat.dev}:${stat.ino}`;
        const first = stat.nlink > 1 ? firstNames.get(inode) : undefined;
        firstNames.set(inode, path);
        if (first !== undefined) yield { ...base, kind: 'hardlink', target: first };
        else yield { ...base, kind: 'file', body: { size: stat.size, open: () => createReadStream(onDisk) } };
      } else throw new Error(`${onDisk} is neither file, folder nor link`);
    }
  }

  yield* walk('');
}

/** By UTF-16 units, as `<` has it: any fixed order will do. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
