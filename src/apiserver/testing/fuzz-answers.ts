// What an answer must be whatever was asked: of the encoding it names, a failure told by a Status, and never a failure of the
// server's own but those that upstream answers with as well.
import { load } from 'js-yaml';
import { openEnvelope, readProtobufBody } from '#api/protobuf/envelope.ts';
import { Schema } from '#api/schema.ts';
import type { Status } from '#api/types.ts';
import type { FuzzRequest } from './fuzz.ts';
import type { Outcome } from './fuzz-send.ts';

const STATUS = { group: '', version: 'v1', kind: 'Status' };
const schema = new Schema();

/**
 * Messages of errors without a reason, which upstream answers with 500: of objects and of reads with a resource version that
 * is none, of a create with one, of a binding without a target, of what is too great for etcd, of a strategic patch that means
 * nothing, of an apply that does not fit its type, of a pod of two budgets. Source: storage.ErrResourceVersionSetOnCreate,
 * ParseResourceVersion, BindingREST.Create, etcd ErrRequestTooLarge, interpretStrategicMergePatchError, structuredMergeManager.Apply,
 * EvictionREST.Create.
 */
const WITHOUT_REASON: readonly RegExp[] = [
  /^resourceVersion should not be set on objects to be created$/,
  /^(resourceVersion: Invalid value: .*: )?strconv\.ParseUint: parsing ".*": (invalid syntax|value out of range)$/s,
  /^\[?target\.(name: Required value|kind: Unsupported value: )/,
  /^etcdserver: request is too large$/,
  /^This pod has more than one PodDisruptionBudget, which the eviction subresource does not support\.$/,
  /^failed to create typed patch object /,
  /^failed to convert new object \(.*\) to proper version: unable to convert unstructured object to /s,
  /^(unknown patch type: |expected a .*, but received a |unable to find api field |map: .* does not contain declared merge key)/s,
  /^(The order in patch list:\n|merging lists cannot yet be specified in the patch$|cannot merge lists without merge key|list element types are not identical|no elements in any of the given slices)/,
];

/**
 * The one InternalError: a patch took the version of a custom resource away, which neither the codec nor the owners of fields
 * mind. Source: objectMetaAndKind, crdserverscheme.UnstructuredObjectTyper.
 */
const VERSIONLESS = "Internal error occurred: Object 'apiVersion' is missing in 'object has no apiVersion field'";

const TOO_LARGE_VERSION = /^Timeout: Too large resource version: \d+, current: \d+$/;
const ALLOTTED = 'Timeout: request did not complete within the allotted timeout';

/** The Status of an answer's body, given as latin1; undefined where it is none. */
function statusOf(body: string): Status | undefined {
  const bytes = Buffer.from(body, 'latin1');
  try {
    const value = body.startsWith('k8s\0') ? readProtobufBody(bytes, schema, STATUS) : load(bytes.toString());
    return (value as Status | undefined)?.kind === 'Status' ? (value as Status) : undefined;
  } catch {
    return undefined;
  }
}

/** @param path as it was asked for: with a `timeout`, a request may come to its end */
export function isUpstreamsOwn(code: number, body: string, path: string): boolean {
  const status = statusOf(body);
  if (status?.code !== code) return false;
  const { message = '', reason = '', details } = status;
  if (code === 500 && reason === 'InternalError') return message === VERSIONLESS;
  if (code === 500) return reason === '' && WITHOUT_REASON.some((words) => words.test(message));
  if (code !== 504 || reason !== 'Timeout') return false;
  if (message === ALLOTTED) return /[?&;]timeout=/.test(path);
  return (
    TOO_LARGE_VERSION.test(message) &&
    // Of a list at exactly that moment the store says so, and does not say when to come again.
    (details?.retryAfterSeconds === 1 || path.includes('resourceVersionMatch=Exact')) &&
    (details?.causes ?? []).every(({ reason: why }) => why === 'ResourceVersionTooLarge')
  );
}

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
/** Refusals in plain text: of paths that nobody serves, of those who may not, of heads that are none; and pages. */
const PLAIN: readonly string[] = ['text/plain', 'text/html', ''];
/** What is asked of others, who answer as they like; a log is text; and streams are read in part. */
const OTHERS = /\/(proxy|log|exec|attach|portforward)(\/|\?|$)|watch|follow|^(?!\/apis?\/)/;

/** Why the answer is none that a client can read; undefined where it is one. */
export function malformed({ method, path, headers }: FuzzRequest, { status, type, text }: Outcome): string | undefined {
  if (status < 200 || status === 204 || status === 304 || method === 'HEAD' || OTHERS.test(path)) return undefined;
  const media = type.split(';')[0] ?? '';
  if (PLAIN.includes(media)) return status < 400 && path.startsWith('/api/') ? `${status} in ${type}` : undefined;
  const value = valueOf(media, text);
  if (value === undefined) return `${status} in ${type} that is none`;
  const asked = headers['accept'] ?? '';
  if ([JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE].includes(asked) && asked !== media && !isWithoutForm(asked, status))
    return `${media} where ${asked} was asked for`;
  return status < 400 ? undefined : badStatus(value, status);
}

/** Objects of a CRD have no protobuf form, and other things neither. */
const isWithoutForm = (asked: string, status: number): boolean => asked === PROTOBUF_TYPE && (status === 406 || status < 400);

function badStatus(value: unknown, code: number): string | undefined {
  const { kind, apiVersion, status, message, code: told, details } = value as Status;
  const isOne = kind === 'Status' && apiVersion === 'v1' && status === 'Failure' && told === code && typeof message === 'string';
  const causes = details?.causes ?? [];
  return isOne && causes.every((cause) => typeof cause === 'object')
    ? undefined
    : `no Status of ${code}: ${JSON.stringify(value).slice(0, 300)}`;
}

function valueOf(media: string, text: string): object | undefined {
  const bytes = Buffer.from(text, 'latin1');
  try {
    if (media === PROTOBUF_TYPE) return text.startsWith('k8s\0') ? readAny(bytes) : undefined;
    const value: unknown = media === YAML_TYPE ? load(bytes.toString()) : JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whatever is in the envelope. */
function readAny(bytes: Buffer): object {
  const { kind, group, version } = openEnvelope(bytes);
  return readProtobufBody(bytes, schema, { kind, group, version });
}
