// pods/log: what a container wrote, as the kubelet gives it, followed for as long as the client likes.
import type { IncomingMessage } from 'node:http';
import type { Pod } from '#api/types.ts';
import { badRequest, internalError, StatusError } from '#apimachinery/errors.ts';
import { forbidden, invalid, notSupported, toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { parseTime, TimeError } from '#apimachinery/time.ts';
import type { CredentialsSource } from '../../kubelet/credentials.ts';
import { answerTo, forward } from '../../kubelet/forward.ts';
import type { ResponseHeaders } from '../../http/exchange.ts';
import type { Query } from '../../request.ts';
import { isTrue } from '../../stages/request-info.ts';
import type { Handler } from '../dispatch.ts';
import { containerOf } from './containers.ts';
import { connected, kubeletOf, stream } from './connect.ts';
import { readOut } from './read-out.ts';

/** Most bytes of a kubelet's refusal that are passed on. Source: maxReadLength. */
const MAX_REFUSAL = 10_240;

interface LogOptions {
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly sinceSeconds: number | undefined;
  readonly sinceTime: string | undefined;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  readonly stream: string;
}

/** @param splitStreams `stream` may be asked for */
export function logHandler(credentials: CredentialsSource, splitStreams: boolean): Handler {
  return async (operation, { registry }) => {
    const { query, info } = operation.request;
    const options = parseOptions(query);
    const errors = optionErrors(options, splitStreams);
    if (errors.length > 0) throw toStatusError({ group: '', kind: 'PodLogOptions' }, info.name, errors);
    const pod = await connected<Pod>(operation, registry);
    const container = containerOf(pod, options.container);
    // Nothing was written yet, and nothing will be until there is a node.
    if ((pod.spec.nodeName ?? '') === '') return { kind: 'bytes', code: 204, headers: {}, body: new Uint8Array() };
    const { namespace, name } = pod.metadata;
    const target = kubeletOf(pod, registry, credentials, `/containerLogs/${namespace}/${name}/${container}${queryOf(options)}`);
    const check = (answer: IncomingMessage): Promise<void> => checkAnswer(answer, name);
    return stream(async (exchange) => {
      if (exchange.upgrade !== undefined) return readOut(exchange.upgrade, await answerTo(exchange, target, { check }));
      const headers = (): ResponseHeaders => ({ 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
      return forward(exchange, target, { check, headers });
    });
  };
}

/** @throws StatusError BadRequest */
const parseOptions = (query: Query): LogOptions => ({
  container: query.get('container') ?? '',
  follow: isTrue(query.get('follow')),
  previous: isTrue(query.get('previous')),
  timestamps: isTrue(query.get('timestamps')),
  sinceSeconds: integer(query, 'sinceSeconds'),
  sinceTime: time(query, 'sinceTime'),
  tailLines: integer(query, 'tailLines'),
  limitBytes: integer(query, 'limitBytes'),
  stream: query.get('stream') ?? '',
});

const STREAMS = ['All', 'Stderr', 'Stdout'];

/** Source: ValidatePodLogOptions. */
function optionErrors(
  { tailLines, limitBytes, sinceSeconds, sinceTime, stream }: LogOptions,
  splitStreams: boolean,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (tailLines !== undefined && tailLines < 0) errors.push(invalid('tailLines', tailLines, 'must be greater than or equal to 0'));
  if (limitBytes !== undefined && limitBytes < 1) errors.push(invalid('limitBytes', limitBytes, 'must be greater than 0'));
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    errors.push(forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  } else if (sinceSeconds !== undefined && sinceSeconds < 1) {
    errors.push(invalid('sinceSeconds', sinceSeconds, 'must be greater than 0'));
  }
  if (stream === '') return errors;
  if (!splitStreams) return [...errors, forbidden('stream', 'may not be specified')];
  if (!STREAMS.includes(stream)) errors.push(notSupported('stream', stream, STREAMS));
  if (stream !== 'All' && tailLines !== undefined)
    errors.push(forbidden('', '`tailLines` and specific `stream` are mutually exclusive for now'));
  return errors;
}

/** Source: metav1.Time UnmarshalQueryParameter. */
function time(query: Query, name: string): string | undefined {
  const text = query.get(name);
  if (text === undefined || text === '') return undefined;
  try {
    parseTime(text);
    return text;
  } catch (error) {
    if (!(error instanceof TimeError)) throw error;
    throw badRequest(error.message);
  }
}

function integer(query: Query, name: string): number | undefined {
  const text = query.get(name);
  if (text === undefined || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`);
  return Number(text);
}

/** Source: LogLocation. */
function queryOf(options: LogOptions): string {
  const parameters = new URLSearchParams();
  for (const flag of ['follow', 'previous', 'timestamps'] as const) if (options[flag]) parameters.append(flag, 'true');
  for (const name of ['sinceSeconds', 'sinceTime', 'tailLines', 'limitBytes'] as const) {
    const value = options[name];
    if (value !== undefined) parameters.append(name, String(value));
  }
  if (options.stream !== '') parameters.append('stream', options.stream);
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

/** A kubelet's refusal in the API's form. Source: GenericHttpResponseChecker. */
async function checkAnswer(answer: IncomingMessage, pod: string): Promise<void> {
  const { statusCode = 502 } = answer;
  if (statusCode >= 200 && statusCode <= 206) return;
  const text = await limitedText(answer);
  if (statusCode === 500) throw internalError(new Error(text));
  if (statusCode === 400) throw badRequest(text);
  const reason = statusCode === 404 ? 'NotFound' : statusCode >= 500 ? 'InternalError' : '';
  const message =
    statusCode === 404
      ? 'the server could not find the requested resource'
      : statusCode >= 500
        ? `an error on the server (${goQuote(text)}) has prevented the request from succeeding`
        : `the server responded with the status code ${statusCode} but did not return more information`;
  throw new StatusError(reason, `${message} ( pods/log ${pod})`, { name: pod, kind: 'pods/log' }, statusCode);
}

async function limitedText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size >= MAX_REFUSAL) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_REFUSAL).toString();
}
