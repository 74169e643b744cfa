// pure
// Flags over configuration file over what the machine says over defaults; every mistake is named at once.
import { wantedFamilies } from './cluster-network.ts';
import { admissionContradictions } from './admission.ts';
import { auditContradictions } from './audit.ts';
import {
  addresses,
  contains,
  familiesOf,
  type Family,
  familyOf,
  firstOf,
  listOf,
  networks,
  ofFamily,
  overlap,
  parseNetwork,
  type Network,
} from './networks.ts';
import { type Setting, SETTINGS, type Settings } from './settings.ts';

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
  readonly machine: Partial<Readonly<Record<keyof Settings, string>>> & {
    /** `nodeIP` of IPv6: asked for only where the cluster has it. */
    readonly nodeIPv6?: () => string | undefined;
  };
}

/** @throws SettingsError listing every mistake */
export function resolveSettings(sources: SettingsSources): Settings {
  const known = new Set<string>(SETTINGS.map((setting) => setting.key));
  const unknown = Object.keys(sources.file?.values ?? {}).filter((key) => !known.has(key));
  const { values, mistakes } = readSettings(SETTINGS, sources);
  mistakes.unshift(...unknown.map((key) => `${sources.file?.path}: there is no setting ${JSON.stringify(key)}`));
  if (mistakes.length === 0) {
    const settings = values as unknown as Settings;
    mistakes.push(...contradictions(settings), ...auditContradictions(settings), ...admissionContradictions(settings));
  }
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

function readSettings(settings: readonly Setting[], sources: SettingsSources): Reading {
  const mistakes: string[] = [];
  const values: Record<string, unknown> = {};
  const families = familiesWanted(sources);
  for (const setting of settings) {
    const { text, source } = given(setting.key, setting.flag, sources) ?? {
      text: preset(setting, families, sources.machine),
      source: `--${setting.flag}`,
    };
    if (text === undefined) {
      mistakes.push(`--${setting.flag}: this machine does not tell the ${setting.description.replace(/( \(|,).*/, '')}; give it by hand`);
      continue;
    }
    const parsed = setting.parse(text);
    if (parsed.ok) values[setting.key] = parsed.value;
    else mistakes.push(`${source}: ${JSON.stringify(text)} ${parsed.why}`);
  }
  return { values, mistakes };
}

/** What a flag says, or the file, and which of them it was. */
function given(
  key: keyof Settings,
  flag: string,
  { flags, file }: SettingsSources,
): { readonly text: string; readonly source: string } | undefined {
  const fromFlag = flags[flag];
  if (fromFlag !== undefined) return { text: fromFlag, source: `--${flag}` };
  const fromFile = file?.values[key];
  if (fromFile === undefined) return undefined;
  return { text: Array.isArray(fromFile) ? fromFile.join(',') : String(fromFile), source: `${file?.path}: ${key}` };
}

/** In order: as asked for by name; as the ranges, or the node's addresses, that are given have them; IPv4, if the machine has it. */
function familiesWanted(sources: SettingsSources): readonly Family[] {
  const textOf = (key: keyof Settings, flag: string): string => given(key, flag, sources)?.text ?? sources.machine[key] ?? '';
  const asked = wantedFamilies(textOf('ipFamily', 'ip-family'));
  if (asked !== undefined) return asked;
  const ranges = [textOf('podCIDR', 'pod-cidr'), textOf('serviceCIDR', 'service-cidr')].map(networks);
  const known = [...ranges, addresses(given('nodeIP', 'node-ip', sources)?.text ?? '')].find(({ ok }) => ok);
  if (known?.ok === true) return familiesOf(known.value);
  const { nodeIP, nodeIPv6 } = sources.machine;
  return nodeIP === undefined && nodeIPv6?.() !== undefined ? ['IPv6'] : ['IPv4'];
}

/** Where nothing was said: what the machine says, or else the default. */
function preset(
  { key, fallback, fallback6 }: Setting,
  families: readonly Family[],
  machine: SettingsSources['machine'],
): string | undefined {
  if (key === 'nodeIP') return machineAddresses(families, machine);
  if (machine[key] !== undefined) return machine[key];
  if (fallback === undefined || fallback6 === undefined) return fallback;
  // `::` takes connections of both families.
  if (key === 'bindAddress') return families.includes('IPv6') ? fallback6 : fallback;
  // The cluster DNS needs one address: as in every cluster, one of the main family.
  const wanted = key === 'clusterDNS' ? families.slice(0, 1) : families;
  return wanted.map((family) => (family === 'IPv4' ? fallback : fallback6)).join(',');
}

/** Of each family the cluster has, as far as the machine has one; undefined when it has none of the main family. */
function machineAddresses(families: readonly Family[], { nodeIP, nodeIPv6 }: SettingsSources['machine']): string | undefined {
  const sixth = families.includes('IPv6') ? nodeIPv6?.() : undefined;
  const known = [nodeIP, sixth].filter((text) => text !== undefined).join(',');
  const [main, ...others] = families.map((family) => ofFamily(known, family));
  return main === undefined ? undefined : [main, ...others].filter((ip) => ip !== undefined).join(',');
}

/** Settings that are each fine but cannot go together. */
function contradictions(settings: Settings): readonly string[] {
  const { podCIDR, serviceCIDR, clusterDNS, nodeIP, port, kubeletPort } = settings;
  const [pods, services] = [networksIn(podCIDR), networksIn(serviceCIDR)];
  const found: string[] = [];
  if (pods.some((a) => services.some((b) => overlap(a, b)))) found.push(`--pod-cidr ${podCIDR} and --service-cidr ${serviceCIDR} overlap`);
  if (!listOf(clusterDNS).every((ip) => services.some((network) => contains(network, ip))))
    found.push(`--cluster-dns ${clusterDNS} is not in --service-cidr ${serviceCIDR}`);
  for (const [name, list] of [
    ['pod', pods],
    ['service', services],
  ] as const) {
    if (listOf(nodeIP).some((ip) => list.some((network) => contains(network, ip))))
      found.push(`--node-ip ${nodeIP} is in --${name}-cidr: choose another network`);
  }
  for (const { family, bits } of pods) {
    const least = SMALLEST_POD_NETWORK[family];
    if (bits > least) found.push(`--pod-cidr ${podCIDR} is smaller than one node's /${least}`);
    if (family === 'IPv6' && least - bits > MOST_NODE_BITS)
      found.push(`--pod-cidr ${podCIDR} is larger than nodes can share: an IPv6 network of at least /${least - MOST_NODE_BITS}`);
  }
  for (const { family, bits } of services) {
    if (family === 'IPv6' && bits < LARGEST_SERVICE_NETWORK)
      found.push(`--service-cidr ${serviceCIDR} is too large: an IPv6 network of at least /${LARGEST_SERVICE_NETWORK}`);
  }
  if (port === kubeletPort) found.push(`--port and --kubelet-port are both ${port}`);
  return [...found, ...familyProblems(settings)];
}

/** Bits of one node's pod network. Source: --node-cidr-mask-size-ipv4, -ipv6. */
const SMALLEST_POD_NETWORK: Readonly<Record<Family, number>> = { IPv4: 24, IPv6: 64 };
/** Source: cidrset clusterSubnetMaxDiff. */
const MOST_NODE_BITS = 16;
/** Source: NewIPAllocator. */
const LARGEST_SERVICE_NETWORK = 64;

const networksIn = (text: string): readonly Network[] => listOf(text).flatMap((each) => parseNetwork(each) ?? []);

function familyProblems({ podCIDR, serviceCIDR, nodeIP }: Settings): readonly string[] {
  const found: string[] = [];
  const [pods, nodes] = [familiesOf(podCIDR), familiesOf(nodeIP)];
  const lacking = familiesOf(serviceCIDR).filter((family) => !pods.includes(family));
  if (lacking.length > 0) found.push(`--service-cidr ${serviceCIDR} has ${lacking.join(', ')}, which --pod-cidr ${podCIDR} has not`);
  const main = familyOf(firstOf(serviceCIDR));
  // The Service kubernetes has an address of the first, and leads to the second.
  if (nodes[0] !== main) found.push(`--node-ip ${nodeIP} must begin with an address of ${main}, as --service-cidr ${serviceCIDR} does`);
  return found;
}
