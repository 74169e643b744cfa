// pure
// EncryptionConfiguration: which resources are encrypted how. Source: apiserver pkg/apis/apiserver/v1 types_encryption.go,
// validation/validation_encryption.go.
import { parseDuration, DurationError } from '#apimachinery/duration.ts';
import { invalid, OMITTED, required, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { decodeConfiguration, refuseConfiguration, type Shape } from '../configuration/decode.ts';

export interface NamedKey {
  readonly name?: string;
  /** Base64. */
  readonly secret?: string;
}

export interface KmsConfiguration {
  readonly apiVersion?: string;
  readonly name?: string;
  readonly cachesize?: number;
  readonly endpoint?: string;
  /** `3s`. */
  readonly timeout?: string;
}

export interface Provider {
  readonly aesgcm?: { readonly keys?: readonly NamedKey[] };
  readonly aescbc?: { readonly keys?: readonly NamedKey[] };
  readonly secretbox?: { readonly keys?: readonly NamedKey[] };
  readonly identity?: object;
  readonly kms?: KmsConfiguration;
}

export interface ResourceRule {
  readonly resources?: readonly string[];
  readonly providers?: readonly Provider[];
}

export interface EncryptionConfiguration {
  readonly resources?: readonly ResourceRule[];
}

const KEYS: Shape = { fields: { keys: { list: { fields: { name: 'string', secret: 'string' } } } } };
const PROVIDER: Shape = {
  fields: {
    aesgcm: KEYS,
    aescbc: KEYS,
    secretbox: KEYS,
    identity: { fields: {} },
    kms: { fields: { apiVersion: 'string', name: 'string', cachesize: 'number', endpoint: 'string', timeout: 'string' } },
  },
};
const KIND = {
  kind: 'EncryptionConfiguration',
  apiVersions: ['apiserver.config.k8s.io/v1'],
  shape: { fields: { resources: { list: { fields: { resources: { list: 'string' }, providers: { list: PROVIDER } } } } } },
} as const;

const AES_KEY_BYTES = [16, 24, 32];
const SECRETBOX_KEY_BYTES = [32];
/** Source: defaultTimeout of a KMS plugin. */
const DEFAULT_TIMEOUT_MS = 3_000;

/** @throws ConfigurationError naming every mistake */
export function readEncryptionConfiguration(text: string): EncryptionConfiguration {
  const configuration = decodeConfiguration<EncryptionConfiguration>(text, KIND);
  refuseConfiguration(validate(configuration));
  return configuration;
}

/** Milliseconds; undefined for what is no duration. */
export function kmsTimeout({ timeout }: KmsConfiguration): number | undefined {
  if (timeout === undefined) return DEFAULT_TIMEOUT_MS;
  try {
    return parseDuration(timeout);
  } catch (error) {
    if (error instanceof DurationError) return undefined;
    throw error;
  }
}

function validate({ resources: rules = [] }: EncryptionConfiguration): readonly FieldError[] {
  const root = Path.of('resources');
  if (rules.length === 0) return [required(root, 'at least one resources is required')];
  const names = new Set<string>();
  return [
    ...rules.flatMap(({ resources = [], providers = [] }, i) => {
      const [r, p] = [root.index(i).child('resources'), root.index(i).child('providers')];
      return [
        ...(resources.length === 0 ? [required(r, `at least one ${r.toString()} is required`)] : []),
        ...overlaps(resources, r),
        ...resources.flatMap((resource, j) => resourceName(resource, r.index(j))),
        ...(providers.length === 0 ? [required(p, `at least one ${p.toString()} is required`)] : []),
        ...providers.flatMap((provider, j) => validateProvider(provider, p.index(j), names)),
      ];
    }),
    ...maskedRules(rules, root),
  ];
}

/** `secrets` → core; `deployments.apps` → apps; `*.` → all of core; `*.*` → all. */
export function groupResource(text: string): { readonly group: string; readonly resource: string } {
  const dot = text.indexOf('.');
  return dot === -1 ? { group: '', resource: text } : { group: text.slice(dot + 1), resource: text.slice(0, dot) };
}

function overlaps(resources: readonly string[], at: Path): readonly FieldError[] {
  const parsed = resources.map(groupResource);
  const repeated = new Set(resources).size !== resources.length;
  const overlapping = parsed.some((one, i) =>
    parsed.some((other, j) => {
      if (i === j) return false;
      if (one.group === '*' && one.resource === '*') return true;
      const same = one.group === other.group && one.resource === other.resource;
      return !same && one.group === other.group && (one.resource === '*' || other.resource === '*');
    }),
  );
  return [
    ...(repeated ? [invalid(at, resources, 'the same resource cannot be specified multiple times')] : []),
    ...(overlapping
      ? [
          invalid(
            at,
            resources,
            "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked",
          ),
        ]
      : []),
  ];
}

const WITHOUT_API: ReadonlySet<string> = new Set(['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations']);

function resourceName(resource: string, at: Path): readonly FieldError[] {
  const { group, resource: name } = groupResource(resource);
  const wrong = /[A-Z]/.test(resource)
    ? 'resource name should not contain capital letters'
    : resource === '*'
      ? "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources"
      : WITHOUT_API.has(resource)
        ? 'resources which do not have REST API/s cannot be encrypted'
        : group === 'events.k8s.io'
          ? "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file"
          : group === 'extensions'
            ? "'extensions' group has been removed and cannot be used for encryption"
            : group === '*' && name !== '*'
              ? 'encrypting the same resource across groups is not supported'
              : undefined;
  return wrong === undefined ? [] : [invalid(at, resource, wrong)];
}

/** A rule that an earlier wildcard hides would never apply. Source: getTransformerOverridesAndKMSPluginProbes. */
function maskedRules(rules: readonly ResourceRule[], root: Path): readonly FieldError[] {
  const wildcards = new Set<string>();
  return rules.flatMap(({ resources = [] }, i) => {
    const errors = resources.flatMap((resource, j) => {
      const { group } = groupResource(resource);
      const mask = wildcards.has('*.*') ? '*.*' : wildcards.has(`*.${group}`) ? `*.${group}` : undefined;
      const at = root.index(i).child('resources').index(j);
      return mask === undefined ? [] : [invalid(at, resource, `resource "${resource}" is masked by earlier rule "${mask}"`)];
    });
    for (const resource of resources) if (resource.startsWith('*.')) wildcards.add(resource);
    return errors;
  });
}

const PROVIDERS = ['aesgcm', 'aescbc', 'secretbox', 'identity', 'kms'] as const;

function validateProvider(provider: Provider, at: Path, names: Set<string>): readonly FieldError[] {
  const found = PROVIDERS.filter((name) => provider[name] !== undefined);
  if (found.length === 0) {
    return [invalid(at, OMITTED, 'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity')];
  }
  if (found.length > 1) {
    return [invalid(at, OMITTED, 'more than one provider specified in a single element, should split into different list elements')];
  }
  const { aesgcm, aescbc, secretbox, kms } = provider;
  if (aesgcm !== undefined) return validateKeys(aesgcm.keys, at.child('aesgcm', 'keys'), AES_KEY_BYTES);
  if (aescbc !== undefined) return validateKeys(aescbc.keys, at.child('aescbc', 'keys'), AES_KEY_BYTES);
  if (secretbox !== undefined) return validateKeys(secretbox.keys, at.child('secretbox', 'keys'), SECRETBOX_KEY_BYTES);
  return kms === undefined ? [] : validateKms(kms, at.child('kms'), names);
}

function validateKeys(keys: readonly NamedKey[] = [], at: Path, lengths: readonly number[]): readonly FieldError[] {
  if (keys.length === 0) return [required(at, 'at least one keys is required')];
  return keys.flatMap(({ name = '', secret = '' }, i) => {
    const errors = name === '' ? [required(at.index(i).child('name'), 'name is a mandatory field for a key')] : [];
    const place = at.index(i).child('secret');
    if (secret === '') return [...errors, required(place, 'secret is a mandatory field for a key')];
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(secret) || secret.length % 4 !== 0) {
      return [...errors, invalid(place, 'REDACTED', 'secrets must be base64 encoded')];
    }
    const { length } = Buffer.from(secret, 'base64');
    if (lengths.includes(length)) return errors;
    const detail = `secret is not of the expected length, got ${length}, expected one of [${lengths.join(' ')}]`;
    return [...errors, invalid(place, 'REDACTED', detail)];
  });
}

