// Which files of the checkout a tool looks at.
import { existsSync, globSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { ROOT } from './node.mjs';

const SKIPPED = ['node_modules', '.cache', 'dist', 'docs'];

/**
 * TypeScript files under `paths` (files or folders, relative to the working folder; none: the whole checkout), as
 * sorted paths from the checkout's root.
 * @throws Error when a path does not exist: a filter that matches nothing must not look like success
 */
export function typescriptFiles(paths: readonly string[]): string[] {
  const roots = paths.length === 0 ? [ROOT] : paths.map((path) => existing(path));
  const found = roots.flatMap((root) =>
    statSync(root).isFile()
      ? [root]
      : globSync('**/*.{ts,tsx}', { cwd: root, exclude: (name) => SKIPPED.includes(name) }).map((file) => resolve(root, file)),
  );
  return [...new Set(found.map((file) => relative(ROOT, file)))].toSorted();
}

function existing(path: string): string {
  const full = resolve(path);
  if (!existsSync(full)) throw new Error(`no such file or folder: ${path}`);
  return full;
}
