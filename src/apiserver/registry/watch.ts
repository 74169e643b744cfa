// Watch: where a watcher begins, and how it is kept supplied. Source: storage/cacher Cacher.Watch.
import { resourceExpired } from '#apimachinery/errors.ts';
import type { Change } from '../cache/history.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import { asSeen, inScope, type Watcher, type WatchScope } from '../cache/watchers.ts';
import { rangeOf, type ListCall } from './list.ts';
import { atLeast, parseResourceVersion } from './resource-version.ts';
import { selection, type Selection } from './selection.ts';
import { ConvertedChanges, objectsOf } from './watch-conversion.ts';
import { WatchQueue, type WatchItem } from './watch-queue.ts';
import type { Registry } from './write-call.ts';

/** How long a watch lives when the client does not say: this, and up to as much again. Source: --min-request-timeout. */
const MIN_TIMEOUT_SECONDS = 1_800;
/** Source: cacher defaultBookmarkFrequency. */
const BOOKMARK_MS = 60_000;

export interface WatchPlan {
  readonly timeoutMs: number;
  /** Begins; nothing is missed between here and what the plan was made from. Only once. */
  open(): OpenWatch;
}

export interface OpenWatch {
  readonly queue: WatchQueue;
  /** Safe to call more than once. */
  close(): void;
}

/** @throws StatusError for options that cannot be served; a revision too old is an ERROR event of the watch itself */
export async function watch(call: ListCall, registry: Registry): Promise<WatchPlan> {
  const { options, request } = call;
  const { timeoutSeconds, resourceVersion, sendInitialEvents } = options;
  const timeoutMs =
    1_000 * (timeoutSeconds === undefined || timeoutSeconds <= 0 ? MIN_TIMEOUT_SECONDS * (1 + registry.ids.fraction()) : timeoutSeconds);
  const revision = parseResourceVersion(resourceVersion, 'watch');
  const chosen = selection(call.stored, call.namespace, options.labelSelector, options.fieldSelector);
  if (resourceVersion === '') {
    const waiting = registry.hub.progress.caughtUp(request.signal);
    if (waiting !== undefined) await waiting;
  } else if (sendInitialEvents === true) {
    await atLeast(revision, registry, request.signal);
  }
  const { start, end } = rangeOf(chosen, call.stored.resource.namespaced);
  const refusal = call.stored.cache.unreadable.refusalWithin(start, end);
  if (refusal !== undefined) throw refusal;
  const withState = sendInitialEvents ?? revision === 0;
  if (withState) return { timeoutMs, open: () => fromState(call, chosen, registry) };
  return { timeoutMs, open: () => fromRevision(call, chosen, revision === 0 ? call.stored.cache.revision : revision, registry) };
}

/** Everything there is as ADDED events, then changes. */
function fromState(call: ListCall, chosen: Selection, registry: Registry): OpenWatch {
  const { cache } = call.stored;
  const { field } = chosen;
  const { start, end } = rangeOf(chosen, call.stored.resource.namespaced);
  const objects = [...((field === undefined ? undefined : cache.byField(field.label, field.value)) ?? cache.range(start, end))];
  const { revision } = cache;
  const ends = call.options.sendInitialEvents === true && call.options.allowWatchBookmarks;
  const items = (): Iterable<WatchItem> => stateItems(objects, chosen, ends ? revision : undefined);
  return begin(call, chosen, { objects, items }, revision, registry);
}

function* stateItems(objects: readonly StoredObject[], chosen: Selection, bookmark: number | undefined): Generator<WatchItem> {
  for (const object of objects) if (inScope(chosen, object)) yield { kind: 'event', type: 'ADDED', object, change: undefined };
  if (bookmark !== undefined) yield { kind: 'bookmark', revision: bookmark, initialEventsEnd: true };
}

/** Changes after `revision`. */
function fromRevision(call: ListCall, chosen: Selection, revision: number, registry: Registry): OpenWatch {
  const { cache } = call.stored;
  const missed = cache.changesAfter(revision);
  if (missed === undefined) {
    const error = resourceExpired(`too old resource version: ${revision} (${cache.oldestRevision})`);
    const queue = new WatchQueue([{ kind: 'error', error }]);
    queue.end();
    return { queue, close: () => {} };
  }
  const first = { objects: missed.flatMap(objectsOf), items: () => changeItems(missed, chosen) };
  return begin(call, chosen, first, Math.max(revision, cache.revision), registry);
}

function* changeItems(changes: readonly Change[], chosen: Selection): Generator<WatchItem> {
  for (const change of changes) {
    const seen = asSeen(chosen, change);
    if (seen !== undefined) yield { kind: 'event', ...seen, change: undefined };
  }
}

interface First {
  readonly objects: readonly StoredObject[];
  readonly items: () => Iterable<WatchItem>;
}

/** What there is to tell at once, then changes after `from`. */
function begin(call: ListCall, chosen: Selection, first: First, from: number, registry: Registry): OpenWatch {
  const { form } = call.stored;
  if (form?.waits !== true) return follow(call, { scope: chosen, queue: new WatchQueue(first.items()) }, from, registry);
  const queue = new WatchQueue([]);
  const closed = new AbortController();
  const changes = new ConvertedChanges(form, queue, closed.signal);
  changes.add(first);
  const { namespace, name } = chosen;
  const scope = { ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) };
  const converted = {
    take: (change: Change): void => changes.add({ objects: objectsOf(change), items: () => changeItems([change], chosen) }),
    mark: (bookmark: WatchItem): void => changes.add({ objects: [], items: () => [bookmark] }),
  };
  const { close } = follow(call, { scope, queue, converted }, from, registry);
  return {
    queue,
    close: () => {
      closed.abort(new Error('the watch is closed'));
      close();
    },
  };
}

interface Follower {
  readonly scope: WatchScope;
  readonly queue: WatchQueue;
  /** What puts changes and bookmarks into the queue, in order, once they can be shown. */
  readonly converted?: { readonly take: (change: Change) => void; readonly mark: (bookmark: WatchItem) => void };
}

/** Subscribes to changes after `from`. */
function follow({ stored, options }: ListCall, { scope, queue, converted }: Follower, from: number, { hub, clock }: Registry): OpenWatch {
  const watcher: Watcher = {
    scope,
    deliver: (type, object, change) => {
      if (change.revision <= from) return;
      if (converted === undefined) queue.push({ kind: 'event', type, object, change });
      else converted.take(change);
    },
    flush: () => queue.wake(),
    lost: () => {
      queue.end();
      queue.wake();
    },
  };
  const remove = stored.cache.watchers.add(watcher);
  let cancelBookmark = (): void => {};
  const armBookmark = (): void => {
    cancelBookmark = clock.after(BOOKMARK_MS, () => {
      const bookmark: WatchItem = { kind: 'bookmark', revision: hub.progress.revision, initialEventsEnd: false };
      if (hub.progress.revision >= from && converted !== undefined) converted.mark(bookmark);
      else if (hub.progress.revision >= from) queue.push(bookmark);
      queue.wake();
      armBookmark();
    });
  };
  if (options.allowWatchBookmarks) armBookmark();
  return {
    queue,
    close: () => {
      remove();
      cancelBookmark();
      queue.end();
    },
  };
}
