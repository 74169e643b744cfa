// The kubelet's HTTPS server: logs, exec, attach, port-forward, figures. Requests come from the API server, and from
// whoever may ask about nodes.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '#base/clock.ts';
import { HealthFigures } from '#base/health-figures.ts';
import { CriError } from '#cri/errors.ts';
import type { Logger } from '#base/log.ts';
import { refuse, refuseUpgrade, Refusal, refusalOf } from './answers.ts';
import { admit } from './caller.ts';
import type { Access, KubeletHost } from './contract.ts';
import { ownMetrics } from './metrics/own.ts';
import { serveRequest, serveUpgrade, type RouteDeps } from './routes.ts';

export interface ServerTls {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** Issuers of client certificates, PEM. */
  readonly clientCa: string;
}

export interface KubeletServerOptions {
  readonly host: KubeletHost;
  /** Read at the start and at each `reloadTls`. */
  readonly tls: () => ServerTls;
  readonly access: Access;
  readonly address: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly logger: Logger;
  /** What the kubelet was started with, for `/flagz`; no secrets. */
  readonly flags?: Readonly<Record<string, string>>;
}

export interface KubeletServer {
  /** Resolves with the port it listens on. @throws Error when it cannot listen */
  start(): Promise<number>;
  /** Ends sessions that are open. */
  stop(): Promise<void>;
  /** For connections made from now on. @throws Error when they do not fit; the old ones stay in use */
  reloadTls(): void;
}

/** Milliseconds that an idle connection is kept. Source: kubelet server IdleTimeout. */
const IDLE_MS = 90_000;
/** Source: net.ListenConfig KeepAlive. Milliseconds. */
const KEEP_ALIVE_MS = 15_000;
/** Bytes of a request's head. */
const MOST_HEAD = 64 << 10;

export function createKubeletServer(options: KubeletServerOptions): KubeletServer {
  const { address, logger, tls } = options;
  const deps: RouteDeps = {
    host: options.host,
    clock: options.clock,
    metrics: ownMetrics(options.clock),
    checks: new HealthFigures(),
    flags: options.flags ?? {},
    startedAt: options.clock.now(),
  };
  const upgraded = new Set<Duplex>();
  let server: Server | undefined;

  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const url = urlOf(request);
      await admit(request, url.pathname, options.access, logger);
      response.once('close', deps.metrics.begun(request.method ?? '', url.pathname));
      await serveRequest(request, response, url, deps);
    } catch (error) {
      report(logger, request, error);
      refuse(response, error);
    }
  };
  const onUpgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    socket.on('error', () => socket.destroy()); // the session sees it closed
    try {
      const url = urlOf(request);
      await admit(request, url.pathname, options.access, logger);
      socket.once('close', deps.metrics.begun(request.method ?? '', url.pathname));
      await serveUpgrade({ request, socket, head }, url, deps);
    } catch (error) {
      report(logger, request, error);
      refuseUpgrade(socket, error);
    }
  };

  return {
    async start() {
      const created = createServer({
        ...contextOf(tls()),
        requestCert: true,
        rejectUnauthorized: false, // who has no certificate may have a token
        maxHeaderSize: MOST_HEAD,
        keepAliveTimeout: IDLE_MS,
        keepAlive: true, // a client that lost its power never ends its stream
        keepAliveInitialDelay: KEEP_ALIVE_MS,
        ALPNProtocols: ['http/1.1'],
      });
      server = created;
      created.on('request', (request: IncomingMessage, response: ServerResponse) => void onRequest(request, response));
      created.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => void onUpgrade(request, socket, head));
      created.on('tlsClientError', (error) => logger.debug('TLS handshake failed', { error }));
      await listening(created, address);
      created.on('error', (error) => logger.error('a connection cannot be accepted', { error }));
      const { port } = created.address() as AddressInfo;
      logger.info('Started to listen', { address: address.host, port });
      return port;
    },
    async stop() {
      for (const socket of upgraded) socket.destroy();
      const ending = server;
      if (ending === undefined) return;
      ending.closeAllConnections();
      await new Promise<void>((resolve) => {
        ending.close(() => resolve());
      });
    },
    reloadTls: () => server?.setSecureContext(contextOf(tls())),
  };
}

const contextOf = ({ certificate, key, clientCa }: ServerTls) => ({ cert: certificate, key, ca: clientCa, minVersion: 'TLSv1.2' as const });

function listening(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** @throws Refusal 400 */
function urlOf({ url = '/' }: IncomingMessage): URL {
  try {
    return new URL(url, 'https://kubelet');
  } catch (error) {
    if (error instanceof TypeError) throw new Refusal(400, 'the request has no proper path');
    throw error;
  }
}

/** What is the server's fault is worth a line; what is the caller's is not. Where an error began is told of those alone that nobody foresaw. */
function report(logger: Logger, { method, url = '' }: IncomingMessage, error: unknown): void {
  const { code, message: reason } = refusalOf(error);
  const request = { method, path: url.split('?')[0], code };
  if (!(error instanceof Refusal || error instanceof CriError)) logger.warn('request failed', { ...request, error });
  else if (code < 500) logger.debug('refused', { ...request, reason });
  else logger.warn('request failed', { ...request, reason });
}
