// pure
// A document of OpenAPI v3 in protobuf. Source: kube-openapi handler3 ToV3ProtoBinary, gnostic openapiv3 NewDocument.
import { compileCodec } from '#base/protobuf/codec.ts';
import { DOCUMENT_MESSAGES } from './document-messages.ts';
import type { Content, OpenApiDocument, OpenApiSchema, Operation, Parameter, PathItem } from './document.ts';
import { PLAIN_OF_SCHEMAS } from './message-rows.ts';
import { anyValue, extensions, namedList } from './yaml-values.ts';

/** Schemas of custom resources nest; each level is four messages. */
const MAX_DEPTH = 1_000;

export const documentCodec = compileCodec(DOCUMENT_MESSAGES, { maxDepth: MAX_DEPTH }).message('openapi.v3.Document');

export function documentProtobuf({ openapi, info, paths, components: { schemas, securitySchemes = {} } }: OpenApiDocument): Buffer {
  return Buffer.from(
    documentCodec.encode({
      openapi,
      info,
      paths: { path: namedList(paths, pathItem) },
      components: {
        ...(schemas === undefined ? {} : { schemas: { additional_properties: namedList(schemas, schemaOrReference) } }),
        security_schemes: { additional_properties: namedList(securitySchemes, (security_scheme) => ({ security_scheme })) },
      },
    }),
  );
}

function pathItem({ parameters = [], ...operations }: PathItem): object {
  const methods = Object.entries(operations).map(([method, one]) => [method, operation(one)] as const);
  return { ...Object.fromEntries(methods), parameters: parameters.map(parameter) };
}

function operation({ tags, description, operationId, parameters = [], requestBody, responses, ...rest }: Operation): object {
  const body = requestBody === undefined ? undefined : { ...requestBody, content: mediaTypes(requestBody.content) };
  return {
    tags,
    description,
    operation_id: operationId,
    parameters: parameters.map(parameter),
    ...(body === undefined ? {} : { request_body: { request_body: body } }),
    responses: {
      response_or_reference: namedList(responses, ({ description: text, content }) => ({
        response: { description: text, ...(content === undefined ? {} : { content: mediaTypes(content) }) },
      })),
    },
    specification_extension: extensions(rest),
  };
}

const mediaTypes = (content: Content): object => ({
  additional_properties: namedList(content, (one) => ({ schema: schemaOrReference(one.schema) })),
});

const parameter = ({ schema: type, ...rest }: Parameter): object => ({ parameter: { ...rest, schema: schemaOrReference(type) } });

/** A reference says nothing else but a description. */
function schemaOrReference(schema: OpenApiSchema): object {
  const { $ref, description } = schema;
  if ($ref === undefined) return { schema: schemaMessage(schema) };
  return { reference: { _ref: $ref, ...(description === undefined ? {} : { description }) } };
}

/** What the message takes as it is, by its name there. */
const PLAIN: Readonly<Record<string, string>> = {
  ...PLAIN_OF_SCHEMAS,
  nullable: 'nullable',
  required: 'required',
  type: 'type',
  description: 'description',
  format: 'format',
};

const list = (schemas: unknown): unknown => (schemas as readonly OpenApiSchema[]).map(schemaOrReference);

/** What it takes in a form of its own. */
const CONVERTED: Readonly<Record<string, (value: never) => object>> = {
  allOf: (all) => ({ all_of: list(all) }),
  oneOf: (all) => ({ one_of: list(all) }),
  anyOf: (all) => ({ any_of: list(all) }),
  not: (schema: OpenApiSchema) => ({ not: schemaMessage(schema) }),
  items: (schema: OpenApiSchema) => ({ items: { schema_or_reference: [schemaOrReference(schema)] } }),
  properties: (all: Readonly<Record<string, OpenApiSchema>>) => ({
    properties: { additional_properties: namedList(all, schemaOrReference) },
  }),
  additionalProperties: (of: OpenApiSchema | boolean) => ({
    additional_properties: typeof of === 'boolean' ? { boolean: of } : { schema_or_reference: schemaOrReference(of) },
  }),
  enum: (values: readonly unknown[]) => ({ enum: values.map(anyValue) }),
  example: (value: unknown) => ({ example: anyValue(value) }),
  default: (value: unknown) => ({ default: defaultValue(value) }),
};

function schemaMessage(schema: OpenApiSchema): object {
  const message: Record<string, unknown> = {};
  const others: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema)) {
    const plain = PLAIN[name];
    const convert = CONVERTED[name];
    if (plain !== undefined) message[plain] = value;
    else if (convert !== undefined) Object.assign(message, convert(value as never));
    else others[name] = value;
  }
  return { ...message, specification_extension: extensions(others) };
}

/** Of lists and maps only that there is a default. Source: gnostic NewDefaultType. */
function defaultValue(value: unknown): object {
  if (typeof value === 'number' || typeof value === 'bigint') return { number: Number(value) };
  if (typeof value === 'boolean') return { boolean: value };
  return typeof value === 'string' ? { string: value } : {};
}
