// Bytes read out over a WebSocket, message by message, for clients that cannot take them as the body of an answer (browsers).
// Source: wsstream Reader.
import type { Readable } from 'node:stream';
import { acceptWebSocket, send, type Upgrade } from '#base/websocket.ts';
import { badRequest } from '#apimachinery/errors.ts';

type Encode = (chunk: Buffer) => Uint8Array | string;

const binary: Encode = (chunk) => chunk;

/** Source: NewDefaultReaderProtocols. */
const PROTOCOLS: ReadonlyMap<string, Encode> = new Map([
  ['', binary],
  ['binary.k8s.io', binary],
  ['base64.binary.k8s.io', (chunk) => chunk.toString('base64')],
]);

/**
 * Resolves when all of `source` was sent or the client is gone.
 * @throws StatusError BadRequest when the client offers only protocols unknown here, before anything was sent
 */
export async function readOut(upgrade: Upgrade, source: Readable): Promise<void> {
  const offered = (upgrade.request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
  const protocol = offered.find((each) => PROTOCOLS.has(each));
  const encode = PROTOCOLS.get(protocol ?? 'none');
  if (protocol === undefined || encode === undefined) {
    source.destroy();
    throw badRequest(`requested protocol(s) are not supported: [${offered.join(' ')}]; supports [${[...PROTOCOLS.keys()].join(' ')}]`);
  }
  const socket = await acceptWebSocket(upgrade, protocol);
  if (socket === undefined) return void source.destroy();
  socket.once('close', () => source.destroy());
  try {
    await send(socket, encode(Buffer.alloc(0))); // tells that reading has begun
    for await (const chunk of source) await send(socket, encode(chunk as Buffer));
    socket.close();
  } catch {
    // Either end broke off; the client learns it by a connection that was not closed in order.
    socket.terminate();
  }
}
