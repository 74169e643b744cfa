// Watches whose events can be held back: what has happened is known later, in order, and nothing is lost.
import type { ApiRequest, Transport, WatchStream } from '#client/contract.ts';

export class LateWatches {
  readonly transport: Transport;
  /** By plural name, what opens when its watchers may hear on. */
  readonly #held = new Map<string, PromiseWithResolvers<void>>();

  constructor(server: Transport) {
    this.transport = {
      request: (request) => server.request(request),
      watch: (request) => this.#follow(server.watch(request), request),
      getPath: (path, query, signal) => server.getPath(path, query, signal),
      close: () => server.close(),
    };
  }

  hold(resource: string): void {
    if (!this.#held.has(resource)) this.#held.set(resource, Promise.withResolvers());
  }

  catchUp(): void {
    for (const { resolve } of this.#held.values()) resolve();
    this.#held.clear();
  }

  async *#follow(stream: WatchStream<unknown>, { resource, signal }: ApiRequest): WatchStream<unknown> {
    for await (const event of stream) {
      const held = this.#held.get(resource.resource);
      if (held !== undefined && signal?.aborted !== true) await untilOpen(held.promise, signal);
      yield event;
    }
  }
}

/** Whoever ends the watch need not wait. */
async function untilOpen(open: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const end = (): void => ended.resolve();
  signal?.addEventListener('abort', end, { once: true });
  await Promise.race([open, ended.promise]);
  signal?.removeEventListener('abort', end);
}
