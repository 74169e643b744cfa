// Small HTTP servers, for load balancers on all addresses of the node.
import type { Server } from 'node:http';
import { promisify } from 'node:util';

/** Open connections to one server; further ones are refused. */
const MAX_CONNECTIONS = 100;

/** @throws Error when the port is taken */
export function listen(server: Server, port: number, address = '0.0.0.0'): Promise<void> {
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

export async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = promisify(server.close.bind(server))();
  server.closeAllConnections();
  await closed;
}
