// What became of every object of one kind in a namespace, told by a watch that goes on over crashes of the API server.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { KubeObject } from '#api/types.ts';
import { systemClock, wait } from '#base/clock.ts';
import type { Client } from '#client/contract.ts';

/** Between attempts while the server is gone. Milliseconds. */
const AGAIN_MS = 20;

export interface Life<T> {
  readonly born: T;
  last: T;
  /** Writes after its birth. */
  writes: number;
  gone: boolean;
}

/** By uid, in order of birth; nothing is left out but for what came and went between two lists after a 410. */
export class LifeRecord<T extends KubeObject> {
  readonly lives = new Map<string, Life<T>>();
  readonly #client: Client;
  readonly #resource: Resource<T>;
  readonly #namespace: string;
  #at = '';

  /** Begins at once, and ends with `signal`. */
  constructor(client: Client, resource: Resource<T>, namespace: string, signal: AbortSignal) {
    this.#client = client;
    this.#resource = resource;
    this.#namespace = namespace;
    void this.#follow(signal);
  }

  /** Those there ever were that `is` holds for. */
  all(is: (object: T) => boolean = () => true): readonly Life<T>[] {
    return [...this.lives.values()].filter(({ last }) => is(last));
  }

  /** Those there are. */
  present(is: (object: T) => boolean = () => true): readonly T[] {
    return this.all(is).flatMap(({ last, gone }) => (gone ? [] : [last]));
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#at === '') await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (isStatusError(error, 'Expired') || isStatusError(error, 'Gone')) this.#at = '';
        await wait(systemClock, AGAIN_MS);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { items, metadata } = await this.#client.list(this.#resource, { namespace: this.#namespace, signal });
    const there = new Set(items.map((item) => item.metadata.uid));
    for (const [uid, life] of this.lives) if (!there.has(uid)) life.gone = true;
    for (const item of items) this.#tell(item, false);
    this.#at = metadata.resourceVersion ?? '';
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const options = { namespace: this.#namespace, resourceVersion: this.#at, allowWatchBookmarks: true, signal };
    for await (const event of this.#client.watch(this.#resource, options)) {
      this.#at = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion;
      if (event.type !== 'BOOKMARK') this.#tell(event.object, event.type === 'DELETED');
    }
  }

  #tell(object: T, gone: boolean): void {
    const life = this.lives.get(object.metadata.uid);
    if (life === undefined) {
      this.lives.set(object.metadata.uid, { born: object, last: object, writes: 0, gone });
      return;
    }
    if (life.last.metadata.resourceVersion !== object.metadata.resourceVersion) life.writes++;
    Object.assign(life, { last: object, gone });
  }
}
