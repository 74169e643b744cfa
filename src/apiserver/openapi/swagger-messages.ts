// Messages of OpenAPI v2 in protobuf: the part that a Kubernetes document uses. Source: gnostic openapiv2/OpenAPIv2.proto.
import type { ProtoField, ProtoMessage, ProtoSchema } from '#base/protobuf/schema.ts';

/** `n type`; a trailing `*` for a list. */
type Row = Readonly<Record<string, `${number} ${string}`>>;

const SCALARS: ReadonlySet<string> = new Set(['string', 'bool', 'double', 'int64']);

const named = (value: string): Row => ({ name: '1 string', value: `2 ${value}` });
const list = (of: string): Row => ({ additional_properties: `1 ${of}*` });

const PARAMETER: Row = { required: '1 bool', in: '2 string', description: '3 string', name: '4 string' };

const ROWS: Readonly<Record<string, Row>> = {
  AdditionalPropertiesItem: { schema: '1 Schema', boolean: '2 bool' },
  Any: { yaml: '2 string' },
  ApiKeySecurity: { type: '1 string', name: '2 string', in: '3 string', description: '4 string' },
  BodyParameter: { description: '1 string', name: '2 string', in: '3 string', required: '4 bool', schema: '5 Schema' },
  Definitions: list('NamedSchema'),
  Document: {
    swagger: '1 string',
    info: '2 Info',
    paths: '8 Paths',
    definitions: '9 Definitions',
    security: '12 SecurityRequirement*',
    security_definitions: '13 SecurityDefinitions',
  },
  Info: { title: '1 string', version: '2 string' },
  ItemsItem: { schema: '1 Schema*' },
  NamedAny: named('Any'),
  NamedPathItem: named('PathItem'),
  NamedResponseValue: named('ResponseValue'),
  NamedSchema: named('Schema'),
  NamedSecurityDefinitionsItem: named('SecurityDefinitionsItem'),
  NamedStringArray: named('StringArray'),
  NonBodyParameter: { query_parameter_sub_schema: '3 QueryParameterSubSchema', path_parameter_sub_schema: '4 PathParameterSubSchema' },
  Operation: {
    tags: '1 string*',
    description: '3 string',
    operation_id: '5 string',
    produces: '6 string*',
    consumes: '7 string*',
    parameters: '8 ParametersItem*',
    responses: '9 Responses',
    schemes: '10 string*',
    vendor_extension: '13 NamedAny*',
  },
  Parameter: { body_parameter: '1 BodyParameter', non_body_parameter: '2 NonBodyParameter' },
  ParametersItem: { parameter: '1 Parameter' },
  PathItem: {
    get: '2 Operation',
    put: '3 Operation',
    post: '4 Operation',
    delete: '5 Operation',
    options: '6 Operation',
    head: '7 Operation',
    patch: '8 Operation',
    parameters: '9 ParametersItem*',
  },
  PathParameterSubSchema: { ...PARAMETER, type: '5 string', unique_items: '19 bool' },
  Paths: { path: '2 NamedPathItem*' },
  Properties: list('NamedSchema'),
  QueryParameterSubSchema: { ...PARAMETER, type: '6 string', unique_items: '20 bool' },
  Response: { description: '1 string', schema: '2 SchemaItem' },
  ResponseValue: { response: '1 Response' },
  Responses: { response_code: '1 NamedResponseValue*' },
  Schema: {
    _ref: '1 string',
    format: '2 string',
    title: '3 string',
    description: '4 string',
    default: '5 Any',
    multiple_of: '6 double',
    maximum: '7 double',
    exclusive_maximum: '8 bool',
    minimum: '9 double',
    exclusive_minimum: '10 bool',
    max_length: '11 int64',
    min_length: '12 int64',
    pattern: '13 string',
    max_items: '14 int64',
    min_items: '15 int64',
    max_properties: '17 int64',
    min_properties: '18 int64',
    required: '19 string*',
    enum: '20 Any*',
    additional_properties: '21 AdditionalPropertiesItem',
    type: '22 TypeItem',
    items: '23 ItemsItem',
    properties: '25 Properties',
    vendor_extension: '31 NamedAny*',
  },
  SchemaItem: { schema: '1 Schema' },
  SecurityDefinitions: list('NamedSecurityDefinitionsItem'),
  SecurityDefinitionsItem: { api_key_security: '2 ApiKeySecurity' },
  SecurityRequirement: list('NamedStringArray'),
  StringArray: { value: '1 string*' },
  TypeItem: { value: '1 string*' },
};

function field(row: `${number} ${string}`): ProtoField {
  const [n = '', type = ''] = row.split(' ');
  const plain = type.replace('*', '');
  return { n: Number(n), type: SCALARS.has(plain) ? plain : `openapi.v2.${plain}`, label: type.endsWith('*') ? 'repeated' : 'optional' };
}

const message = (row: Row): ProtoMessage => ({ fields: Object.fromEntries(Object.entries(row).map(([name, one]) => [name, field(one)])) });

export const SWAGGER_MESSAGES: ProtoSchema = {
  syntax: 'proto3',
  messages: Object.fromEntries(Object.entries(ROWS).map(([name, row]) => [`openapi.v2.${name}`, message(row)])),
};
