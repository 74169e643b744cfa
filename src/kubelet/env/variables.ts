// The environment of one container.
import { ownValue } from '#api/json-object.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { ConfigMap, Container, EnvVar, Pod, Secret, Service } from '#api/types.ts';
import { fieldValue, resourceValue, type DownwardFacts } from './downward.ts';
import { readEnvFile } from './env-file.ts';
import { EnvironmentError } from './errors.ts';
import { expand } from './expansion.ts';
import { serviceVariables } from './service-env.ts';

/** ConfigMaps and Secrets a pod refers to. Both throw StatusError NotFound (`configmap "x" not found`). */
export interface References {
  configMap(namespace: string, name: string): Promise<ConfigMap>;
  secret(namespace: string, name: string): Promise<Secret>;
}

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly references: References;
  readonly services: Iterable<Service>;
  readonly facts: DownwardFacts;
  /** Where a volume of the pod is mounted on this node; undefined when it is not. */
  readonly volumePath: (volumeName: string) => string | undefined;
}

/**
 * Name to value: envFrom, then env in its order, then what is left of the service variables.
 * @throws EnvironmentError, DownwardError, or StatusError for an object that is missing; Source: makeEnvironmentVariables
 */
export async function environmentOf(input: EnvironmentInput): Promise<ReadonlyMap<string, string>> {
  const { pod, container } = input;
  const services = serviceVariables(input.services, pod.metadata.namespace, pod.spec.enableServiceLinks !== false);
  const out = new Map<string, string>();
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const data =
      configMapRef !== undefined
        ? (await optional(input.references.configMap(pod.metadata.namespace, configMapRef.name ?? ''), configMapRef.optional))?.data
        : secretRef !== undefined
          ? decode(await optional(input.references.secret(pod.metadata.namespace, secretRef.name ?? ''), secretRef.optional))
          : undefined;
    for (const [key, value] of Object.entries(data ?? {})) out.set(prefix + key, value);
  }
  const lookup = (name: string): string | undefined => out.get(name) ?? services.get(name);
  for (const variable of container.env ?? []) {
    const value = variable.value !== undefined && variable.value !== '' ? expand(variable.value, lookup) : await resolve(variable, input);
    if (value !== undefined) out.set(variable.name, value);
  }
  for (const [name, value] of services) if (!out.has(name)) out.set(name, value);
  return out;
}

/** Undefined when an optional source is missing. */
async function resolve({ valueFrom }: EnvVar, input: EnvironmentInput): Promise<string | undefined> {
  const { pod, container, references } = input;
  const { namespace } = pod.metadata;
  if (valueFrom === undefined) return '';
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  if (fieldRef !== undefined) return fieldValue(fieldRef, pod, input.facts);
  if (resourceFieldRef !== undefined) return resourceValue(resourceFieldRef, pod, container, input.facts);
  if (configMapKeyRef !== undefined) {
    const found = await optional(references.configMap(namespace, configMapKeyRef.name ?? ''), configMapKeyRef.optional);
    return required(
      ownValue(found?.data, configMapKeyRef.key),
      configMapKeyRef,
      `couldn't find key ${configMapKeyRef.key} in ConfigMap ${namespace}/${configMapKeyRef.name}`,
    );
  }
  if (secretKeyRef !== undefined) {
    const found = await optional(references.secret(namespace, secretKeyRef.name ?? ''), secretKeyRef.optional);
    return required(
      ownValue(decode(found), secretKeyRef.key),
      secretKeyRef,
      `couldn't find key ${secretKeyRef.key} in Secret ${namespace}/${secretKeyRef.name}`,
    );
  }
  if (fileKeyRef !== undefined) return readEnvFile(fileKeyRef, input.volumePath);
  return '';
}

function required(value: string | undefined, source: { readonly optional?: boolean }, message: string): string | undefined {
  if (value === undefined && source.optional !== true) throw new EnvironmentError(message);
  return value;
}

async function optional<T>(object: Promise<T>, isOptional: boolean | undefined): Promise<T | undefined> {
  try {
    return await object;
  } catch (error) {
    if (isOptional === true && isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

function decode(secret: Secret | undefined): Readonly<Record<string, string>> | undefined {
  if (secret?.data === undefined || secret.data === null) return undefined;
  return Object.fromEntries(Object.entries(secret.data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
}
