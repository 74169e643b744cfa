// A request passed on to another HTTP server, and its answer passed back, both as streams.
import { request as requestPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as requestTls } from 'node:https';
import { isIP } from 'node:net';
import { StatusError } from '#apimachinery/errors.ts';
import { ClientGoneError, type Exchange, type ResponseHeaders } from '../http/exchange.ts';
import { describe } from '../outbound/failures.ts';
import { endToEnd, forwardedFor } from './headers.ts';
import { hostHeader, KEEP_ALIVE_MS, type Target } from './target.ts';

export interface ForwardOptions {
  /** Looks at the answer's head first; may throw StatusError, and nothing was sent to the client then. */
  readonly check?: (answer: IncomingMessage) => void | Promise<void>;
  /** Breaks the request off, and its answer. */
  readonly signal?: AbortSignal;
  /** Headers that replace those of the answer. */
  readonly headers?: (answer: IncomingMessage) => ResponseHeaders;
  /** What replaces the body of the answer, to be read out to its end. */
  readonly body?: (answer: IncomingMessage) => AsyncIterable<Uint8Array>;
}

/** The target's answer, of which only the head was read; it ends with the exchange. @throws StatusError when the target cannot be reached */
export async function answerTo(
  exchange: Exchange,
  target: Target,
  { check, signal }: Pick<ForwardOptions, 'check' | 'signal'> = {},
): Promise<IncomingMessage> {
  const answer = await send(exchange, target, signal);
  exchange.onClose(() => answer.destroy());
  try {
    await check?.(answer);
  } catch (error) {
    answer.destroy();
    throw error;
  }
  return answer;
}

/** Resolves when the answer is complete or the client is gone. @throws StatusError when the target cannot be reached */
export async function forward(exchange: Exchange, target: Target, options: ForwardOptions = {}): Promise<void> {
  const answer = await answerTo(exchange, target, options);
  const headers = options.headers?.(answer) ?? (endToEnd(answer.headers) as ResponseHeaders);
  const stream = exchange.stream(answer.statusCode ?? 502, headers);
  if (stream === undefined) {
    answer.destroy();
    return;
  }
  try {
    const body = options.body?.(answer) ?? (answer as AsyncIterable<Uint8Array>);
    for await (const chunk of body) if (!stream.write(chunk)) await stream.drained();
    stream.end();
  } catch (error) {
    answer.destroy();
    if (error instanceof ClientGoneError) return;
    // Half of it was sent: only breaking off tells the client that the rest is missing.
    stream.abort();
  }
}

function send(exchange: Exchange, target: Target, signal?: AbortSignal): Promise<IncomingMessage> {
  const { scheme, host, port, path, tls, headers: more } = target;
  return new Promise((resolve, reject) => {
    const headers = {
      ...endToEnd(exchange.headers),
      host: hostHeader(target),
      'x-forwarded-for': forwardedFor([exchange.headers['x-forwarded-for'] ?? []].flat(), exchange.remoteAddress),
      ...more,
    };
    const options = {
      host,
      port,
      path,
      method: exchange.method,
      headers,
      agent: false as const,
      ...(signal === undefined ? {} : { signal }),
    };
    // The server is who its address says, whatever it is asked for under.
    const request: ClientRequest =
      scheme === 'https' ? requestTls({ ...options, servername: isIP(host) === 0 ? host : '', ...tls }) : requestPlain(options);
    request.once('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    exchange.onClose(() => {
      if (!exchange.responded) request.destroy();
    });
    const refused = (why: string): StatusError => new StatusError('', `error trying to reach service: ${why}`, undefined, 503);
    request.once('response', resolve);
    // Node ends such a request without a word where nobody listens for it. Source: httputil handleUpgradeResponse.
    request.once('upgrade', ({ headers: { upgrade = '' } }, socket) => {
      socket.destroy();
      reject(refused(`backend tried to switch protocol ${JSON.stringify(upgrade)} when "" was requested`));
    });
    request.once('error', (error) =>
      reject(
        exchange.closed
          ? new ClientGoneError('client closed the request')
          : refused(describe(error, { host, port }, tls.servername ?? host)),
      ),
    );
    const { bodyStream } = exchange;
    bodyStream.on('error', () => request.destroy());
    bodyStream.pipe(request);
  });
}
