// The same API in the words of OpenAPI v2, from the v3 documents. Pure.
// Source: kube-openapi pkg/builder and schemaconv; what v2 cannot say is left out as upstream does.
import { VERSION } from '#api/build.ts';
import type { Content, Method, OpenApiDocument, OpenApiSchema, Operation, Parameter, PathItem } from './document.ts';
import { REF } from './document.ts';

export interface SwaggerSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly items?: SwaggerSchema;
  readonly properties?: Readonly<Record<string, SwaggerSchema>>;
  readonly additionalProperties?: SwaggerSchema | boolean;
  readonly allOf?: readonly SwaggerSchema[];
  readonly example?: unknown;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly [extension: `x-kubernetes-${string}`]: unknown;
}

export type SwaggerParameter =
  | { readonly in: 'body'; readonly name: 'body'; readonly required?: true; readonly schema: SwaggerSchema }
  | {
      readonly in: 'query' | 'path';
      readonly name: string;
      readonly description: string;
      readonly required?: true;
      readonly type: string;
      readonly uniqueItems: true;
    };

export interface SwaggerOperation {
  readonly description: string;
  readonly consumes?: readonly string[];
  readonly produces?: readonly string[];
  readonly schemes: readonly string[];
  readonly tags: readonly string[];
  readonly operationId: string;
  readonly parameters?: readonly SwaggerParameter[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly schema?: SwaggerSchema }>>;
  readonly [extension: `x-kubernetes-${string}`]: unknown;
}

export type SwaggerPath = { readonly [M in Method]?: SwaggerOperation } & { readonly parameters?: readonly SwaggerParameter[] };

export interface SwaggerDocument {
  readonly swagger: '2.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, SwaggerPath>>;
  readonly definitions: Readonly<Record<string, SwaggerSchema>>;
  readonly securityDefinitions: Readonly<Record<string, object>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

/** What one document of v3 is in v2; members in its order. */
export interface SwaggerParts {
  readonly paths: ReadonlyMap<string, SwaggerPath>;
  readonly definitions: ReadonlyMap<string, SwaggerSchema>;
}

/** @param custom schemas of custom resources, by name, as v2 has them */
export function swaggerParts({ paths, components }: OpenApiDocument, custom: ReadonlyMap<string, OpenApiSchema> = new Map()): SwaggerParts {
  return {
    paths: new Map(Object.entries(paths).map(([path, item]) => [path, pathOf(item)])),
    definitions: new Map(
      Object.entries(components.schemas ?? {}).map(([name, schema]) => [name, customSchemaOf(custom.get(name)) ?? schemaOf(schema)]),
    ),
  };
}

/** Of the whole document, what is neither path nor definition. */
export const SWAGGER_FRAME: Omit<SwaggerDocument, 'paths' | 'definitions'> = {
  swagger: '2.0',
  info: { title: 'Kubernetes', version: VERSION.gitVersion },
  securityDefinitions: { BearerToken: { description: 'Bearer token', type: 'apiKey', name: 'authorization', in: 'header' } },
  security: [{ BearerToken: [] }],
};

function pathOf({ parameters, ...operations }: PathItem): SwaggerPath {
  const methods = Object.entries(operations).map(([method, operation]) => [method, operationOf(operation)] as const);
  return { ...Object.fromEntries(methods), ...(parameters === undefined ? {} : { parameters: parameters.map(parameterOf) }) };
}

function operationOf({ parameters = [], requestBody, responses, ...rest }: Operation): SwaggerOperation {
  const consumes = Object.keys(requestBody?.content ?? {});
  const produces = new Set(Object.values(responses).flatMap(({ content }) => Object.keys(content ?? {})));
  const body = requestBody === undefined ? undefined : bodyOf(requestBody);
  const all = [...(body === undefined ? [] : [body]), ...parameters.map(parameterOf)];
  return {
    ...rest,
    schemes: ['https'],
    consumes: consumes.length > 0 ? consumes : takenBy(rest, produces),
    produces: [...produces],
    ...(all.length === 0 ? {} : { parameters: all }),
    responses: Object.fromEntries(
      Object.entries(responses).map(([code, { description, content }]) => [code, { description, ...answerOf(content) }]),
    ),
  };
}

/** Without a body: built-in resources say that they take anything, all others that they take what they give. */
const takenBy = (operation: Omit<Operation, 'responses'>, produces: ReadonlySet<string>): readonly string[] =>
  operation['x-kubernetes-action'] === undefined || !produces.has('application/vnd.kubernetes.protobuf') ? [...produces] : ['*/*'];

function answerOf(content: Content | undefined): { readonly schema?: SwaggerSchema } {
  const [first] = Object.values(content ?? {});
  return first === undefined ? {} : { schema: schemaOf(first.schema) };
}

function bodyOf({ content, required }: NonNullable<Operation['requestBody']>): SwaggerParameter | undefined {
  const [first] = Object.values(content);
  return first === undefined
    ? undefined
    : { in: 'body', name: 'body', ...(required === true ? { required } : {}), schema: schemaOf(first.schema) };
}

function parameterOf({ schema, ...rest }: Parameter): SwaggerParameter {
  return { ...rest, ...schema };
}

/** References in v2's form, all else as it is: what v2 cannot say is left out already. */
function customSchemaOf(schema: OpenApiSchema): SwaggerSchema;
function customSchemaOf(schema: OpenApiSchema | undefined): SwaggerSchema | undefined;
function customSchemaOf(schema: OpenApiSchema | undefined): SwaggerSchema | undefined {
  if (schema === undefined) return undefined;
  const { allOf, items, properties, additionalProperties, ...rest } = schema;
  const target = allOf?.[0]?.$ref;
  if (target !== undefined) return { ...rest, $ref: `#/definitions/${target.slice(REF.length)}` };
  return {
    ...rest,
    ...(items === undefined ? {} : { items: customSchemaOf(items) }),
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, customSchemaOf(one)])) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: customSchemaOf(additionalProperties) }),
  };
}

/** Defaults, `nullable` and alternatives are not said in v2; a reference may have a description beside it. */
export function schemaOf({
  allOf,
  oneOf,
  default: _,
  nullable: __,
  $ref,
  items,
  properties,
  additionalProperties,
  ...rest
}: OpenApiSchema): SwaggerSchema {
  const target = $ref ?? allOf?.[0]?.$ref;
  if (target !== undefined) return { ...rest, $ref: `#/definitions/${target.slice(REF.length)}` };
  return {
    ...rest,
    ...(oneOf === undefined ? {} : { type: 'string' }),
    ...(items === undefined ? {} : { items: schemaOf(items) }),
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, schemaOf(one)])) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: schemaOf(additionalProperties) }),
  };
}
