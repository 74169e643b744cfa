// One request and its answer on one HTTP/2 stream.
import {
  constants,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { GatheredBytes } from '#base/gathered-bytes.ts';
import { ConnectionError } from '../contract.ts';
import type { HttpAnswer } from './answer.ts';
import type { Session } from './session.ts';

/** Largest answer taken, bytes: what one string can hold. */
const MAX_ANSWER_BYTES = 500 << 20;

/** The exchange did not come to an answer; `processed` says whether the server may have carried the request out. */
export class ExchangeError extends ConnectionError {
  readonly processed: 'no' | 'unknown';
  constructor(message: string, processed: 'no' | 'unknown', options?: ErrorOptions) {
    super(message, options);
    this.processed = processed;
  }
}

export interface AnswerHead {
  readonly status: number;
  readonly contentType: string;
  /** Seconds. */
  readonly retryAfter: number | undefined;
  readonly warnings: readonly string[];
}

export interface OpenExchange {
  readonly head: AnswerHead;
  /** Nothing of its body is read yet. */
  readonly stream: ClientHttp2Stream;
}

/** Source: apimachinery util/net ParseWarningHeaders; codes other than 299 are not for us. */
const WARNING = /299 \S+ "((?:[^"\\]|\\.)*)"/g;

export function readHead(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): AnswerHead {
  const after = headers['retry-after'];
  const given = Buffer.from(headers.warning ?? '', 'latin1').toString(); // bytes of UTF-8, one a character
  const warnings = [...given.matchAll(WARNING)].map(([, text]) => (text as string).replaceAll(/\\(.)/g, '$1'));
  return {
    status: headers[':status'] ?? 0,
    contentType: headers['content-type'] ?? '',
    retryAfter: after !== undefined && /^\d+$/.test(after) ? Number(after) : undefined,
    warnings,
  };
}

function broken(session: Session, stream: ClientHttp2Stream, cause?: Error): ExchangeError {
  const processed = session.neverProcessed(stream) ? 'no' : 'unknown';
  const why = session.failure?.message ?? cause?.message ?? 'the stream was reset';
  return new ExchangeError(`the connection broke: ${why}`, processed, { cause });
}

/**
 * Sends the request, in the place reserved for it, and waits for the head of the answer.
 * @throws ExchangeError, or the signal's reason; the signal goes on to end the stream while its body is read
 */
export function openExchange(
  session: Session,
  headers: OutgoingHttpHeaders,
  body: string | undefined,
  signal: AbortSignal,
): Promise<OpenExchange> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      session.release();
      return reject(signal.reason as Error);
    }
    let stream: ClientHttp2Stream;
    try {
      stream = session.open(headers, body === undefined ? 'none' : 'follows');
    } catch (error) {
      return reject(new ExchangeError((error as Error).message, 'no', { cause: error }));
    }
    let failure: Error | undefined = undefined;
    const onAbort = (): void => {
      reject(signal.reason as Error);
      stream.close(constants.NGHTTP2_CANCEL);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    stream.on('error', (error) => {
      failure = error;
    });
    let answered = false;
    stream.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      // An error costs as much as a small answer: none is made in vain.
      if (!answered) reject(broken(session, stream, failure));
    });
    stream.once('response', (received) => {
      answered = true;
      resolve({ head: readHead(received), stream });
    });
    if (body !== undefined) stream.end(body);
  });
}

/** Reads the rest of the answer. @throws ExchangeError, or the signal's reason */
export function readBody(session: Session, { head, stream }: OpenExchange, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const bytes = new GatheredBytes();
    let failure: Error | undefined = undefined;
    stream.on('error', (error) => {
      failure = error;
    });
    stream.on('data', (chunk: Buffer) => {
      bytes.add(chunk);
      if (bytes.length <= MAX_ANSWER_BYTES) return;
      reject(new ExchangeError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`, 'unknown'));
      stream.close(constants.NGHTTP2_CANCEL);
    });
    let whole = false;
    stream.once('end', () => {
      // A stream that was reset ends too, without the rest.
      if (stream.aborted || (stream.rstCode ?? 0) !== constants.NGHTTP2_NO_ERROR) return;
      whole = true;
      const { status, contentType, retryAfter } = head;
      resolve({ status, contentType, retryAfter, body: bytes.whole() });
    });
    const closed = (): void => {
      if (!whole) reject(signal.aborted ? (signal.reason as Error) : broken(session, stream, failure));
    };
    if (stream.closed && stream.destroyed) closed();
    else stream.once('close', closed);
  });
}
