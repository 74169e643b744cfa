// The order of answers on one connection of HTTP/1.1, where Node.js does not keep it: before an upgrade.
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Answers over HTTP/1.1 that are under way, by connection. */
export class Answering {
  readonly #open = new WeakMap<Duplex, { count: number; next: (() => void) | undefined }>();

  begin(socket: Duplex, response: ServerResponse): void {
    const known = this.#open.get(socket) ?? { count: 0, next: undefined };
    this.#open.set(socket, known);
    known.count++;
    response.once('close', () => {
      known.count--;
      if (known.count === 0 && !socket.destroyed) known.next?.();
    });
  }

  /** Calls `next` once all that was begun on the connection is answered; never if it ends before. */
  after(socket: Duplex, next: () => void): void {
    const known = this.#open.get(socket);
    if (known === undefined || known.count === 0) next();
    else known.next = next;
  }
}
