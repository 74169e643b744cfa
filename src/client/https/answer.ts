// What an HTTP answer means: a decoded object, or the StatusError it stands for. Pure.
import { parseExactly } from '#apimachinery/json.ts';
import { StatusError, type StatusReason, type WireStatus } from '#apimachinery/errors.ts';
import { groupResourceString } from '#apimachinery/resource.ts';
import type { HttpRequest } from './http-request.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  /** Seconds, from the header; undefined without one. */
  readonly retryAfter: number | undefined;
  readonly body: Buffer;
}

const isSuccess = (status: number): boolean => status >= 200 && status <= 206;

/** Source: request.go maxUnstructuredResponseTextBytes. */
const MAX_UNSTRUCTURED_BYTES = 2048;

const isStatus = (value: unknown): value is WireStatus =>
  typeof value === 'object' &&
  value !== null &&
  (value as { readonly kind?: unknown }).kind === 'Status' &&
  (value as { readonly apiVersion?: unknown }).apiVersion === 'v1';

/** Decodes JSON; text that is none comes back as a string, as `/readyz` answers. @throws StatusError */
export function decodeAnswer(request: HttpRequest, answer: HttpAnswer): unknown {
  const { status, contentType, body } = answer;
  const isJson = contentType === '' || contentType.includes('json');
  const value = isJson ? parsed(body) : undefined;
  if (!isSuccess(status))
    throw isStatus(value) ? StatusError.fromStatus({ ...value, code: value.code ?? status }) : unstructured(request, answer);
  if (value === undefined) {
    if (isJson) throw unstructured(request, answer);
    return body.toString('utf8');
  }
  if (isStatus(value) && value.status === 'Failure') throw StatusError.fromStatus(value);
  return value;
}

/** Undefined for what is no JSON. */
function parsed(body: Buffer): unknown {
  try {
    return parseExactly(body.toString('utf8')) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface Generic {
  readonly reason: StatusReason;
  readonly message: string;
}

function generic(status: number, method: string, said: string): Generic {
  switch (status) {
    case 409:
      return { reason: method === 'POST' ? 'AlreadyExists' : 'Conflict', message: 'the server reported a conflict' };
    case 404:
      return { reason: 'NotFound', message: 'the server could not find the requested resource' };
    case 400:
      return { reason: 'BadRequest', message: 'the server rejected our request for an unknown reason' };
    case 401:
      return { reason: 'Unauthorized', message: 'the server has asked for the client to provide credentials' };
    case 403:
      return { reason: 'Forbidden', message: said };
    case 406:
      return {
        reason: 'NotAcceptable',
        message: said === 'unknown' ? 'the server was unable to respond with a content type that the client supports' : said,
      };
    case 415:
      return { reason: 'UnsupportedMediaType', message: said };
    case 405:
      return { reason: 'MethodNotAllowed', message: 'the server does not allow this method on the requested resource' };
    case 422:
      return { reason: 'Invalid', message: 'the server rejected our request due to an error in our request' };
    case 503:
      return { reason: 'ServiceUnavailable', message: 'the server is currently unable to handle the request' };
    case 504:
      return {
        reason: 'Timeout',
        message: 'the server was unable to return a response in the time allotted, but may still be processing the request',
      };
    case 429:
      return { reason: 'TooManyRequests', message: 'the server has received too many requests and has asked us to try again later' };
    default:
      if (status >= 500)
        return {
          reason: 'InternalError',
          message: `an error on the server (${JSON.stringify(said)}) has prevented the request from succeeding`,
        };
      return { reason: '', message: `the server responded with the status code ${status} but did not return more information` };
  }
}

/** For an answer that is not a Status, as proxies give. Source: errors.NewGenericServerResponse. */
function unstructured({ method, subject }: HttpRequest, { status, contentType, retryAfter, body }: HttpAnswer): StatusError {
  const isText = contentType === '' || contentType.startsWith('text/');
  const said = isText ? body.subarray(0, MAX_UNSTRUCTURED_BYTES).toString('utf8').trim() : 'unknown';
  const { reason, message } = generic(status, method, said);
  const where =
    subject === undefined
      ? ''
      : ` (${[method.toLowerCase(), groupResourceString(subject), subject.name].filter((part) => part !== '').join(' ')})`;
  return new StatusError(
    reason,
    message + where,
    {
      ...(subject === undefined ? {} : { group: subject.group, kind: subject.resource, name: subject.name }),
      causes: [{ reason: 'UnexpectedServerResponse', message: said }],
      ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }),
    },
    status,
  );
}
