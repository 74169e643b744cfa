// Ports nobody listens on.
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/**
 * `count` different free TCP ports of `host`. The kernel hands out others before it repeats itself, so that a port stays
 * free for the server that is started next; a server that can take port 0 should.
 */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, host));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => server.close() && once(server, 'close')));
  return ports;
}
