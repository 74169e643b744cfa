// Variables from a file in a volume: `NAME='value'` a line.
import { readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { FileKeySelector } from '#api/types.ts';
import { EnvironmentError } from './errors.ts';

/** Largest file that is read, bytes. Source: env MaxEnvFileSize. */
const MAX_FILE_BYTES = 64 * 1024;

/** @throws EnvironmentError when the volume, the file or the key is missing; Source: makeEnvironmentVariables, envutil.ParseEnv */
export async function readEnvFile(
  selector: FileKeySelector,
  volumePath: (name: string) => string | undefined,
): Promise<string | undefined> {
  const root = volumePath(selector.volumeName);
  if (root === undefined) throw new EnvironmentError(`cannot find the volume "${selector.volumeName}" referenced by FileKeyRef`);
  const path = join(root, selector.path);
  let text: string;
  try {
    const [real, realRoot] = await Promise.all([realpath(path), realpath(root)]);
    if (real !== realRoot && !real.startsWith(realRoot + sep)) throw new EnvironmentError("couldn't parse env file");
    const bytes = await readFile(real);
    if (bytes.length > MAX_FILE_BYTES) throw new EnvironmentError("couldn't parse env file");
    text = bytes.toString('utf8');
  } catch (error) {
    if (error instanceof EnvironmentError) throw error;
    if (selector.optional === true && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new EnvironmentError("couldn't parse env file");
  }
  const value = parseEnvFile(text).get(selector.key);
  if (value === undefined && selector.optional !== true)
    throw new EnvironmentError(`environment variable key "${selector.key}" not found in file "${path}"`);
  return value;
}

const LINE = /^([A-Za-z_][A-Za-z0-9_]*)='([^']*)'$/;

/**
 * Lines of `NAME='value'`; empty lines and comments are skipped.
 * @throws EnvironmentError for any other line
 */
export function parseEnvFile(text: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    if (match === null) throw new EnvironmentError("couldn't parse env file");
    out.set(match[1] as string, match[2] as string);
  }
  return out;
}
