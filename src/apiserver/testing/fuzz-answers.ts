// Which failures upstream answers with as well, told by the Status in whatever encoding it comes.
import { load } from 'js-yaml';
import { readProtobufBody } from '#api/protobuf/envelope.ts';
import { Schema } from '#api/schema.ts';
import type { Status } from '#api/types.ts';

const STATUS = { group: '', version: 'v1', kind: 'Status' };
const schema = new Schema();

/**
 * Messages of errors without a reason, which upstream answers with 500: of objects and of reads with a resource version that
 * is none, of a create with one, of a binding without a target, of what is too great for etcd, of a strategic patch that means
 * nothing, of an apply that does not fit its type. Source: storage.ErrResourceVersionSetOnCreate, ParseResourceVersion,
 * BindingREST.Create, etcd ErrRequestTooLarge, interpretStrategicMergePatchError, structuredMergeManager.Apply.
 */
const WITHOUT_REASON: readonly RegExp[] = [
  /^resourceVersion should not be set on objects to be created$/,
  /^(resourceVersion: Invalid value: .*: )?strconv\.ParseUint: parsing ".*": (invalid syntax|value out of range)$/s,
  /^target\.name: Required value$/,
  /^etcdserver: request is too large$/,
  /^failed to create typed patch object /,
  /^failed to convert new object \(.*\) to proper version: unable to convert unstructured object to /s,
  /^(unknown patch type: |expected a .*, but received a |unable to find api field |map: .* does not contain declared merge key)/s,
  /^(cannot merge lists without merge key|list element types are not identical|no elements in any of the given slices)/,
];

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
  if (code === 500) return reason === '' && WITHOUT_REASON.some((words) => words.test(message));
  if (code !== 504 || reason !== 'Timeout') return false;
  if (message === ALLOTTED) return /[?&;]timeout=/.test(path);
  return (
    TOO_LARGE_VERSION.test(message) &&
    details?.retryAfterSeconds === 1 &&
    details.causes?.length === 1 &&
    details.causes[0]?.reason === 'ResourceVersionTooLarge'
  );
}
