// Clients that watch through crashes, and clients that write through them, each keeping a record of what it was told.
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { configmaps } from '#api/resources.ts';
import { systemClock, wait } from '#base/clock.ts';
import { type Client, ConnectionError } from '#client/contract.ts';
import type { ProtobufClient } from '../interop/protobuf-client.ts';

/** Between attempts while the server is gone. Milliseconds. */
const AGAIN_MS = 20;
/** A server that is gone for this long does not come back. Milliseconds. */
const GONE_MS = 120_000;

/**
 * `work` until it is answered: broken connections and refusals for now are tried again.
 * @throws StatusError for any other refusal, and whatever it meets last when it is not answered at all
 */
export async function insist<T>(work: () => Promise<T>): Promise<T> {
  const start = systemClock.monotonic();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const passing = error instanceof ConnectionError || (error instanceof StatusError && (error.code === 429 || error.code >= 500));
      if (!passing || systemClock.monotonic() - start > GONE_MS) throw error;
      await wait(systemClock, AGAIN_MS);
    }
  }
}

/** How a client learns of all there is: by a list, or as the first events of a watch. */
export type Beginning = 'list' | 'stream';

/** How a client watches: over protobuf on a connection of its own, and at leisure, or as the project's own client does. */
export interface Manner {
  readonly protobuf?: ProtobufClient;
  /** Milliseconds it takes for each event. */
  readonly slowMs?: number;
}

/** What a watcher keeps of an object. */
interface Named {
  readonly name: string;
  readonly resourceVersion: string;
}

export class Watcher {
  /** resourceVersions it was told of, in that order: by events, and by the list it had to ask for again. */
  readonly seen: string[] = [];
  /** What lies between the last event and the list that followed it: only the newest of each object is known of it. */
  readonly gaps: { readonly after: number; readonly to: number }[] = [];
  /** Objects that a later list showed as they were when this watcher should have been told of them, and was not. */
  readonly missed: string[] = [];
  /** Names of objects it knows of, each at its resourceVersion. */
  readonly state = new Map<string, string>();
  resumes = -1;
  readonly #client: Client;
  readonly #namespace: string;
  readonly #beginning: Beginning;
  readonly #manner: Manner;
  #at = '';
  #heard = 0;

  constructor(client: Client, namespace: string, beginning: Beginning = 'list', manner: Manner = {}) {
    this.#client = client;
    this.#namespace = namespace;
    this.#beginning = beginning;
    this.#manner = manner;
  }

  /** All there is: at first, and after a 410. */
  async list(): Promise<void> {
    const { items, revision } = await insist(() => (this.#beginning === 'list' ? this.#listed() : this.#streamed()));
    const [after, to] = [Number(this.#at), Number(revision)];
    for (const { name, resourceVersion } of items) {
      if (Number(resourceVersion) <= after && this.state.get(name) !== resourceVersion) this.missed.push(name);
    }
    const news = items.filter(({ resourceVersion }) => Number(resourceVersion) > after);
    for (const { name, resourceVersion } of news.toSorted((a, b) => Number(a.resourceVersion) - Number(b.resourceVersion))) {
      this.seen.push(resourceVersion);
      this.state.set(name, resourceVersion);
    }
    this.#heard = systemClock.monotonic();
    this.gaps.push({ after, to });
    this.#at = revision;
  }

  async #listed(): Promise<{ readonly items: readonly Named[]; readonly revision: string }> {
    const { items, metadata } = await this.#client.list(configmaps, { namespace: this.#namespace });
    return { items: items.map((item) => item.metadata), revision: metadata.resourceVersion ?? '' };
  }

  /** @throws ConnectionError where the watch ends before it has told of everything */
  async #streamed(): Promise<{ readonly items: readonly Named[]; readonly revision: string }> {
    const items: Named[] = [];
    const all = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: true } as const;
    for await (const event of this.#client.watch(configmaps, { namespace: this.#namespace, ...all })) {
      if (event.type !== 'BOOKMARK') items.push(event.object.metadata);
      else if (event.initialEventsEnd) return { items, revision: event.resourceVersion };
    }
    throw new ConnectionError('the watch ended before its first events were told');
  }

  /** Resolves once it has seen an object called `last`. @throws what a watch that heard nothing for long met last */
  async until(last: string): Promise<void> {
    this.#heard = systemClock.monotonic();
    while (!this.state.has(last)) {
      this.resumes++;
      try {
        await this.#watch(last);
      } catch (error) {
        if (systemClock.monotonic() - this.#heard > GONE_MS) throw error;
        if (isStatusError(error, 'Expired') || isStatusError(error, 'Gone')) {
          await this.list();
        } else if (!(error instanceof ConnectionError) && !(error instanceof StatusError && error.code === 429)) throw error;
        await wait(systemClock, AGAIN_MS);
      }
    }
  }

  async #watch(last: string): Promise<void> {
    const { protobuf, slowMs } = this.#manner;
    for await (const { type, name, resourceVersion } of protobuf === undefined ? this.#ownEvents() : this.#protobufEvents(protobuf)) {
      this.#heard = systemClock.monotonic();
      this.#at = resourceVersion;
      if (type === 'BOOKMARK') continue;
      this.seen.push(resourceVersion);
      if (type === 'DELETED') this.state.delete(name);
      else this.state.set(name, resourceVersion);
      if (name === last) return;
      if (slowMs !== undefined) await wait(systemClock, slowMs);
    }
  }

  async *#ownEvents(): AsyncGenerator<Named & { readonly type: string }> {
    const options = { namespace: this.#namespace, resourceVersion: this.#at, allowWatchBookmarks: true };
    for await (const event of this.#client.watch(configmaps, options)) {
      if (event.type === 'BOOKMARK') yield { type: event.type, name: '', resourceVersion: event.resourceVersion };
      else yield { type: event.type, ...event.object.metadata };
    }
  }

  async *#protobufEvents(protobuf: ProtobufClient): AsyncGenerator<Named & { readonly type: string }> {
    const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${this.#at}`;
    try {
      for await (const { type, object } of protobuf.watch(`/api/v1/namespaces/${this.#namespace}/configmaps?${query}`)) {
        if (type === 'ERROR') throw StatusError.fromStatus(object);
        yield { type, ...(object['metadata'] as Named) };
      }
    } catch (error) {
      if (error instanceof StatusError) throw error;
      throw new ConnectionError('the watch broke off', { cause: error });
    }
  }
}

/** Creates an object and changes it `changes` times; adds every resourceVersion it was told to `acknowledged`. */
export async function write(client: Client, namespace: string, name: string, changes: number, acknowledged: string[]): Promise<void> {
  // A create whose answer was lost may have been done: then its object is there.
  const created = await insist(() =>
    client.create(configmaps, { metadata: { name, namespace }, data: { n: '0' } }).catch((error: unknown) => {
      if (isStatusError(error, 'AlreadyExists')) return client.get(configmaps, { name, namespace });
      throw error;
    }),
  );
  acknowledged.push(created.metadata.resourceVersion);
  for (let n = 1; n <= changes; n++) {
    const body = { data: { n: String(n) } };
    const { metadata } = await insist(() => client.patch(configmaps, { name, namespace }, { type: 'merge', body }));
    acknowledged.push(metadata.resourceVersion);
  }
}
