// WebSockets of a cluster's API, opened as its administrator.
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';

/** Every message until the server closes in order. @throws Error when it is not opened, or broken off */
export async function readWebSocket(kubeconfig: string, path: string, protocol: string): Promise<readonly Buffer[]> {
  const { https } = loadKubeconfig({ clock: systemClock, logger: silentLogger, env: {}, stdin: 'none' }, { path: kubeconfig });
  const { certificate } = (await https.credentials?.current()) ?? {};
  const socket = new WebSocket(`${https.server.replace(/^https/, 'wss')}${path}`, [protocol], {
    ...certificate,
    ...(https.ca !== undefined && 'pem' in https.ca ? { ca: https.ca.pem } : {}),
  });
  const messages: Buffer[] = [];
  socket.on('message', (message: Buffer) => messages.push(message));
  const [code] = (await once(socket, 'close')) as [number];
  const inOrder = [1000, 1005];
  if (!inOrder.includes(code)) throw new Error(`the WebSocket was closed with code ${code}`);
  return messages;
}