const V1_IS_OFF =
  'KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  ' +
  'Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.';

function validateKms(kms: KmsConfiguration, at: Path, names: Set<string>): readonly FieldError[] {
  const { name = '', endpoint = '', apiVersion, cachesize } = kms;
  const errors: FieldError[] = [];
  if (name === '') errors.push(required(at.child('name'), 'name is a mandatory field for a provider'));
  if (name.includes(':')) errors.push(invalid(at.child('name'), name, `invalid KMS provider name ${name}, must not contain ':'`));
  if (names.has(name)) errors.push(invalid(at.child('name'), name, `duplicate KMS provider name ${name}, names must be unique`));
  names.add(name);
  const timeout = kmsTimeout(kms);
  if (timeout === undefined || timeout <= 0) errors.push(invalid(at.child('timeout'), kms.timeout, 'timeout should be a positive value'));
  if (endpoint === '') errors.push(invalid(at.child('endpoint'), '', 'endpoint is a mandatory field for a kms'));
  else if (!endpoint.startsWith('unix://')) {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(endpoint)?.[1] ?? '';
    errors.push(invalid(at.child('endpoint'), endpoint, `unsupported scheme "${scheme}" for KMS provider, only unix is supported`));
  }
  if (cachesize !== undefined) errors.push(invalid(at.child('cachesize'), cachesize, 'cachesize is not supported in v2'));
  // Upstream serves v1 behind a feature gate that is off. Source: kmsPrefixTransformer, unsupportedKMSAPIVersionErrFmt.
  if (apiVersion === undefined || apiVersion === 'v1') errors.push(invalid(at.child('apiVersion'), 'v1', V1_IS_OFF));
  else if (apiVersion !== 'v2') {
    const detail = 'unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported';
    errors.push(invalid(at.child('apiVersion'), apiVersion, detail));
  }
  return errors;
}
