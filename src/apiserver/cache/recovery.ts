// Values that could not be read are read again until they can.
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { CompactedError, StoreUnavailableError } from '#store/contract.ts';
import type { Found, ResourceCache } from './resource-cache.ts';
import { StoredObject } from './stored-object.ts';

/** Pauses between looks, milliseconds. Source: client-go NewReflector's backoff, whose longest pause is 30 s. */
const FIRST_PAUSE_MS = 800;
const LONGEST_PAUSE_MS = 10_000;

export interface RecoveryDeps {
  caches(): Iterable<ResourceCache>;
  /** Everything there is of a resource now. @throws StoreUnavailableError */
  read(cache: ResourceCache): Promise<readonly Found[]>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class Recovery {
  readonly #deps: RecoveryDeps;
  #running: Promise<void> | undefined;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /** Resolves once nothing is looked after any more. */
  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** Reports what cannot be read in the cache, if this is new, and sees to it that it is read again. */
  lookAfter({ resource, unreadable }: ResourceCache): void {
    if (unreadable.size === 0 || this.#running !== undefined) return;
    const example = unreadable.refusalWithin('', undefined)?.message;
    this.#deps.logger.error('stored values cannot be read', { resource: resource.name, values: unreadable.size, example });
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { caches, clock, signal } = this.#deps;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const troubled = [...caches()].filter(({ unreadable }) => unreadable.size > 0);
      if (troubled.length === 0) {
        this.#running = undefined;
        return;
      }
      try {
        await wait(clock, pause, signal);
      } catch {
        return; // stopped
      }
      for (const cache of troubled) await this.#readAgain(cache);
    }
  }

  async #readAgain(cache: ResourceCache): Promise<void> {
    const { read, clock, logger, signal } = this.#deps;
    try {
      const found = await read(cache);
      const objects = found.filter((object) => object instanceof StoredObject);
      cache.recover(objects, clock.now());
      if (cache.unreadable.size === 0) logger.info('all stored values can be read again', { resource: cache.resource.name });
    } catch (error) {
      if (!(error instanceof StoreUnavailableError || error instanceof CompactedError)) throw error;
      if (!signal.aborted) logger.warn('store cannot be read', { error });
    }
  }
}
