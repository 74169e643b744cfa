// For tests of the HTTPS transport: a small HTTP/2 server over TLS, the certificates it takes, and a fake API server
// that speaks HTTP. Test doubles only.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { internalError, StatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import * as builtIn from '#api/resources.ts';
import type { ApiRequest, Transport, WatchEvent } from '../contract.ts';
import type { ClientCertificate } from '../https/credentials.ts';

cryptoProvider.set(webcrypto as unknown as Crypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface TestAuthority {
  /** PEM. */
  readonly ca: string;
  /** For 127.0.0.1 and localhost, or for `dns` alone. */
  server(dns?: string): Promise<ClientCertificate>;
  client(commonName: string): Promise<ClientCertificate>;
}

/** `now`: milliseconds since the epoch. */
export async function testAuthority(now: number): Promise<TestAuthority> {
  const dates = { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + DAY_MS) };
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...dates,
    name: 'CN=test-ca',
    serialNumber: '01',
    keys: keys as never,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  let serial = 1;
  async function issue(
    commonName: string,
    usage: ExtendedKeyUsage,
    names: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[],
  ): Promise<ClientCertificate> {
    const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.create({
      ...dates,
      subject: `CN=${commonName}`,
      issuer: ca.subject,
      serialNumber: (++serial).toString(16).padStart(2, '0'),
      publicKey: own.publicKey as never,
      signingKey: keys.privateKey as never,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new ExtendedKeyUsageExtension([usage]),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names])]),
      ],
    });
    return {
      cert: certificate.toString('pem'),
      key: PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', own.privateKey), 'PRIVATE KEY'),
    };
  }
  return {
    ca: ca.toString('pem'),
    server: async (dns) =>
      issue(
        'server',
        ExtendedKeyUsage.serverAuth,
        dns === undefined
          ? [
              { type: 'ip', value: '127.0.0.1' },
              { type: 'dns', value: 'localhost' },
            ]
          : [{ type: 'dns', value: dns }],
      ),
    client: async (commonName) => issue(commonName, ExtendedKeyUsage.clientAuth, []),
  };
}

export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** Open connections. */
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  /** Connections accepted so far. */
  readonly accepted: number;
  close(): Promise<void>;
}

export type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void | Promise<void>;

/** Listens on a free port of 127.0.0.1, or on `port`. Client certificates of `authority` are asked for and checked. */
export async function serve(
  authority: TestAuthority,
  certificate: ClientCertificate,
  onStream: StreamHandler,
  { port = 0, maxConcurrentStreams = 1000 }: { readonly port?: number; readonly maxConcurrentStreams?: number } = {},
): Promise<TestServer> {
  const server: Http2SecureServer = createSecureServer({
    ...certificate,
    ca: authority.ca,
    requestCert: true,
    rejectUnauthorized: false,
    settings: { maxConcurrentStreams },
  });
  const sessions = new Set<ServerHttp2Session>();
  let accepted = 0;
  server.on('session', (session) => {
    accepted++;
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    // A client that goes away is nothing to this server.
    stream.on('error', () => stream.destroy());
    void onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${address.port}`,
    port: address.port,
    sessions,
    get accepted() {
      return accepted;
    },
    async close() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface FreezableProxy {
  readonly url: string;
  /** From now on nothing passes, and nobody is told. */
  freeze(): void;
  close(): Promise<void>;
}

/** Passes bytes on to `target`, as a network does. */
export async function freezableProxy(target: TestServer): Promise<FreezableProxy> {
  const sockets = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connect(target.port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

export async function readAll(stream: ServerHttp2Stream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

export function respond(stream: ServerHttp2Stream, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': status, 'content-type': 'application/json', ...headers });
  stream.end(typeof body === 'string' ? body : JSON.stringify(body));
}

const VERB: Readonly<Record<string, ApiRequest['verb']>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

function verbOf(method: string, name: string | undefined, watch: boolean): ApiRequest['verb'] {
  if (method === 'GET') return watch ? 'watch' : name === undefined ? 'list' : 'get';
  if (method === 'DELETE' && name === undefined) return 'deletecollection';
  return VERB[method] ?? 'get';
}

/** The inverse of httpRequest, for built-in resources; undefined for a path outside resources. */
function apiRequest(headers: IncomingHttpHeaders, body: string, signal: AbortSignal): ApiRequest | undefined {
  const url = new URL(headers[':path'] as string, 'https://server');
  const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const [group, version, rest] = parts[0] === 'api' ? ['', parts[1], parts.slice(2)] : [parts[1], parts[2], parts.slice(3)];
  const namespaced = rest[0] === 'namespaces' && rest.length > 2;
  const [plural, name, ...subresource] = namespaced ? rest.slice(2) : rest;
  const resource = Object.values<Resource>(builtIn).find(
    (each) => each.group === group && each.version === version && each.resource === plural,
  );
  if (resource === undefined) return undefined;
  const { watch, ...query } = Object.fromEntries(url.searchParams);
  return {
    verb: verbOf(headers[':method'] as string, name, watch === 'true'),
    resource,
    ...(namespaced ? { namespace: rest[1] as string } : {}),
    ...(name === undefined ? {} : { name }),
    ...(subresource.length === 0 ? {} : { subresource: subresource.join('/') }),
    query,
    ...(body === '' ? {} : { body: JSON.parse(body) as unknown }),
    ...(headers['content-type'] === undefined ? {} : { contentType: headers['content-type'] }),
    signal,
  };
}

function frameOf(event: WatchEvent<unknown>): string {
  if (event.type !== 'BOOKMARK') return `${JSON.stringify(event)}\n`;
  const annotations = event.initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
  return `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: event.resourceVersion, ...annotations } } })}\n`;
}

const statusOf = (error: unknown): StatusError => (error instanceof StatusError ? error : internalError(error));

/** Answers HTTP with what `backend` (usually a fakeTransport) answers. */
export function apiHandler(backend: Transport): StreamHandler {
  async function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, signal: AbortSignal): Promise<void> {
    const request = apiRequest(headers, await readAll(stream), signal);
    if (request === undefined) return respond(stream, 200, await backend.getPath((headers[':path'] as string).replace(/\?.*/, ''), {}));
    if (request.verb !== 'watch') return respond(stream, request.verb === 'create' ? 201 : 200, await backend.request(request));
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    try {
      for await (const event of backend.watch(request))
        if (!stream.write(frameOf(event))) await new Promise((resolve) => stream.once('drain', resolve));
      stream.end();
    } catch (error) {
      if (error instanceof StatusError) stream.end(`${JSON.stringify({ type: 'ERROR', object: error.toStatus() })}\n`);
      else stream.destroy();
    }
  }
  return (stream, headers) => {
    const gone = new AbortController();
    stream.once('close', () => gone.abort(new Error('the client went away')));
    answer(stream, headers, gone.signal).catch((error: unknown) => {
      const status = statusOf(error);
      respond(
        stream,
        status.code,
        status.toStatus(),
        status.details?.retryAfterSeconds === undefined ? {} : { 'retry-after': String(status.details.retryAfterSeconds) },
      );
    });
  };
}
