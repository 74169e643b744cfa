// A request body as parsed values, whatever its media type.
import { badRequest, StatusError } from '#apimachinery/errors.ts';
import { duplicateFieldText, JsonError, parseJson, parseJsonStrict } from '#apimachinery/json.ts';
import { duplicateYamlKeys, parseYaml, YAML_TO_JSON_PREFIX, YamlError } from '#apimachinery/yaml.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { MAX_BODY_BYTES } from '../http/body.ts';
import { parseMediaType } from './media-type.ts';
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
  const media = parseMediaType(contentType);
  const found =
    media === undefined ? undefined : decodable.find((encoding) => CONTENT_TYPES[encoding] === `${media.type}/${media.subtype}`);
  if (found === undefined) throw unsupportedMediaType(decodable.map((encoding) => CONTENT_TYPES[encoding]));
  return found;
}

/**
 * @param kind of the object expected, for messages
 * @param strict whether duplicate fields matter
 * @throws StatusError UnsupportedMediaType, RequestEntityTooLarge, BadRequest
 */
export async function readDocument(
  body: Body,
  {
    expected,
    strict,
    protobuf,
  }: { readonly expected: GroupVersionKind; readonly strict: boolean; readonly protobuf: ProtobufCodec | undefined },
): Promise<Document> {
  if (body.kind === 'value') return { value: body.value, duplicates: [], text: '' };
  const { kind } = expected;
  const encoding = inputEncoding(body.contentType);
  const bytes = await body.read(MAX_BODY_BYTES);
  if (encoding === 'protobuf') {
    if (protobuf === undefined) throw unsupportedMediaType([CONTENT_TYPES.json, CONTENT_TYPES.yaml]);
    return { value: protobuf.decode(bytes, kind, expected), duplicates: [], text: '' };
  }
  const text = bytes.toString();
  try {
    return encoding === 'json' ? readJson(text, strict) : readYaml(text, strict);
  } catch (error) {
    if (error instanceof JsonError) throw unrecognized(kind, `couldn't get version/kind; json parse error: ${error.message}`, text);
    if (error instanceof YamlError) throw unrecognized(kind, `${YAML_TO_JSON_PREFIX}${error.message}`, text);
    throw error;
  }
}

function readJson(text: string, strict: boolean): Document {
  if (!strict) return { value: parseJson(text), duplicates: [], text };
  const { value, duplicates } = parseJsonStrict(text);
  return { value, duplicates: duplicates.map(duplicateFieldText), text, json: text };
}

function readYaml(text: string, strict: boolean): Document {
  const value = parseYaml(text);
  const found = strict ? duplicateYamlKeys(text) : undefined;
  return { value, duplicates: found === undefined ? [] : [found], text };
}

const SUMMARY_LENGTH = 30;

/** Source: transformDecodeError, summarizeData. */
function unrecognized(kind: string, why: string, text: string): StatusError {
  const bytes = Buffer.from(text);
  const hex = (part: Buffer): string => part.toString('hex');
  const plain = text.startsWith('{');
  const cut = plain ? text.slice(0, SUMMARY_LENGTH) : hex(bytes.subarray(0, SUMMARY_LENGTH));
  const summary = text === '' ? '<empty>' : bytes.length > SUMMARY_LENGTH ? `${cut} ...` : cut;
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summary})`);
}
