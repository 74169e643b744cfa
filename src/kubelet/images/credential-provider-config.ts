// pure
// Reads a CredentialProviderConfig: strictly, every fault told at once. Source: kubelet.config.k8s.io/v1 CredentialProviderConfig.
import { Reader } from '#apimachinery/configuration-reader.ts';
import { duplicate, errorText, type FieldError, forbidden, invalid, notSupported, required } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { qualifiedName } from '#apimachinery/names.ts';

/** What is wrong with the files, or with the programs they name. */
export class CredentialProviderConfigError extends Error {
  override readonly name = 'CredentialProviderConfigError';
}

/** A program that is asked for credentials of images. */
export interface CredentialProvider {
  readonly name: string;
  /** `*.registry.example.com:5000/team`: globs in the host, the path a prefix. */
  readonly matchImages: readonly string[];
  /** Milliseconds; undefined only in a configuration that is refused. */
  readonly defaultCacheDuration: number | undefined;
  readonly apiVersion: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly tokenAttributes: TokenAttributes | undefined;
}

/** The program gets a token of the pod's service account, for this audience. */
export interface TokenAttributes {
  readonly serviceAccountTokenAudience: string;
  /** What answers are kept by: `Token` or `ServiceAccount`. */
  readonly cacheType: string;
  /** Undefined only in a configuration that is refused. */
  readonly requireServiceAccount: boolean | undefined;
  readonly requiredServiceAccountAnnotationKeys: readonly string[];
  readonly optionalServiceAccountAnnotationKeys: readonly string[];
}

const GROUP = 'kubelet.config.k8s.io';
const CONFIG_VERSIONS = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `${GROUP}/${version}`);
const V1 = 'credentialprovider.kubelet.k8s.io/v1';
const API_VERSIONS = [V1, 'credentialprovider.kubelet.k8s.io/v1alpha1', 'credentialprovider.kubelet.k8s.io/v1beta1'];
const CACHE_TYPES = ['ServiceAccount', 'Token'];

/** The providers of one decoded file. @throws CredentialProviderConfigError */
export function readCredentialProviderConfig(value: unknown): readonly CredentialProvider[] {
  const errors: FieldError[] = [];
  const unknown: string[] = [];
  const faults = { add: (error: FieldError) => void errors.push(error), addUnknown: (at: string) => void unknown.push(at) };
  const reader = new Reader(value, faults).object('kind', 'apiVersion', 'providers');
  const kind = reader.field('kind').text('');
  if (kind !== 'CredentialProviderConfig') throw new CredentialProviderConfigError(`failed to decode "${kind}" (wrong Kind)`);
  const apiVersion = reader.field('apiVersion').text('');
  if (!CONFIG_VERSIONS.includes(apiVersion))
    throw new CredentialProviderConfigError(`no kind "${kind}" is registered for version "${apiVersion}"`);
  const providers = reader.field('providers').list(provider);
  const found = [...unknown.map((at) => `strict decoding error: unknown field "${at}"`), ...errors.map(errorText)];
  if (found.length > 0) throw new CredentialProviderConfigError(found.join(', '));
  return providers;
}

function provider(item: Reader): CredentialProvider {
  item.object('name', 'matchImages', 'defaultCacheDuration', 'apiVersion', 'args', 'env', 'tokenAttributes');
  const text = (name: string): string => item.field(name).text('');
  const duration = item.field('defaultCacheDuration');
  const attributes = item.field('tokenAttributes');
  return {
    name: text('name'),
    matchImages: texts(item, 'matchImages'),
    defaultCacheDuration: duration.isAbsent ? undefined : duration.duration(0),
    apiVersion: text('apiVersion'),
    args: texts(item, 'args'),
    env: item.field('env').list((variable) => {
      variable.object('name', 'value');
      return { name: variable.field('name').text(''), value: variable.field('value').text('') };
    }),
    tokenAttributes: attributes.isAbsent ? undefined : tokenAttributes(attributes),
  };
}

function tokenAttributes(reader: Reader): TokenAttributes {
  reader.object(
    'serviceAccountTokenAudience',
    'cacheType',
    'requireServiceAccount',
    'requiredServiceAccountAnnotationKeys',
    'optionalServiceAccountAnnotationKeys',
  );
  const needed = reader.field('requireServiceAccount');
  return {
    serviceAccountTokenAudience: reader.field('serviceAccountTokenAudience').text(''),
    cacheType: reader.field('cacheType').text(''),
    requireServiceAccount: needed.isAbsent ? undefined : needed.flag(false),
    requiredServiceAccountAnnotationKeys: texts(reader, 'requiredServiceAccountAnnotationKeys'),
    optionalServiceAccountAnnotationKeys: texts(reader, 'optionalServiceAccountAnnotationKeys'),
  };
}

