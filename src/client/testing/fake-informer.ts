// A test double: an informer filled by hand, for units that read a lister or listen to handlers.
import { silentLogger } from '#base/log.ts';
import type { Informer } from '../informer-contract.ts';
import type { Placed } from '../informer/index-store.ts';
import { SharedInformer } from '../informer/informer.ts';

export interface FakeInformer<T> extends Informer<T> {
  /** As if the server had sent it: handlers see an addition, or a change when the resourceVersion differs. */
  put(...objects: readonly T[]): void;
  remove(object: T): void;
}

/** Synced with `objects` from the start. */
export function fakeInformer<T extends Placed>(...objects: readonly T[]): FakeInformer<T> {
  const informer = new SharedInformer<T>(silentLogger);
  informer.replace(objects, '1');
  return Object.assign(informer, {
    put(...changed: readonly T[]) {
      for (const object of changed) informer.apply('MODIFIED', object);
    },
    remove: (object: T) => informer.apply('DELETED', object),
  });
}
