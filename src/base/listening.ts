// Small HTTP servers whose port another program may have: health and figures.
import type { Server } from 'node:http';
import { promisify } from 'node:util';
import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

/** Open connections to one server; further ones are refused. */
const MAX_CONNECTIONS = 100;

/** All addresses of one family, or (`::`, unless `ipv6Only`) of both. */
interface ListenAddress {
  readonly host: string;
  readonly ipv6Only?: boolean;
}

/** @throws Error when the port is taken */
export function listen(server: Server, port: number, address: ListenAddress, logger: Logger): Promise<void> {
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen({ ...address, port }, () => {
      server.off('error', reject).on('error', (error) => logger.error('a connection cannot be accepted', { port, error }));
      resolve();
    });
  });
}

/** Between attempts to take a port that another program has. Milliseconds. Source: kube-proxy serveHealthz, serveMetrics; kubelet app server.go run. */
const RETRY_MS = 5_000;

interface KeptOpen {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told while the port is not to be had. */
  readonly without: string;
}

/** Listens until the signal aborts, as soon as the port is free; resolves after the first attempt. */
export async function listenOnceFree(
  server: Server,
  port: number,
  address: ListenAddress,
  { clock, logger, signal, without }: KeptOpen,
): Promise<void> {
  let cancel = (): void => {};
  signal.addEventListener(
    'abort',
    () => {
      cancel();
      void close(server);
    },
    { once: true },
  );
  const attempt = async (): Promise<void> => {
    if (signal.aborted) return;
    try {
      await listen(server, port, address, logger);
    } catch (error) {
      logger.error(without, { port, error: error as Error, retryMs: RETRY_MS });
      cancel = clock.after(RETRY_MS, () => void attempt());
      return;
    }
    if (signal.aborted) await close(server);
  };
  await attempt();
}

export async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = promisify(server.close.bind(server))();
  server.closeAllConnections();
  await closed;
}
