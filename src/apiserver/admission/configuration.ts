// pure
// The file that --admission-control-config-file names: what plugins are configured with.
// Source: apiserver pkg/admission config.go, apis/apiserver/v1 AdmissionConfiguration.
import { invalid, required, duplicate, notSupported, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { dns1123Label, dns1123Subdomain } from '#apimachinery/names.ts';
import { ConfigurationError, decodeConfiguration, refuseConfiguration, type ConfigurationKind } from '../configuration/decode.ts';
import type { AdmissionSettings } from './default-plugins.ts';
import { EVENT_LIMIT_TYPES, type EventLimit } from './event-rate-limit.ts';
import type { PodSecuritySettings } from './pod-security/plugin.ts';
import { LEVEL_PROBLEM, readLevel, readMinor, VERSION_PROBLEM, type LevelVersion, type Policy } from './pod-security/policy.ts';
import { isAdmissionPlugin } from './plugin-names.ts';

const ADMISSION: ConfigurationKind = {
  kind: 'AdmissionConfiguration',
  apiVersions: ['apiserver.config.k8s.io/v1', 'apiserver.k8s.io/v1alpha1'],
  shape: { fields: { plugins: { list: { fields: { name: 'string', path: 'string', configuration: 'any' } } } } },
};

const POD_SECURITY: ConfigurationKind = {
  kind: 'PodSecurityConfiguration',
  apiVersions: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `pod-security.admission.config.k8s.io/${version}`),
  shape: {
    fields: {
      defaults: { map: 'string' },
      exemptions: { fields: { usernames: { list: 'string' }, namespaces: { list: 'string' }, runtimeClasses: { list: 'string' } } },
    },
  },
};

const EVENT_RATE_LIMIT: ConfigurationKind = {
  kind: 'Configuration',
  apiVersions: ['eventratelimit.admission.k8s.io/v1alpha1'],
  shape: { fields: { limits: { list: { fields: { type: 'string', qps: 'number', burst: 'number', cacheSize: 'number' } } } } },
};

interface AdmissionConfiguration {
  readonly plugins?: readonly { readonly name?: string; readonly path?: string; readonly configuration?: unknown }[];
}

/** @param readFile text of a file by its path as the configuration has it. @throws ConfigurationError; what `readFile` throws */
export function readAdmissionConfiguration(
  text: string,
  readFile: (path: string) => string,
): Pick<AdmissionSettings, 'podSecurity' | 'eventLimits'> {
  const { plugins = [] } = decodeConfiguration<AdmissionConfiguration>(text, ADMISSION);
  const settings: { podSecurity?: PodSecuritySettings; eventLimits?: readonly EventLimit[] } = {};
  const seen = new Set<string>();
  for (const { name = '', path = '', configuration } of plugins) {
    if (seen.has(name)) continue; // the first one of a name counts
    seen.add(name);
    const own =
      configuration === undefined || configuration === null ? (path === '' ? undefined : readFile(path)) : JSON.stringify(configuration);
    if (own === undefined) continue;
    if (name === 'PodSecurity') settings.podSecurity = readPodSecurity(own);
    else if (name === 'EventRateLimit') settings.eventLimits = readEventLimits(own);
    else
      throw new ConfigurationError(
        `the admission plugin ${JSON.stringify(name)} ${isAdmissionPlugin(name) ? 'takes no configuration' : 'is unknown'}`,
      );
  }
  return settings;
}

/** Source: pod-security-admission admission/api/validation ValidatePodSecurityConfiguration. */
function readPodSecurity(text: string): PodSecuritySettings {
  const { defaults = {}, exemptions = {} } = decodeConfiguration<{
    readonly defaults?: Readonly<Record<string, string>>;
    readonly exemptions?: NonNullable<PodSecuritySettings['exemptions']>;
  }>(text, POD_SECURITY);
  const errors: FieldError[] = [];
  const known = new Set<string>();
  const mode = (name: keyof Policy): LevelVersion => {
    for (const key of [name, `${name}-version`]) known.add(key);
    const [level, version] = [defaults[name] || 'privileged', defaults[`${name}-version`] || 'latest'];
    const read = { level: readLevel(level), minor: readMinor(version) };
    if (read.level === undefined) errors.push(invalid(`defaults.${name}`, level, LEVEL_PROBLEM));
    if (read.minor === 'wrong') errors.push(invalid(`defaults.${name}-version`, version, VERSION_PROBLEM));
    return { level: read.level ?? 'restricted', minor: read.minor === 'wrong' ? undefined : read.minor };
  };
  const policy: Policy = { enforce: mode('enforce'), warn: mode('warn'), audit: mode('audit') };
  const unknown = Object.keys(defaults).find((key) => !known.has(key));
  if (unknown !== undefined) throw new ConfigurationError(`strict decoding error: unknown field "defaults.${unknown}"`);
  errors.push(
    ...exempted('namespaces', exemptions.namespaces, dns1123Label),
    ...exempted('runtimeClasses', exemptions.runtimeClasses, dns1123Subdomain),
    ...exempted('usernames', exemptions.usernames, () => []),
  );
  refuseConfiguration(errors);
  return { defaults: policy, exemptions };
}

function exempted(field: string, names: readonly string[] = [], check: (name: string) => readonly string[]): readonly FieldError[] {
  return names.flatMap((name, i) => {
    const at = Path.of('exemptions', field).index(i);
    const problems = check(name);
    if (field === 'usernames' && name === '') return [required(at, '')];
    if (problems.length > 0) return [invalid(at, name, problems.join(', '))];
    return names.indexOf(name) < i ? [duplicate(at, name)] : [];
  });
}

/** Source: eventratelimit validation ValidateConfiguration. */
function readEventLimits(text: string): readonly EventLimit[] {
  const { limits = [] } = decodeConfiguration<{ readonly limits?: readonly Partial<EventLimit>[] }>(text, EVENT_RATE_LIMIT);
  const whole = limits.map(({ type = '' as EventLimit['type'], qps = 0, burst = 0, cacheSize = 0 }) => ({ type, qps, burst, cacheSize }));
  refuseConfiguration([
    ...(whole.length === 0 ? [invalid('limits', null, 'must not be empty')] : []),
    ...whole.flatMap(({ type, qps, burst, cacheSize }, i) => {
      const at = Path.of('limits').index(i);
      return [
        ...(EVENT_LIMIT_TYPES.includes(type) ? [] : [notSupported(at.child('type'), type, EVENT_LIMIT_TYPES)]),
        ...(burst > 0 ? [] : [invalid(at.child('burst'), burst, 'must be positive')]),
        ...(qps > 0 ? [] : [invalid(at.child('qps'), qps, 'must be positive')]),
        ...(type === 'Server' || cacheSize >= 0 ? [] : [invalid(at.child('cacheSize'), cacheSize, 'must not be negative')]),
      ];
    }),
  ]);
  return whole;
}