const texts = (reader: Reader, name: string): readonly string[] => reader.field(name).list((item) => item.text(''));

/** Of all files together, in their order. Source: validateCredentialProviderConfig. */
export function credentialProviderProblems(providers: readonly CredentialProvider[]): readonly string[] {
  const at = Path.of('providers');
  if (providers.length === 0) return [errorText(required(at, 'at least 1 item in plugins is required'))];
  const seen = new Set<string>();
  return providers
    .flatMap((each) => {
      const known = seen.has(each.name);
      seen.add(each.name);
      return [...nameProblems(each, known, at.child('name')), ...problemsOf(each, at)];
    })
    .map(errorText);
}

function nameProblems({ name }: CredentialProvider, known: boolean, at: Path): readonly FieldError[] {
  return [
    ...(name.includes('/') ? [invalid(at, name, "provider name cannot contain '/'")] : []),
    ...(name.includes(' ') ? [invalid(at, name, 'provider name cannot contain spaces')] : []),
    ...(name === '.' || name === '..' ? [invalid(at, name, `provider name cannot be '${name}'`)] : []),
    ...(known ? [duplicate(at, name)] : []),
  ];
}

function problemsOf({ apiVersion, matchImages, defaultCacheDuration, tokenAttributes: token }: CredentialProvider, at: Path): FieldError[] {
  const version = at.child('apiVersion');
  const cache = at.child('defaultCacheDuration');
  return [
    ...(apiVersion === '' ? [required(version, '')] : []),
    ...(apiVersion !== '' && !API_VERSIONS.includes(apiVersion) ? [notSupported(version, apiVersion, API_VERSIONS)] : []),
    ...(matchImages.length === 0 ? [required(at.child('matchImages'), 'at least 1 item in matchImages is required')] : []),
    ...(defaultCacheDuration === undefined ? [required(cache, '')] : []),
    ...((defaultCacheDuration ?? 0) < 0
      ? [invalid(cache, defaultCacheDuration, 'defaultCacheDuration must be greater than or equal to 0')]
      : []),
    ...(token === undefined ? [] : tokenProblems(token, apiVersion, at.child('tokenAttributes'))),
  ];
}

function tokenProblems(token: TokenAttributes, apiVersion: string, at: Path): FieldError[] {
  const { requiredServiceAccountAnnotationKeys: needed, optionalServiceAccountAnnotationKeys: optional, cacheType } = token;
  const neededAt = at.child('requiredServiceAccountAnnotationKeys');
  const both = needed.filter((key) => optional.includes(key)).toSorted();
  return [
    ...(token.serviceAccountTokenAudience === '' ? [required(at.child('serviceAccountTokenAudience'), '')] : []),
    ...(token.requireServiceAccount === undefined ? [required(at.child('requireServiceAccount'), '')] : []),
    ...(apiVersion === V1 ? [] : [forbidden(at, `tokenAttributes is only supported for ${V1} API version`)]),
    ...(token.requireServiceAccount === false && needed.length > 0
      ? [forbidden(neededAt, 'requireServiceAccount cannot be false when requiredServiceAccountAnnotationKeys is set')]
      : []),
    ...keyProblems(needed, neededAt),
    ...keyProblems(optional, at.child('optionalServiceAccountAnnotationKeys')),
    ...(both.length > 0 ? [invalid(at, both, 'annotation keys cannot be both required and optional')] : []),
    ...cacheTypeProblems(cacheType, at.child('cacheType')),
  ];
}

function keyProblems(keys: readonly string[], at: Path): readonly FieldError[] {
  return keys.flatMap((key, index) => [
    ...qualifiedName(key.toLowerCase()).map((detail) => invalid(at, key, detail)),
    ...(keys.indexOf(key) < index ? [duplicate(at, key)] : []),
  ]);
}

function cacheTypeProblems(cacheType: string, at: Path): readonly FieldError[] {
  if (CACHE_TYPES.includes(cacheType)) return [];
  if (cacheType !== '') return [notSupported(at, cacheType, CACHE_TYPES)];
  const supported = CACHE_TYPES.join(', ');
  return [required(at, `cacheType is required to be set when tokenAttributes is specified. Supported values are: ${supported}`)];
}
