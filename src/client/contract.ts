// How every component talks to the API server. One interface, two transports: HTTPS and loopback (same process).
import type { Resource } from '#apimachinery/resource.ts';
import type { KubeList, New } from '#api/types.ts';

export interface ObjectRef {
  readonly name: string;
  /** Absent for cluster-scoped resources. */
  readonly namespace?: string;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  /** False: objects may come without their managedFields, as a server in this process hands them out for less. */
  readonly managedFields?: boolean;
  readonly signal?: AbortSignal;
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue'> {
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  readonly signal?: AbortSignal;
}

export interface SubresourceOptions extends WriteOptions {
  /** `status`, `scale`, `binding`, …; absent for the object itself. */
  readonly subresource?: string;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export type Patch =
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  | { readonly type: 'merge' | 'strategic'; readonly body: unknown }
  /** Server-side apply. */
  | { readonly type: 'apply'; readonly body: unknown; readonly fieldManager: string; readonly force?: boolean };

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  /** Everything up to this resourceVersion was sent; `initialEventsEnd` closes a streamed list. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean };

/**
 * Ends normally when the server closes it (timeout, shutdown); throws StatusError on an ERROR event (reason Expired or
 * Gone: list again) and on a refused request, and ConnectionError when the connection breaks. Leaving the loop stops it.
 */
export type WatchStream<T> = AsyncIterableIterator<WatchEvent<T>>;

/**
 * Every method rejects with StatusError for an answer of the server, and with ConnectionError when there was none.
 * Objects returned are shared and must not be changed.
 */
export interface Client {
  get<T>(
    resource: Resource<T>,
    ref: ObjectRef,
    options?: { readonly subresource?: string; readonly resourceVersion?: string; readonly signal?: AbortSignal },
  ): Promise<T>;
  list<T>(resource: Resource<T>, options?: ListOptions): Promise<KubeList<T>>;
  watch<T>(resource: Resource<T>, options?: WatchOptions): WatchStream<T>;
  /** The namespace is read from `object.metadata`. */
  create<T>(resource: Resource<T>, object: New<T>, options?: WriteOptions): Promise<T>;
  update<T>(resource: Resource<T>, object: New<T>, options?: SubresourceOptions): Promise<T>;
  patch<T>(resource: Resource<T>, ref: ObjectRef, patch: Patch, options?: SubresourceOptions): Promise<T>;
  /** The deleted object, or a Status when it is gone at once (as upstream answers). */
  delete<T>(resource: Resource<T>, ref: ObjectRef, options?: DeleteOptions): Promise<unknown>;
  deleteCollection<T>(resource: Resource<T>, list: ListOptions, options?: DeleteOptions): Promise<unknown>;
  /** POST to a subresource with its own kind: `binding`, `eviction`, `token`; gives what the server answers. */
  createSubresource<R>(resource: Resource, ref: ObjectRef, subresource: string, body: unknown, options?: WriteOptions): Promise<R>;
  /** GET outside resources (`/version`, `/apis`, `/openapi/v3`, …), decoded JSON. */
  getPath<R>(path: string, options?: { readonly query?: Readonly<Record<string, string>>; readonly signal?: AbortSignal }): Promise<R>;
}

/** The server could not be reached, or the connection broke before the answer was complete. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/** Nobody listens there now, as while a server starts anew. Source: apimachinery net.IsConnectionRefused. */
export function isConnectionRefused(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ((cause as NodeJS.ErrnoException).code === 'ECONNREFUSED') return true;
  return false;
}

/** One API call, independent of HTTP. `verb` is the one authorisation sees. */
export interface ApiRequest {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';
  readonly resource: Resource;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  /** Query parameters, each by its HTTP name. */
  readonly query?: Readonly<Record<string, string>>;
  /** The object; for `patch` the patch; for deletes DeleteOptions. Never changed by either side. */
  readonly body?: unknown;
  /** Only for `patch`: `application/json-patch+json`, `application/merge-patch+json`, … */
  readonly contentType?: string;
  /** Only for `list` and `watch`; see ListOptions. */
  readonly managedFields?: boolean;
  readonly signal?: AbortSignal;
}

/** What carries ApiRequests. The HTTPS one is in ./https; the API server offers the loopback one. */
export interface Transport {
  /** The decoded answer: an object, a list, or a Status. On loopback it is the stored object itself. */
  request(request: ApiRequest): Promise<unknown>;
  /** For the verb `watch`. */
  watch(request: ApiRequest): WatchStream<unknown>;
  getPath(path: string, query: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<unknown>;
  /** Ends open watches and connections. */
  close(): Promise<void>;
}
