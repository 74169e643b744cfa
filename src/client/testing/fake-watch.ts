// Watches of the fake API server: initial state, resume from a revision, selectors, bookmarks, forced ends.
import { StatusError } from '#apimachinery/errors.ts';
import { ResultStream } from '#base/result-stream.ts';
import type { ApiRequest, WatchEvent } from '../contract.ts';
import { collectionOf, type Change, type FakeObject, type FakeStore } from './fake-store.ts';
import { selecting, type Matcher } from './selectors.ts';

/** Unread events a watch may hold before it is cut off. */
const WATCH_CAPACITY = 100_000;

type Event = WatchEvent<FakeObject>;

export interface OpenWatch {
  readonly request: ApiRequest;
  readonly stream: ResultStream<Event>;
  /** Tells the reader how far it is, when it asked for bookmarks. */
  bookmark(): void;
}

/** What `change` means to a watcher that sees only matching objects; undefined when it means nothing. */
function eventFor(change: Change, matches: Matcher): Event | undefined {
  const { type, object, previous } = change;
  const before = previous !== undefined && matches(previous);
  const after = type === 'put' && matches(object);
  if (after) return { type: before ? 'MODIFIED' : 'ADDED', object };
  // One that stopped matching is gone for this watcher, in the state it last saw, at the revision that took it away.
  return before
    ? { type: 'DELETED', object: { ...previous, metadata: { ...previous.metadata, resourceVersion: String(change.revision) } } }
    : undefined;
}

/** @throws StatusError Expired for a revision that was compacted, Invalid for parameters that do not go together */
export function openWatch(store: FakeStore, request: ApiRequest, onClose: () => void): OpenWatch {
  const { resource, namespace, query = {} } = request;
  const matches = selecting(query['labelSelector'], query['fieldSelector']);
  const collection = collectionOf(resource);
  const wanted = query['resourceVersion'] ?? '';
  const initial = query['sendInitialEvents'] === 'true';
  if (initial && query['resourceVersionMatch'] !== 'NotOlderThan') {
    throw new StatusError(
      'Invalid',
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  }
  const fromNow = query['sendInitialEvents'] === 'false' && (wanted === '' || wanted === '0');
  const since = wanted === '' || wanted === '0' || initial ? store.revision : Number(wanted);
  if (since < store.compacted) throw new StatusError('Expired', `too old resource version: ${wanted} (${store.compacted})`);

  const visible = ({ object }: { readonly object: FakeObject }): boolean =>
    namespace === undefined || object.metadata.namespace === namespace;
  let unsubscribe = (): void => {};
  const stream = new ResultStream<Event>(WATCH_CAPACITY, () => {
    unsubscribe();
    onClose();
  });
  const deliver = (change: Change): void => {
    if (change.collection !== collection || change.revision <= since || !visible(change)) return;
    const event = eventFor(change, matches);
    if (event !== undefined) stream.push(event);
  };
  if (initial || (!fromNow && (wanted === '' || wanted === '0'))) {
    for (const object of store.list(resource, namespace).filter(matches)) stream.push({ type: 'ADDED', object });
  }
  if (initial) stream.push({ type: 'BOOKMARK', resourceVersion: String(store.revision), initialEventsEnd: true });
  for (const change of store.since(since)) deliver(change);
  unsubscribe = store.subscribe(deliver);

  const bookmark = (): void => {
    if (query['allowWatchBookmarks'] === 'true')
      stream.push({ type: 'BOOKMARK', resourceVersion: String(store.revision), initialEventsEnd: false });
  };
  return { request, stream, bookmark };
}
