// The OpenAPI v2 document in protobuf, as client-go asks for it. Source: gnostic openapiv2 NewDocument.
import { compileCodec } from '#base/protobuf/codec.ts';
import type { MemberWriter } from './member-writer.ts';
import { SWAGGER_MESSAGES } from './swagger-messages.ts';
import { SWAGGER_FRAME, type SwaggerOperation, type SwaggerParameter, type SwaggerPath, type SwaggerSchema } from './swagger.ts';
import { PLAIN_OF_SCHEMAS } from './message-rows.ts';
import { anyValue, extensions, namedList } from './yaml-values.ts';

/** Schemas of custom resources nest; each level is four messages. */
const MAX_DEPTH = 1_000;

const messages = compileCodec(SWAGGER_MESSAGES, { maxDepth: MAX_DEPTH });
const pathsCodec = messages.message('openapi.v2.Paths');
const definitionsCodec = messages.message('openapi.v2.Definitions');
export const swaggerCodec = messages.message('openapi.v2.Document');

const { swagger, info, security, securityDefinitions } = SWAGGER_FRAME;

/** Written member by member: the members of a message one after the other are the message. */
export const SWAGGER_PROTOBUF: MemberWriter<SwaggerPath, SwaggerSchema> = {
  path: (name, value) => pathsCodec.encode({ path: [{ name, value: pathItem(value) }] }),
  schema: (name, value) => definitionsCodec.encode({ additional_properties: [{ name, value: schema(value) }] }),
  whole: (paths, schemas) =>
    Buffer.concat([
      swaggerCodec.encode({ swagger, info }),
      ...delimited(PATHS_TAG, paths),
      ...delimited(DEFINITIONS_TAG, schemas),
      swaggerCodec.encode({
        security: security.map((one) => ({ additional_properties: namedList(one, (value) => ({ value })) })),
        security_definitions: { additional_properties: namedList(securityDefinitions, (api_key_security) => ({ api_key_security })) },
      }),
    ]),
};

const LENGTH_DELIMITED = 2;
const PATHS_TAG = (8 << 3) | LENGTH_DELIMITED;
const DEFINITIONS_TAG = (9 << 3) | LENGTH_DELIMITED;

function delimited(tag: number, members: readonly Uint8Array[]): readonly Uint8Array[] {
  return [Uint8Array.of(tag, ...varint(members.reduce((sum, { length }) => sum + length, 0))), ...members];
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))];
}

function pathItem({ parameters = [], ...operations }: SwaggerPath): object {
  const methods = Object.entries(operations as Readonly<Record<string, SwaggerOperation>>).map(
    ([method, one]) => [method, operation(one)] as const,
  );
  return { ...Object.fromEntries(methods), parameters: parameters.map(parameter) };
}

function operation({
  tags,
  description,
  operationId,
  produces = [],
  consumes = [],
  schemes,
  parameters = [],
  responses,
  ...rest
}: SwaggerOperation): object {
  return {
    tags,
    description,
    operation_id: operationId,
    produces,
    consumes,
    schemes,
    parameters: parameters.map(parameter),
    responses: {
      response_code: namedList(responses, (one) => ({
        response: { description: one.description, ...(one.schema === undefined ? {} : { schema: { schema: schema(one.schema) } }) },
      })),
    },
    vendor_extension: extensions(rest),
  };
}

function parameter(one: SwaggerParameter): object {
  if (one.in === 'body') return { parameter: { body_parameter: { ...one, schema: schema(one.schema) } } };
  const { uniqueItems, ...rest } = one;
  const plain = { ...rest, unique_items: uniqueItems };
  return {
    parameter: { non_body_parameter: one.in === 'query' ? { query_parameter_sub_schema: plain } : { path_parameter_sub_schema: plain } },
  };
}

/** What custom resources and other servers say beside, as the messages name it; what they have no field for is an extension. */
const PLAIN: Readonly<Record<string, string>> = {
  ...PLAIN_OF_SCHEMAS,
  readOnly: 'read_only',
};

function schema({
  $ref,
  type,
  format,
  description,
  enum: values,
  items,
  properties,
  additionalProperties,
  required,
  default: preset,
  example,
  allOf,
  ...rest
}: SwaggerSchema): object {
  const plain: Record<string, unknown> = {};
  const others: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    const member = PLAIN[name];
    if (member === undefined) others[name] = value;
    else plain[member] = value;
  }
  return {
    ...plain,
    ...(example === undefined ? {} : { example: anyValue(example) }),
    ...(allOf === undefined ? {} : { all_of: allOf.map(schema) }),
    ...(preset === undefined ? {} : { default: anyValue(preset) }),
    ...($ref === undefined ? {} : { _ref: $ref }),
    ...(type === undefined ? {} : { type: { value: [type] } }),
    ...(format === undefined ? {} : { format }),
    ...(description === undefined ? {} : { description }),
    ...(values === undefined ? {} : { enum: values.map(anyValue) }),
    ...(items === undefined ? {} : { items: { schema: [schema(items)] } }),
    ...(properties === undefined ? {} : { properties: { additional_properties: namedList(properties, schema) } }),
    ...(additionalProperties === undefined ? {} : { additional_properties: valuesOf(additionalProperties) }),
    ...(required === undefined ? {} : { required }),
    vendor_extension: extensions(others),
  };
}

const valuesOf = (values: SwaggerSchema | boolean): object =>
  typeof values === 'boolean' ? { boolean: values } : { schema: schema(values) };
