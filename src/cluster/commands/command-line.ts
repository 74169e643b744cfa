// What all commands share: settings from flags and files, and errors as one line with a way out.
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import type { Command } from 'commander';
import type { Place } from '../instance/paths.ts';
import { machineDefaults } from '../machine/facts.ts';
import { resolveSettings, resolveSome, type SettingsSources } from '../settings/resolve.ts';
import { SETTINGS, type Settings } from '../settings/settings.ts';
import { CommandError } from './command-error.ts';
import { readStoredSettings, settingsOf } from './stored-settings.ts';

export { CommandError } from './command-error.ts';

/** What `proa agent` takes: the rest it learns from its cluster. */
export const AGENT_SETTINGS: readonly (keyof Settings)[] = [
  'server',
  'bindAddress',
  'nodeName',
  'nodeIP',
  'kubeletPort',
  'containerRuntimeEndpoint',
  'cniConfDir',
  'cgroupRoot',
  'nodeLabels',
  'nodePortAddresses',
  'kubeletConfig',
  'imageCredentialProviderConfig',
  'imageCredentialProviderBinDir',
  'dataDir',
  'runDir',
  'logLevel',
  'logMaxSize',
];

/** What `proa server` takes: all that is not of a node. */
const NODE_ONLY: readonly (keyof Settings)[] = [
  'server',
  'nodes',
  'nodeCIDR',
  'cgroupRoot',
  'nodeLabels',
  'nodePortAddresses',
  'kubeletConfig',
  'imageCredentialProviderConfig',
  'imageCredentialProviderBinDir',
  'kubeletPort',
  'containerRuntimeEndpoint',
  'cniConfDir',
  'kubeconfig',
];
export const SERVER_SETTINGS = SETTINGS.map(({ key }) => key).filter((key) => !NODE_ONLY.includes(key));

const UP_SETTINGS = SETTINGS.map(({ key }) => key).filter((key) => key !== 'server');

/** Settings as flags, and `--config FILE`. */
export function addSettingFlags(command: Command, keys: readonly (keyof Settings)[] = UP_SETTINGS): Command {
  command.option('--config <FILE>', 'configuration file (YAML); its keys are the flags in camelCase');
  for (const { flag, argument, description, fallback } of SETTINGS.filter(({ key }) => keys.includes(key))) {
    command.option(
      `--${flag} <${argument}>`,
      fallback === undefined || fallback === '' ? description : `${description} (default: ${fallback})`,
    );
  }
  return command;
}

/** The flag that says which machine state a command is about, for commands that change no setting. */
export function addPlaceFlags(command: Command): Command {
  for (const { flag, argument, description, fallback } of SETTINGS.filter(({ key }) => key === 'dataDir' || key === 'runDir')) {
    command.option(`--${flag} <${argument}>`, `${description} (default: ${fallback})`);
  }
  return command;
}

/**
 * Flags over `--config` over what the last `proa up` used over defaults.
 * @throws SettingsError, CommandError
 */
export function settingsFrom(options: Record<string, string | undefined>): Settings {
  const [flags, file] = [flagsOf(options), configFile(options['config'])];
  const stored = readStoredSettings(resolveSome(PLACE, { flags, file, machine: {} }));
  return resolveSettings({ flags, file, machine: { ...machineDefaults(process.env), ...stored } });
}

const PLACE = ['dataDir', 'runDir'] as const;

/** Which cluster of this machine a command is about. @throws SettingsError */
export function placeFrom(options: Record<string, string | undefined>): Place {
  return resolveSome(PLACE, { flags: flagsOf(options), file: undefined, machine: {} });
}

/** @throws CommandError when there is no cluster of ours in that folder */
export const storedSettings = (options: Record<string, string | undefined>): Settings => settingsOf(placeFrom(options));

function flagsOf(options: Record<string, string | undefined>): SettingsSources['flags'] {
  return Object.fromEntries(SETTINGS.map(({ flag, key }) => [flag, options[camelCase(flag)] ?? options[key]]));
}

/** commander's name for an option. */
const camelCase = (flag: string): string => flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

function configFile(path: string | undefined): SettingsSources['file'] {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(`--config ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  let values: unknown;
  try {
    values = load(text);
  } catch (error) {
    throw new CommandError(`--config ${path} is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  if (values === null || values === undefined) return undefined;
  if (typeof values !== 'object' || Array.isArray(values)) throw new CommandError(`--config ${path} must hold settings as keys and values`);
  return { path, values: values as Readonly<Record<string, unknown>> };
}
