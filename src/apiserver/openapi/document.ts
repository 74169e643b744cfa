// The parts of an OpenAPI 3.0 document that the API uses.

/** A schema, or a reference with what is said beside it. */
export interface OpenApiSchema {
  readonly $ref?: string;
  readonly allOf?: readonly OpenApiSchema[];
  readonly oneOf?: readonly OpenApiSchema[];
  readonly anyOf?: readonly OpenApiSchema[];
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly nullable?: boolean;
  readonly items?: OpenApiSchema;
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly additionalProperties?: OpenApiSchema;
  readonly required?: readonly string[];
  readonly [extension: `x-kubernetes-${string}`]: unknown;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly description: string;
  readonly required?: true;
  readonly schema: { readonly type: 'string' | 'integer' | 'boolean'; readonly uniqueItems: true };
}

export type Content = Readonly<Record<string, { readonly schema: OpenApiSchema }>>;

export interface Operation {
  readonly tags: readonly string[];
  readonly description: string;
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content; readonly required?: true };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
  readonly [extension: `x-kubernetes-${string}`]: unknown;
}

export type Method = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';

export type PathItem = { readonly [M in Method]?: Operation } & { readonly parameters?: readonly Parameter[] };

export type Paths = Readonly<Record<string, PathItem>>;

export interface OpenApiDocument {
  readonly openapi: '3.0.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Paths;
  readonly components: {
    readonly schemas?: Readonly<Record<string, OpenApiSchema>>;
    /** Absent from those of custom resources. */
    readonly securitySchemes?: Readonly<Record<string, object>>;
  };
}

export const REF = '#/components/schemas/';

export const refTo = (definition: string): OpenApiSchema => ({ $ref: REF + definition });

/** Every name that is referred to anywhere in `value`, into `found`. */
export function collectRefs(value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (key === '$ref' && typeof member === 'string' && member.startsWith(REF)) found.add(member.slice(REF.length));
    else collectRefs(member, found);
  }
}
