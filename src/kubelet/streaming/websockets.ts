// WebSocket connections of clients.
import { type WebSocket, WebSocketServer } from 'ws';
import type { Upgrade } from './upgrade.ts';

/** Bytes; clients send 32 KiB at a time. */
const MOST_MESSAGE = 4 << 20;

/** Answers the upgrade with `protocol`, which the client offered. Undefined when its request was not in order; it was told. */
export function acceptWebSocket({ request, socket, head }: Upgrade, protocol: string): Promise<WebSocket | undefined> {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MOST_MESSAGE,
    handleProtocols: () => protocol,
    clientTracking: false,
  });
  return new Promise((resolve) => {
    const refused = (): void => resolve(undefined);
    socket.once('close', refused);
    server.handleUpgrade(request, socket, head, (accepted) => {
      socket.off('close', refused);
      accepted.on('error', () => accepted.terminate()); // closing is what counts
      resolve(accepted);
    });
  });
}

/** Resolves when the message has left. @throws Error when the connection is closed */
export function send(socket: WebSocket, message: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(message, { binary: true }, (error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}

export function bytesOf(data: Buffer | ArrayBuffer | readonly Buffer[]): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return data instanceof ArrayBuffer ? Buffer.from(data) : Buffer.concat(data);
}
