// ConfigMaps, Secrets, ServiceAccounts and Namespaces. Source: core validation.go Validate<Kind>.
import { ownValue } from '../../json-object.ts';
import type { ConfigMap, Namespace, Secret, ServiceAccount } from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength, goKind } from '#apimachinery/go-format.ts';
import { deepEqual, isObject } from '#apimachinery/json-value.ts';
import { JsonError, parseJson } from '#apimachinery/json.ts';
import { configMapKey, qualifiedName } from '#apimachinery/names.ts';
import { labelName, subdomainName, validateKubeFinalizer, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, entries, type Problems } from '../problems.ts';

/** Bytes of all values together. Source: MaxSecretSize. */
const MAX_BYTES = 1024 * 1024;
const SEALED = 'field is immutable when `immutable` is set';

/** Length of what base64 text stands for. */
const decodedLength = (base64: string): number => Buffer.byteLength(base64, 'base64');

export function validateConfigMap(out: Problems, map: ConfigMap): void {
  validateObjectMeta(out, map.metadata, 'namespaced', subdomainName);
  let bytes = 0;
  for (const [key, value] of entries(map.data)) {
    const path = Path.of('data').key(key);
    out.each(path, key, configMapKey(key));
    if (ownValue(map.binaryData, key) !== undefined) out.invalid(path, key, 'duplicate of key present in binaryData');
    bytes += byteLength(value);
  }
  for (const [key, value] of entries(map.binaryData)) {
    out.each(Path.of('binaryData').key(key), key, configMapKey(key));
    bytes += decodedLength(value);
  }
  if (bytes > MAX_BYTES) out.tooLong('', MAX_BYTES);
}

interface Sealable {
  readonly immutable?: boolean;
}

function validateSealed<T extends Sealable>(out: Problems, now: T, old: T, members: readonly (keyof T & string)[]): void {
  if (old.immutable !== true) return;
  if (now.immutable !== true) out.forbidden(Path.of('immutable'), SEALED);
  for (const member of members) if (!deepEqual(now[member] ?? {}, old[member] ?? {})) out.forbidden(Path.of(member), SEALED);
}

export function validateConfigMapUpdate(out: Problems, map: ConfigMap, old: ConfigMap): void {
  validateObjectMetaUpdate(out, map.metadata, old.metadata);
  validateSealed(out, map, old, ['data', 'binaryData']);
  validateConfigMap(out, map);
}

const SERVICE_ACCOUNT_NAME = 'kubernetes.io/service-account.name';
const DATA = Path.of('data');

export function validateSecret(out: Problems, secret: Secret): void {
  validateObjectMeta(out, secret.metadata, 'namespaced', subdomainName);
  let bytes = 0;
  for (const [key, value] of entries(secret.data)) {
    out.each(DATA.key(key), key, configMapKey(key));
    bytes += decodedLength(value);
  }
  if (bytes > MAX_BYTES) out.tooLong(DATA, MAX_BYTES);
  validateSecretType(out, secret);
}

function validateSecretType(out: Problems, { type, data = {}, metadata }: Secret): void {
  const need = (key: string): void => {
    if (data[key] === undefined) out.required(DATA.key(key));
  };
  switch (type) {
    case 'kubernetes.io/service-account-token':
      if (blank(metadata.annotations?.[SERVICE_ACCOUNT_NAME])) out.required(Path.of('metadata', 'annotations').key(SERVICE_ACCOUNT_NAME));
      break;
    case 'kubernetes.io/dockercfg':
      validateDockerConfig(out, '.dockercfg', data);
      break;
    case 'kubernetes.io/dockerconfigjson':
      validateDockerConfig(out, '.dockerconfigjson', data);
      break;
    case 'kubernetes.io/basic-auth':
      if (data['username'] !== undefined || data['password'] !== undefined) break;
      need('username');
      need('password');
      break;
    case 'kubernetes.io/ssh-auth':
      if (blank(data['ssh-privatekey'])) out.required(DATA.key('ssh-privatekey'));
      break;
    case 'kubernetes.io/tls':
      need('tls.crt');
      need('tls.key');
      break;
    default:
  }
}

function validateDockerConfig(out: Problems, key: string, data: Readonly<Record<string, string>>): void {
  const path = DATA.key(key);
  const text = data[key];
  if (text === undefined) return out.required(path);
  try {
    const config = parseJson(Buffer.from(text, 'base64').toString());
    if (isObject(config) || config === null) return;
    out.invalid(
      path,
      '<secret contents redacted>',
      `json: cannot unmarshal ${goKind(config)} into Go value of type map[string]interface {}`,
    );
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    out.invalid(path, '<secret contents redacted>', error.message);
  }
}

export function validateSecretUpdate(out: Problems, secret: Secret, old: Secret): void {
  validateObjectMetaUpdate(out, secret.metadata, old.metadata);
  out.immutable(Path.of('type'), secret.type ?? '', (secret.type ?? '') === (old.type ?? ''));
  validateSealed(out, secret, old, ['data']);
  validateSecret(out, secret);
}

export function validateServiceAccount(out: Problems, account: ServiceAccount): void {
  validateObjectMeta(out, account.metadata, 'namespaced', subdomainName);
}

export function validateServiceAccountUpdate(out: Problems, account: ServiceAccount, old: ServiceAccount): void {
  validateObjectMetaUpdate(out, account.metadata, old.metadata);
  validateServiceAccount(out, account);
}

function validateFinalizer(out: Problems, at: Path, name: string): void {
  out.each(at, name, qualifiedName(name));
  validateKubeFinalizer(out, at, name);
}

const FINALIZERS = Path.of('spec', 'finalizers');

export function validateNamespace(out: Problems, namespace: Namespace): void {
  validateObjectMeta(out, namespace.metadata, 'cluster', labelName);
  for (const name of namespace.spec?.finalizers ?? []) validateFinalizer(out, FINALIZERS, name);
}

export function validateNamespaceUpdate(out: Problems, namespace: Namespace, old: Namespace): void {
  validateObjectMetaUpdate(out, namespace.metadata, old.metadata);
}

export function validateNamespaceStatusUpdate(out: Problems, namespace: Namespace, old: Namespace): void {
  validateObjectMetaUpdate(out, namespace.metadata, old.metadata);
  const deleted = namespace.metadata.deletionTimestamp !== undefined;
  const wanted = deleted ? 'Terminating' : 'Active';
  const phase = namespace.status?.phase ?? '';
  if (phase === wanted) return;
  out.invalid(Path.of('status', 'Phase'), phase, `may only be '${wanted}' if \`deletionTimestamp\` is ${deleted ? 'not ' : ''}empty`);
}

export function validateNamespaceFinalize(out: Problems, namespace: Namespace, old: Namespace): void {
  validateObjectMetaUpdate(out, namespace.metadata, old.metadata);
  namespace.spec?.finalizers?.forEach((name, i) => validateFinalizer(out, FINALIZERS.index(i), name));
}
