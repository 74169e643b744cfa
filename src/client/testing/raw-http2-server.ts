// A test double that writes HTTP/2 frames by hand: an answer that breaks off in ways Node's own server never does.
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../https/credentials.ts';
import { END_HEADERS, frame, TYPE } from '#test/harness/http2-frame.ts';

const ACK = 0x1;
/** `:status: 200`, by its place in HPACK's static table. */
const STATUS_200 = Buffer.from([0x88]);
const EMPTY = Buffer.alloc(0);

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface RawServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Answers the first request of each connection with status 200 and `body`, then resets it with `code`. */
export async function serveReset(certificate: ClientCertificate, body: string, code: number): Promise<RawServer> {
  const sockets = new Set<TLSSocket>();
  const server = createServer({ ...certificate, ALPNProtocols: ['h2'] }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.write(frame(TYPE.settings, 0, 0));
    let seen = EMPTY;
    let answered = false;
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      if (answered || !hasRequest(seen)) return;
      answered = true;
      socket.write(
        Buffer.concat([
          frame(TYPE.settings, ACK, 0),
          frame(TYPE.headers, END_HEADERS, 1, STATUS_200),
          frame(TYPE.data, 0, 1, Buffer.from(body)),
          frame(TYPE.resetStream, 0, 1, uint32(code)),
        ]),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Whether the frames received so far hold one of headers. */
function hasRequest(bytes: Buffer): boolean {
  for (let at = PREFACE.length; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) if (bytes[at + 3] === TYPE.headers) return true;
  return false;
}
