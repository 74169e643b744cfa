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
  const told = `--${SETTINGS.find((setting) => setting.key === key)?.flag ?? key} ${path}`;
  const text = textOf(path, told);
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof Error) || !OF_THE_FILE.has(error.name)) throw error;
    throw new SettingsError(`${told}: ${error.message}`, { cause: error });
  }
}

function textOf(path: string, told: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SettingsError(`${told} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
}
