// A request body as parsed values, whatever its media type.
import { summaryOf } from '#api/body-summary.ts';
import { badRequest, StatusError } from '#apimachinery/errors.ts';
import { duplicateFieldText, JsonError, parseJson, parseJsonStrict } from '#apimachinery/json.ts';
import { duplicateYamlKeys, parseYaml, repeatedYamlKeysText, YamlError } from '#apimachinery/yaml.ts';
import { sortedKeys } from '#apimachinery/json-value.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { MAX_BODY_BYTES } from '../http/body.ts';
import { mediaTypeOf } from '#apimachinery/media-type.ts';
import { CONTENT_TYPES, type Encoding } from './output.ts';
import type { ProtobufCodec } from './protobuf.ts';

/** Where a body comes from. */
export type Body =
  /** Over loopback: a value as its writer has it; never changed. */
  | { readonly kind: 'value'; readonly value: unknown; readonly contentType: string }
  | { readonly kind: 'bytes'; readonly contentType: string; read(limit: number): Promise<Buffer> };

export interface Document {
  readonly value: unknown;
  /** As strict decoding reports them: `duplicate field "spec.replicas"`. */
  readonly duplicates: readonly string[];
  /** The same for whoever is only warned, where that is worded otherwise. */
  readonly warnings?: readonly string[];
  /** For messages about bodies that are no object; empty on loopback. */
  readonly text: string;
  /** The text, where it was JSON that was read strictly. */
  readonly json?: string;
}

const DECODABLE: readonly Encoding[] = ['json', 'yaml', 'protobuf'];

/** Source: NewUnsupportedMediaTypeError. */
export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const types = accepted.join(', ');
  return new StatusError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${types}`,
  );
}

const CUSTOM: readonly Encoding[] = ['json', 'yaml'];

/**
 * The encoding of an object body; JSON where the client does not say.
 * @param custom objects of a CRD, which have no protobuf form
 * @throws StatusError UnsupportedMediaType
 */
export function inputEncoding(contentType: string, custom = false): Encoding {
  const decodable = custom ? CUSTOM : DECODABLE;
  if (contentType === '' || contentType === 'application/json') return 'json';
  const type = mediaTypeOf(contentType);
  const found = type === undefined ? undefined : decodable.find((encoding) => CONTENT_TYPES[encoding] === type);
  if (found === undefined) throw unsupportedMediaType(DECODABLE.map((encoding) => CONTENT_TYPES[encoding]));
  return found;
}

export interface DocumentOptions {
  /** For messages. */
  readonly expected: GroupVersionKind;
  /** Whether duplicate fields matter. */
  readonly strict: boolean;
  readonly protobuf: ProtobufCodec | undefined;
  /** The error for a text that cannot be parsed; default: names the kind that was expected. */
  readonly refuse?: (why: string, text: string) => StatusError;
}

/**
 * @throws StatusError UnsupportedMediaType, RequestEntityTooLarge, BadRequest
 */
export async function readDocument(
  body: Body,
  { expected, strict, protobuf, refuse = (why, text) => unrecognized(expected.kind, why, text) }: DocumentOptions,
): Promise<Document> {
  if (body.kind === 'value') return { value: body.value, duplicates: [], text: '' };
  const encoding = inputEncoding(body.contentType);
  const bytes = await body.read(MAX_BODY_BYTES);
  if (encoding === 'protobuf') {
    if (protobuf === undefined) throw unsupportedMediaType([CONTENT_TYPES.json, CONTENT_TYPES.yaml]);
    return { value: protobuf.decode(bytes, expected.kind, expected), duplicates: [], text: '' };
  }
  const text = bytes.toString();
  try {
    return encoding === 'json' ? readJson(text, strict) : readYaml(text, strict);
  } catch (error) {
    if (error instanceof JsonError) throw refuse(`couldn't get version/kind; json parse error: ${error.message}`, text);
    if (error instanceof YamlError) throw refuse(error.message, text);
    throw error;
  }
}

function readJson(text: string, strict: boolean): Document {
  if (!strict) return { value: parseJson(text), duplicates: [], text, json: text };
  const { value, duplicates } = parseJsonStrict(text);
  return { value, duplicates: duplicates.map(duplicateFieldText), text, json: text };
}

function readYaml(text: string, strict: boolean): Document {
  const value = sortedKeys(parseYaml(text)); // as JSON made of a Go map has them: what is unknown is told in this order
  const repeated = strict ? duplicateYamlKeys(text) : [];
  return { value, duplicates: repeated.length === 0 ? [] : [repeatedYamlKeysText(repeated)], warnings: repeated, text };
}

/** Source: transformDecodeError, summarizeData. */
function unrecognized(kind: string, why: string, text: string): StatusError {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summaryOf(Buffer.from(text))})`);
}
