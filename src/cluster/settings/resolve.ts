// pure
// Flags over configuration file over what the machine says over defaults; every mistake is named at once.
import { auditContradictions } from './audit.ts';
import { contains, parseCIDR, parseIPv4, type Setting, SETTINGS, type Settings } from './settings.ts';

/** One line a mistake, each saying where the value came from. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

export interface SettingsSources {
  /** By flag name without dashes. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  /** The parsed configuration file; keys as in Settings. */
  readonly file: { readonly path: string; readonly values: Readonly<Record<string, unknown>> } | undefined;
  /** What the machine decides: node name, node address, kubeconfig. */
  readonly machine: Partial<Readonly<Record<keyof Settings, string>>>;
}

/** @throws SettingsError listing every mistake */
export function resolveSettings(sources: SettingsSources): Settings {
  const known = new Set<string>(SETTINGS.map((setting) => setting.key));
  const unknown = Object.keys(sources.file?.values ?? {}).filter((key) => !known.has(key));
  const { values, mistakes } = readSettings(SETTINGS, sources);
  mistakes.unshift(...unknown.map((key) => `${sources.file?.path}: there is no setting ${JSON.stringify(key)}`));
  if (mistakes.length === 0)
    mistakes.push(...contradictions(values as unknown as Settings), ...auditContradictions(values as unknown as Settings));
  if (mistakes.length > 0) throw new SettingsError(mistakes.join('\n'));
  return values as unknown as Settings;
}

/** Some settings, whatever the others are: for commands that need no more. @throws SettingsError listing every mistake in them */
export function resolveSome<K extends keyof Settings>(keys: readonly K[], sources: SettingsSources): Pick<Settings, K> {
  const wanted = SETTINGS.filter(({ key }) => (keys as readonly string[]).includes(key));
  const { values, mistakes } = readSettings(wanted, sources);
  if (mistakes.length > 0) throw new SettingsError(mistakes.join('\n'));
  return values as Pick<Settings, K>;
}

interface Reading {
  readonly values: Record<string, unknown>;
  readonly mistakes: string[];
}

function readSettings(settings: readonly Setting[], { flags, file, machine }: SettingsSources): Reading {
  const mistakes: string[] = [];
  const values: Record<string, unknown> = {};
  for (const setting of settings) {
    const fromFile = file?.values[setting.key];
    const [text, source] =
      flags[setting.flag] !== undefined
        ? [flags[setting.flag] as string, `--${setting.flag}`]
        : fromFile !== undefined
          ? [Array.isArray(fromFile) ? fromFile.join(',') : String(fromFile), `${file?.path}: ${setting.key}`]
          : [machine[setting.key] ?? setting.fallback, `--${setting.flag}`];
    if (text === undefined) {
      mistakes.push(`--${setting.flag}: this machine does not tell its ${setting.description.replace(/ \(.*/, '')}; give it by hand`);
      continue;
    }
    const parsed = setting.parse(text);
    if (parsed.ok) values[setting.key] = parsed.value;
    else mistakes.push(`${source}: ${JSON.stringify(text)} ${parsed.why}`);
  }
  return { values, mistakes };
}

/** Settings that are each fine but cannot go together. */
function contradictions({ podCIDR, serviceCIDR, clusterDNS, nodeIP, port, kubeletPort }: Settings): readonly string[] {
  const pods = parseCIDR(podCIDR);
  const services = parseCIDR(serviceCIDR);
  const dns = parseIPv4(clusterDNS);
  const node = parseIPv4(nodeIP);
  if (pods === undefined || services === undefined || dns === undefined || node === undefined) return [];
  const found: string[] = [];
  if (contains(pods, services.base) || contains(services, pods.base))
    found.push(`--pod-cidr ${podCIDR} and --service-cidr ${serviceCIDR} overlap`);
  if (!contains(services, dns)) found.push(`--cluster-dns ${clusterDNS} is not in --service-cidr ${serviceCIDR}`);
  for (const [name, network] of [
    ['pod', pods],
    ['service', services],
  ] as const) {
    if (contains(network, node)) found.push(`--node-ip ${nodeIP} is in --${name}-cidr: choose another network`);
  }
  if (pods.bits > 24) found.push(`--pod-cidr ${podCIDR} is smaller than one node's /24`);
  if (port === kubeletPort) found.push(`--port and --kubelet-port are both ${port}`);
  return found;
}
