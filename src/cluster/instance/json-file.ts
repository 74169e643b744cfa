// Small files by which processes of one machine tell each other how things are.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Readers see the old content or the new one, after a power failure too. */
export function replaceText(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text, { flush: true });
  renameSync(`${path}.new`, path);
}

/** As replaceText. */
export function replaceJson(path: string, value: unknown): void {
  replaceText(path, JSON.stringify(value));
}

/** What a process of ours wrote there with replaceJson; undefined when nothing is there. @throws SyntaxError when it was damaged since */
export function readJson<T>(path: string): T | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined;
}

/** As readJson, for what can be done without: undefined when it is damaged, too. */
export function readJsonIfWhole<T>(path: string): T | undefined {
  try {
    return readJson<T>(path);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
