// What a handler gives back, before it is known how it travels: encoded over HTTPS, or as it is over loopback.
import type { ServedResource } from '../registry/catalog.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { Exchange, ResponseHeaders } from '../http/exchange.ts';
import type { PrintedKind } from '../negotiation/table.ts';
import type { ListResult } from '../registry/list.ts';
import type { WatchPlan } from '../registry/watch.ts';

export type Answer =
  /** One stored object, in the served version. */
  | { readonly kind: 'stored'; readonly code: 200 | 201 | 202; readonly served: ServedResource; readonly object: StoredObject }
  /**
   * An object of the API that is not stored: Status, Scale, TokenReview, …; complete with kind and apiVersion. One that can
   * be told in a table, or by its metadata alone, has a `form`.
   */
  | { readonly kind: 'object'; readonly code: number; readonly object: object; readonly form?: PrintedKind }
  | { readonly kind: 'list'; readonly served: ServedResource; readonly list: ListResult }
  | { readonly kind: 'watch'; readonly served: ServedResource; readonly watch: WatchPlan }
  /** Not an API object: `/version`, `/metrics`, documents. */
  | { readonly kind: 'bytes'; readonly code: number; readonly headers: ResponseHeaders; readonly body: Uint8Array }
  /** The handler speaks to the client itself (upgrades, proxies); only over HTTPS. */
  | { readonly kind: 'stream'; readonly serve: (exchange: Exchange) => Promise<void> };
