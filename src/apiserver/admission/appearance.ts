// Waits for an object that somebody is about to create.
import type { Resource } from '#apimachinery/resource.ts';
import type { Clock } from '#base/clock.ts';
import type { CacheReader } from '../cache/reader.ts';

export interface AppearanceOptions<T> {
  readonly reader: CacheReader;
  readonly resource: Resource<T>;
  readonly name: string;
  readonly namespace: string;
  readonly clock: Clock;
  /** Longest wait, milliseconds; 0 looks once. */
  readonly waitMs: number;
  /** The client has gone: no need to wait on. */
  readonly signal: AbortSignal;
}

/** The object as soon as it is there; undefined when it did not come in time. */
export function appearance<T>({ reader, resource, name, namespace, clock, waitMs, signal }: AppearanceOptions<T>): Promise<T | undefined> {
  const look = (): T | undefined => reader.get(resource, name, namespace);
  const now = look();
  if (now !== undefined || waitMs <= 0) return Promise.resolve(now);
  return new Promise((resolve) => {
    const settle = (): void => {
      stopWatching();
      cancel();
      signal.removeEventListener('abort', settle);
      resolve(look());
    };
    const stopWatching = reader.onChange(resource, () => {
      if (look() !== undefined) settle();
    });
    const cancel = clock.after(waitMs, settle);
    signal.addEventListener('abort', settle, { once: true });
  });
}
