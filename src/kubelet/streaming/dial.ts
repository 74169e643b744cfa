// The runtime's streaming server, reached at the URL it gave for one session.
import { request as requestPlain, type IncomingMessage } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Duplex } from 'node:stream';

export interface Dialled {
  readonly answer: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** The runtime answered, but with no upgrade. */
export class NotUpgraded extends Error {
  override readonly name = 'NotUpgraded';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Most bytes of the runtime's words that are passed on. */
const MOST_WORDS = 10_240;

/**
 * Asks for an upgrade. @throws NotUpgraded; Error when nothing answers
 * @param headers as they are sent, `Connection` and `Upgrade` among them
 */
export function dial(url: string, method: string, headers: Readonly<Record<string, string | readonly string[]>>): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    const request = new URL(url).protocol === 'https:' ? requestTls : requestPlain;
    const asked = request(url, { method, headers: headers as Record<string, string | string[]>, agent: false });
    asked.once('upgrade', (answer, socket, head) => {
      socket.on('error', () => socket.destroy()); // whoever reads sees the end
      resolve({ answer, socket, head });
    });
    asked.once('response', (answer) => {
      words(answer).then((text) => reject(new NotUpgraded(answer.statusCode ?? 502, text)), reject);
    });
    asked.once('error', (error) => reject(new Error(`error dialing the container runtime: ${error.message}`, { cause: error })));
    asked.end();
  });
}

async function words(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MOST_WORDS) break;
  }
  return Buffer.concat(chunks).subarray(0, MOST_WORDS).toString();
}

export const SPDY_PROTOCOL = 'SPDY/3.1';

/** Source: httpstream HeaderProtocolVersion. */
const PROTOCOL_VERSION = 'X-Stream-Protocol-Version';

/** A SPDY connection's bytes, with the protocol of the streams on it agreed. @throws as dial */
export function dialSpdy(url: string, protocol: string): Promise<Dialled> {
  return dial(url, 'POST', { Connection: 'Upgrade', Upgrade: SPDY_PROTOCOL, [PROTOCOL_VERSION]: protocol, 'Content-Length': '0' });
}
