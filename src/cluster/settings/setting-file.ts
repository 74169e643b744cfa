// What the files say that settings name.
import { readFileSync } from 'node:fs';
import { SettingsError } from './resolve.ts';
import { SETTINGS, type Settings } from './settings.ts';

/** Errors of readers of such files, whose message is written for whoever wrote the file. By name: readers are loaded only when they are used. */
const OF_THE_FILE: ReadonlySet<string> = new Set(['ConfigurationError', 'YAMLException', 'YamlError']);

/**
 * What `path` says, the value of setting `key`, by `read`.
 * @throws SettingsError naming the flag, for a file that cannot be read or says what cannot be used
 */
export function settingFile<T>(key: keyof Settings, path: string, read: (text: string) => T): T {
  const text = textOf(path, toldAs(key, path));
  try {
    return read(text);
  } catch (error) {
    throw faultOfFile(key, path, error);
  }
}

/** What to throw for `error` of a reader of that file: a SettingsError that names the flag, or what is no fault of the file as it is. */
export function faultOfFile(key: keyof Settings, path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !OF_THE_FILE.has(error.name)) return error;
  return new SettingsError(`${toldAs(key, path)}: ${error.message}`, { cause: error });
}

const toldAs = (key: keyof Settings, path: string): string => `--${SETTINGS.find((setting) => setting.key === key)?.flag ?? key} ${path}`;

function textOf(path: string, told: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SettingsError(`${told} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
}
