// Reads configuration files of the API server: YAML or JSON with kind and apiVersion, where an unknown field is a mistake.
// Source: serializer.EnableStrict, as upstream decodes its own files.
import { isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { aggregateText, type FieldError } from '#apimachinery/field-errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { duplicateYamlKeys, parseYaml, repeatedYamlKeysText, YamlError } from '#apimachinery/yaml.ts';

/** What a value must look like. `any` is not looked at. */
export type Shape =
  | 'string'
  | 'boolean'
  | 'number'
  | 'any'
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

export interface ConfigurationKind {
  readonly kind: string;
  /** `apiserver.config.k8s.io/v1`; all with one shape. */
  readonly apiVersions: readonly string[];
  readonly shape: { readonly fields: Readonly<Record<string, Shape>> };
}

/** A configuration file that cannot be used; the message names the mistakes. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** @throws ConfigurationError for text of another kind, of a wrong shape or with unknown fields */
export function decodeConfiguration<T>(text: string, { kind, apiVersions, shape }: ConfigurationKind): T {
  const object = parse(text);
  if (!isObject(object)) throw new ConfigurationError(`no kind "${kind}" is registered in an empty document`);
  if (object['kind'] !== kind || !apiVersions.includes(String(object['apiVersion']))) {
    const found = `kind ${goQuote(String(object['kind'] ?? ''))} of version ${goQuote(String(object['apiVersion'] ?? ''))}`;
    throw new ConfigurationError(`${found} is not known here; expected ${kind} of ${apiVersions.join(' or ')}`);
  }
  const mistakes: string[] = [];
  check(object, { fields: { kind: 'string', apiVersion: 'string', ...shape.fields } }, '', mistakes);
  if (mistakes.length > 0) throw new ConfigurationError(`strict decoding error: ${mistakes.join(', ')}`);
  return object as unknown as T;
}

/** @throws ConfigurationError when there are errors */
export function refuseConfiguration(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new ConfigurationError(aggregateText(errors));
}

function parse(text: string): unknown {
  const repeated = duplicateYamlKeys(text);
  if (repeated.length > 0) throw new ConfigurationError(repeatedYamlKeysText(repeated));
  try {
    return parseYaml(text);
  } catch (error) {
    if (error instanceof YamlError) throw new ConfigurationError(error.message);
    throw error;
  }
}

function check(value: unknown, shape: Shape, at: string, mistakes: string[]): void {
  if (value === null || value === undefined || shape === 'any') return;
  if (typeof shape === 'string') {
    if (typeof value !== shape) mistakes.push(`json: cannot unmarshal ${typeName(value)} into field ${goQuote(at)} of type ${shape}`);
    return;
  }
  if ('list' in shape) {
    if (!Array.isArray(value)) return void mistakes.push(`json: cannot unmarshal ${typeName(value)} into list ${goQuote(at)}`);
    return value.forEach((item: unknown, i) => check(item, shape.list, `${at}[${i}]`, mistakes));
  }
  if (!isObject(value)) return void mistakes.push(`json: cannot unmarshal ${typeName(value)} into object ${goQuote(at)}`);
  for (const [name, member] of Object.entries(value as JsonObject)) {
    const path = at === '' ? name : `${at}.${name}`;
    const own = 'map' in shape ? shape.map : Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    if (own === undefined) mistakes.push(`unknown field ${goQuote(path)}`);
    else check(member, own, path, mistakes);
  }
}

const typeName = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value);
