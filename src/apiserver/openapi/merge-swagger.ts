// pure. OpenAPI v2 documents of several servers in one. Source: kube-openapi pkg/aggregator.
import { deepEqual, isObject, type JsonObject } from '#apimachinery/json-value.ts';
import type { SwaggerDocument, SwaggerParts, SwaggerPath, SwaggerSchema } from './swagger.ts';

const DEFINITION = '#/definitions/';
const PARAMETER = '#/parameters/';

/**
 * The part of another server's document that is about paths below `prefix`, with what those refer to; undefined for what
 * is no such document. Source: FilterSpecByPathsWithoutSideEffects.
 */
export function reducedSwagger(document: unknown, prefix: string): SwaggerDocument | undefined {
  if (!isObject(document) || document['swagger'] !== '2.0') return undefined;
  const {
    paths,
    definitions = {},
    parameters = {},
  } = document as JsonObject & { readonly definitions?: unknown; readonly parameters?: unknown };
  if (!isObject(paths) || !isObject(definitions) || !isObject(parameters)) return undefined;
  const own = Object.entries(paths).filter(([path]) => path.startsWith(prefix));
  const kept = Object.fromEntries(own.map(([path, item]) => [path, withParameters(item, parameters)]));
  const needed = new Map<string, unknown>();
  const follow = (value: unknown): void => {
    for (const name of references(value)) {
      if (needed.has(name) || !(name in definitions)) continue;
      needed.set(name, definitions[name]);
      follow(definitions[name]);
    }
  };
  follow(kept);
  return {
    swagger: '2.0',
    info: { title: '', version: '' },
    paths: kept as SwaggerDocument['paths'],
    definitions: Object.fromEntries(needed) as SwaggerDocument['definitions'],
    securityDefinitions: {},
    security: [],
  };
}

function* references(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const one of value) yield* references(one);
  else if (isObject(value)) {
    for (const [key, one] of Object.entries(value)) {
      if (key === '$ref' && typeof one === 'string' && one.startsWith(DEFINITION)) yield one.slice(DEFINITION.length);
      else yield* references(one);
    }
  }
}

/** Shared parameters written out where they are used. */
function withParameters(value: unknown, shared: JsonObject): unknown {
  if (Array.isArray(value)) return value.map((one) => withParameters(one, shared));
  if (!isObject(value)) return value;
  const ref = value['$ref'];
  if (typeof ref === 'string' && ref.startsWith(PARAMETER)) return shared[ref.slice(PARAMETER.length)] ?? value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withParameters(one, shared)]));
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((one) => renamed(one, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      const other = key === '$ref' && typeof one === 'string' ? names.get(one.slice(DEFINITION.length)) : undefined;
      return [key, other === undefined ? renamed(one, names) : DEFINITION + other];
    }),
  );
}

/**
 * What `others` add to a document with the definitions `local`. Earlier paths win, and those of that document over all; another
 * definition of a known name gets a name of its own: `NAME_v2`.
 */
export function addedBySwaggers(
  others: readonly SwaggerDocument[],
  local: Pick<ReadonlyMap<string, SwaggerSchema>, 'has' | 'get'>,
): SwaggerParts {
  const paths = new Map<string, SwaggerPath>();
  const definitions = new Map<string, SwaggerSchema>();
  const isKnown = (name: string): boolean => definitions.has(name) || local.has(name);
  for (const other of others) {
    const names = new Map<string, string>();
    for (const [name, definition] of Object.entries(other.definitions)) {
      if (!isKnown(name) || deepEqual(definitions.get(name) ?? local.get(name), definition)) continue;
      let next = 2;
      while (isKnown(`${name}_v${next}`) || `${name}_v${next}` in other.definitions) next++;
      names.set(name, `${name}_v${next}`);
    }
    for (const [name, definition] of Object.entries(other.definitions)) {
      const own = names.get(name) ?? name;
      if (!isKnown(own)) definitions.set(own, renamed(definition, names) as SwaggerSchema);
    }
    for (const [path, item] of Object.entries(other.paths)) {
      if (!paths.has(path)) paths.set(path, renamed(item, names) as SwaggerPath);
    }
  }
  return { paths, definitions };
}
