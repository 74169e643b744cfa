// The settings of the last `proa up`, as every later command reads them.
import { readJson, replaceJson } from '../instance/json-file.ts';
import { type Place, pathsOf } from '../instance/paths.ts';
import { hasAddress, primaryAddress } from '../machine/facts.ts';
import { addressesNow } from '../machine/node-address.ts';
import { versionProblem } from '../machine/state-version.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { type Setting, SETTINGS, type Settings } from '../settings/settings.ts';
import { listOf } from '../settings/networks.ts';
import { duration } from '../settings/value.ts';
import { CommandError } from './command-error.ts';

/** What lies in the file. */
interface SettingsFile extends Partial<Settings> {
  /** The machine had these addresses then: should it be given others, the node follows. */
  readonly nodeIPOfMachine?: boolean;
}

export function storeSettings(settings: Settings): void {
  const { nodes, nodeIP } = settings;
  // Several nodes meet on a bridge that comes after its address was chosen.
  const nodeIPOfMachine = nodes === 1 && listOf(nodeIP).every(hasAddress);
  replaceJson(pathsOf(settings).settings, { ...settings, nodeIPOfMachine } satisfies SettingsFile);
}

export type StoredSettings = Partial<Record<keyof Settings, string>>;

/**
 * As text; empty when there was no `proa up` in this data folder.
 * @throws CommandError when another version of Proa wrote them, or they are damaged
 */
export function readStoredSettings(place: Place): StoredSettings {
  const problem = versionProblem(place);
  if (problem !== undefined) throw new CommandError(problem);
  const { settings } = pathsOf(place);
  let stored: SettingsFile;
  try {
    stored = readJson<SettingsFile>(settings) ?? {};
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CommandError(
      `${settings} is damaged (${error.message}): remove it and give the cluster's flags to proa up again, or start anew with proa reset`,
    );
  }
  const texts: StoredSettings = Object.fromEntries(
    SETTINGS.filter(({ key }) => stored[key] !== undefined).map(({ key, parse }) => [key, asText(stored[key], parse)]),
  );
  if (stored.nodeIPOfMachine !== true || texts.nodeIP === undefined) return texts;
  return { ...texts, nodeIP: addressesNow(texts.nodeIP, hasAddress, primaryAddress) };
}

/** What `parse` reads as this value. */
function asText(value: unknown, parse: Setting['parse']): string {
  if (Array.isArray(value)) return value.join(',');
  return (parse as unknown) === duration ? `${String(value)}ms` : String(value);
}

/** As it would be given to the setting's flag. */
export function settingText(settings: Settings, key: keyof Settings): string {
  const setting = SETTINGS.find((each) => each.key === key) as Setting;
  return asText(settings[key], setting.parse);
}

/** The settings the running or stopped cluster was started with. @throws CommandError if none was, or as readStoredSettings */
export function settingsOf(place: Place): Settings {
  const stored = readStoredSettings(place);
  if (Object.keys(stored).length === 0) throw new CommandError(`there is no cluster in ${place.dataDir}: make one with proa up`);
  return resolveSettings({ flags: {}, file: undefined, machine: { ...stored, dataDir: place.dataDir, runDir: place.runDir } });
}
