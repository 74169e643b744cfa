// WebSocket connections of clients.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/** A request that asks to speak another protocol on its connection. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client sent after its request's head. */
  readonly head: Buffer;
}

/** Bytes; clients send 32 KiB at a time. */
const MOST_MESSAGE = 4 << 20;

/**
 * Answers the upgrade with `protocol`, which the client offered; empty where it offered none. Undefined when its request was
 * not in order; it was told.
 */
export function acceptWebSocket({ request, socket, head }: Upgrade, protocol: string): Promise<WebSocket | undefined> {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MOST_MESSAGE,
    clientTracking: false,
  });
  if (protocol !== '') server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve) => {
    const refused = (): void => resolve(undefined);
    socket.once('close', refused);
    server.handleUpgrade(withoutProtocols(request), socket, head, (accepted) => {
      socket.off('close', refused);
      accepted.on('error', () => accepted.terminate()); // closing is what counts
      resolve(accepted);
    });
  });
}

/** The library refuses names with a slash, which client-go offers: `SPDY/3.1+portforward.k8s.io`. They were chosen from before. */
function withoutProtocols(request: IncomingMessage): IncomingMessage {
  const { 'sec-websocket-protocol': _, ...headers } = request.headers;
  return Object.create(request, { headers: { value: headers } }) as IncomingMessage;
}

/** As one message, of text when it is a string. Resolves when it has left. @throws Error when the connection is closed */
export function send(socket: WebSocket, message: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(message, { binary: typeof message !== 'string' }, (error) =>
      error === undefined || error === null ? resolve() : reject(error),
    );
  });
}

export function bytesOf(data: Buffer | ArrayBuffer | readonly Buffer[]): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return data instanceof ArrayBuffer ? Buffer.from(data) : Buffer.concat(data);
}
