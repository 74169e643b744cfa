// Reads a request body into one Buffer, and never more of it than allowed.
import { StatusError } from '#apimachinery/errors.ts';
import { GatheredBytes } from '#base/gathered-bytes.ts';
import { ClientGoneError } from './exchange.ts';

/** Source: apiserver MaxRequestBodyBytes. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Source: errors.NewRequestEntityTooLargeError. */
export const entityTooLargeText = (why: string): StatusError =>
  new StatusError('RequestEntityTooLarge', `Request entity too large: ${why}`);

const entityTooLarge = (limit: number): StatusError => entityTooLargeText(`limit is ${limit}`);

/** @param answer of HTTP/1.1: where another protocol is asked for, only its end tells that the client has left */
export function readBody(
  stream: NodeJS.ReadableStream,
  contentLength: string | undefined,
  limit: number,
  answer?: NodeJS.WritableStream,
): Promise<Buffer> {
  if (contentLength !== undefined && Number(contentLength) > limit) return Promise.reject(entityTooLarge(limit));
  return new Promise((resolve, reject) => {
    const bytes = new GatheredBytes();
    const settle = (): void => {
      stream.removeListener('data', onData);
      stream.removeListener('end', onEnd);
      stream.removeListener('error', onGone);
      stream.removeListener('aborted', onGone);
      stream.removeListener('close', onGone);
      answer?.removeListener('close', onGone);
    };
    const onData = (chunk: Buffer): void => {
      bytes.add(chunk);
      if (bytes.length <= limit) return;
      settle();
      reject(entityTooLarge(limit));
    };
    const onEnd = (): void => {
      settle();
      resolve(bytes.whole());
    };
    const onGone = (): void => {
      settle();
      reject(new ClientGoneError('client broke off the request body'));
    };
    stream.on('data', onData);
    stream.on('end', onEnd);
    stream.on('error', onGone);
    stream.on('aborted', onGone);
    stream.on('close', onGone);
    answer?.on('close', onGone);
  });
}
