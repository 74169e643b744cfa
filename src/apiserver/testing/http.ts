// Plain requests to a test server, as a client that knows nothing of Proa makes them.
import { connect, type ClientHttp2Session } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { TestServer } from '../testing.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface HttpCall {
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array;
  /** Default: the administrator's certificate. */
  readonly as?: 'admin' | 'nobody';
}

export const text = ({ body }: HttpAnswer): string => body.toString();

export const json = <T = Record<string, unknown>>({ body }: HttpAnswer): T => JSON.parse(body.toString()) as T;

const credentials = ({ authority, admin }: TestServer, as: HttpCall['as']): { ca: string; cert?: string; key?: string } => ({
  ca: authority.certificate,
  ...(as === 'nobody' ? {} : { cert: admin.certificate, key: admin.key }),
});

/** One HTTP/1.1 request on a connection of its own. */
export function http1(server: TestServer, path: string, { method = 'GET', headers = {}, body, as }: HttpCall = {}): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    // Node.js says how long a body is only where it expects one, which it does not with DELETE.
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const options = { method, headers: { ...length, ...headers }, agent: false as const, ...credentials(server, as) };
    const request = httpsRequest(`${server.url}${path}`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** An HTTP/2 connection. */
export function http2Session(server: TestServer, as?: HttpCall['as']): ClientHttp2Session {
  return connect(server.url, credentials(server, as));
}

/** One request over HTTP/2. */
export function http2(
  session: ClientHttp2Session,
  path: string,
  { method = 'GET', headers = {}, body }: Omit<HttpCall, 'as'> = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    let answered: HttpAnswer['headers'] = {};
    stream.on('response', (response) => {
      answered = response;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => resolve({ status: Number(answered[':status']), headers: answered, body: Buffer.concat(chunks) }));
    stream.on('error', reject);
    if (body !== undefined) stream.end(body);
  });
}
