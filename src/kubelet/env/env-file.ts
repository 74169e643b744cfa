// Variables from a file in a volume: `NAME='value'` a line.
import { readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { FileKeySelector } from '#api/types.ts';
import { EnvironmentError } from './errors.ts';

/** Largest file that is read, bytes. Source: env MaxEnvFileSize. */
const MAX_FILE_BYTES = 64 * 1024;

/**
 * Undefined when an optional key has no value; an empty value counts as none.
 * @throws EnvironmentError when the volume, the file or the key is missing, or the file cannot be read up to the key. An optional key
 * needs its file all the same. Source: makeEnvironmentVariables
 */
export async function readEnvFile(
  selector: FileKeySelector,
  volumePath: (name: string) => string | undefined,
): Promise<string | undefined> {
  const root = volumePath(selector.volumeName);
  if (root === undefined) throw new EnvironmentError(`cannot find the volume "${selector.volumeName}" referenced by FileKeyRef`);
  const path = join(root, selector.path);
  const value = envFileValue(await textWithin(root, path), selector.key);
  if (value !== '') return value;
  if (selector.optional === true) return undefined;
  throw new EnvironmentError(`environment variable key "${selector.key}" not found in file "${path}"`);
}

/** @throws EnvironmentError unless `path` is a file, not too large, whose links do not lead out of `root` */
async function textWithin(root: string, path: string): Promise<string> {
  try {
    const [real, realRoot] = await Promise.all([realpath(path), realpath(root)]);
    if (real !== realRoot && !real.startsWith(realRoot + sep)) throw unreadable();
    const bytes = await readFile(real);
    if (bytes.length > MAX_FILE_BYTES) throw unreadable();
    return bytes.toString('utf8');
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw unreadable(); // whose words may tell paths of the node
    throw error;
  }
}

const unreadable = (): EnvironmentError => new EnvironmentError("couldn't parse env file");

/**
 * The value of `key`, empty when there is none. As a shell reads `NAME='value'`, where a value may have several lines and a comment
 * after it; `NAME= 'value'` assigns nothing. Lines after the one that is looked for do not matter.
 * @throws EnvironmentError for a line of another form before it; Source: env.ParseEnv
 */
export function envFileValue(text: string, key: string): string {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  for (let at = 0; at < lines.length; at++) {
    const line = (lines[at] as string).replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const [, name, assigned] = /^([^=]*[^= \t])=(.*)$/s.exec(line) ?? [];
    if (name === undefined || assigned === undefined) throw unreadable();
    if (/^[ \t]/.test(assigned)) {
      if (name === key) return '';
      continue;
    }
    if (!assigned.startsWith("'")) throw unreadable();
    const value: string[] = [];
    let rest = assigned.slice(1);
    while (!rest.includes("'")) {
      value.push(rest);
      const next = lines[++at];
      if (next === undefined) throw unreadable();
      rest = next;
    }
    const end = rest.indexOf("'");
    if (!/^[ \t]*(?:#|$)/.test(rest.slice(end + 1))) throw unreadable();
    if (name === key) return [...value, rest.slice(0, end)].join('\n');
  }
  return '';
}
