// Paths inside volumes and containers. Source: validateLocalDescendingPath, ValidateLocalNonReservedPath.
import type { Path } from '#apimachinery/field-path.ts';
import type { Problems } from '../problems.ts';

export const hasBacksteps = (path: string): boolean => path.split('/').includes('..');

export function validateNoBacksteps(out: Problems, at: Path, path: string): void {
  if (hasBacksteps(path)) out.invalid(at, path, "must not contain '..'");
}

/** Relative, and never upwards. */
export function validateDescending(out: Problems, at: Path, path: string): void {
  if (path.startsWith('/')) out.invalid(at, path, 'must be a relative path');
  validateNoBacksteps(out, at, path);
}

/** As validateDescending, and not one of the names that atomic volume writers use. */
export function validateNotReserved(out: Problems, at: Path, path: string): void {
  validateDescending(out, at, path);
  if (path.startsWith('..') && !path.startsWith('../')) out.invalid(at, path, "must not start with '..'");
}

/** Largest mode of a projected file. */
const MAX_FILE_MODE = 0o777;

export function validateFileMode(out: Problems, at: Path, mode: number | undefined): void {
  if (mode !== undefined && (mode > MAX_FILE_MODE || mode < 0)) {
    out.invalid(at, mode, 'must be a number between 0 and 0777 (octal), both inclusive');
  }
}
