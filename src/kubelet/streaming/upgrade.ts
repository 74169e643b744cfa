// A request that asks to speak another protocol on its connection.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client sent after its request's head. */
  readonly head: Buffer;
}
