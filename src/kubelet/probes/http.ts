// HTTP requests of probes and lifecycle hooks.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '#base/clock.ts';
import type { HTTPHeader } from '#api/types.ts';
import { dialError, joinHostPort } from './go-errors.ts';
import { MAX_OUTPUT_BYTES, type ProbeResult } from './result.ts';

/** Source: net/http defaultCheckRedirect. */
const MAX_REDIRECTS = 10;

export interface HttpTarget {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** With query. */
  readonly path: string;
  readonly headers: readonly HTTPHeader[];
}

export interface HttpRequest {
  readonly target: HttpTarget;
  readonly userAgent: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** The URL as Go prints it in errors. */
export function targetUrl({ scheme, host, port, path }: HttpTarget): string {
  return `${scheme}://${joinHostPort(host, port)}${path.startsWith('/') ? path : `/${path}`}`;
}

/**
 * Redirects to the same host are followed, others count as a warning; certificates are not checked.
 * Source: probe/http DoHTTPProbe.
 */
export async function httpProbe(request: HttpRequest): Promise<ProbeResult> {
  try {
    const { status, body } = await httpGet(request);
    if (status >= 200 && status < 300) return { kind: 'success', output: body };
    if (status >= 300 && status < 400) return { kind: 'warning', output: `Probe terminated redirects, Response body: ${body}` };
    return { kind: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
  } catch (error) {
    return { kind: 'failure', output: (error as Error).message };
  }
}

export interface HttpAnswer {
  readonly status: number;
  /** At most MAX_OUTPUT_BYTES of it. */
  readonly body: string;
}

/** @throws Error in the words of Go's HTTP client */
export async function httpGet(request: HttpRequest): Promise<HttpAnswer> {
  const deadline = request.clock.monotonic() + request.timeoutMs;
  let url = new URL(targetUrl(request.target));
  const firstHost = url.hostname;
  for (let hop = 0; ; hop++) {
    const left = deadline - request.clock.monotonic();
    const answer = await once(url, request, left);
    if (answer.location === undefined || answer.status < 300 || answer.status >= 400) return answer;
    const next = new URL(answer.location, url);
    if (next.hostname !== firstHost) return answer;
    if (hop + 1 >= MAX_REDIRECTS) throw new Error(`Get "${next.href}": stopped after ${MAX_REDIRECTS} redirects`);
    url = next;
  }
}

/** Header names are written once each; a later value of the same name is added to it. */
function headersOf({ target, userAgent }: HttpRequest, url: URL): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'User-Agent': userAgent, Accept: '*/*', Connection: 'close' };
  const custom = new Map<string, { name: string; values: string[] }>();
  for (const { name, value } of target.headers) {
    const entry = custom.get(name.toLowerCase()) ?? { name, values: [] };
    entry.values.push(value);
    custom.set(name.toLowerCase(), entry);
  }
  for (const [lower, { name, values }] of custom) {
    for (const standard of Object.keys(headers)) if (standard.toLowerCase() === lower) delete headers[standard];
    if (lower === 'host' && url.hostname === new URL(targetUrl(target)).hostname) headers['Host'] = values[0] as string;
    else if (lower !== 'host' && !(values.length === 1 && values[0] === ''))
      headers[name] = values.length === 1 ? (values[0] as string) : values;
  }
  return headers;
}

function once(url: URL, request: HttpRequest, timeoutMs: number): Promise<HttpAnswer & { readonly location?: string }> {
  const fail = (reason: string): Error => new Error(`Get "${url.href}": ${reason}`);
  return new Promise((resolve, reject) => {
    const options = {
      headers: headersOf(request, url),
      agent: false as const,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    };
    const onResponse = (response: IncomingMessage): void => {
      readBody(response).then(
        (body) =>
          settle(() =>
            resolve({
              status: response.statusCode ?? 0,
              body,
              ...(response.headers.location === undefined ? {} : { location: response.headers.location }),
            }),
          ),
        (error: NodeJS.ErrnoException) => settle(() => reject(fail(error.message))),
      );
    };
    const outgoing =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, rejectUnauthorized: false }, onResponse)
        : httpRequest(url, options, onResponse);
    let done = false;
    const settle = (finish: () => void): void => {
      if (done) return;
      done = true;
      cancelTimer();
      finish();
      outgoing.destroy();
    };
    const cancelTimer = request.clock.after(timeoutMs, () => {
      settle(() => reject(fail('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')));
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => settle(() => reject(fail(words(error, url)))));
    outgoing.end();
  });
}

function words(error: NodeJS.ErrnoException, url: URL): string {
  if (error.code === 'ECONNRESET' && error.message === 'socket hang up') return 'EOF';
  if (error.code === 'EPROTO' || error.code?.startsWith('HPE_') === true) {
    return url.protocol === 'https:'
      ? 'http: server gave HTTP response to HTTPS client'
      : `net/http: HTTP/1.x transport connection broken: ${error.message}`;
  }
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return dialError(error, joinHostPort(url.hostname.replace(/^\[|\]$/g, ''), port));
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_OUTPUT_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_OUTPUT_BYTES).toString('utf8');
}
