// A test double: an API server in memory behind the Transport contract. It keeps what clients can rely on (versions,
// watches, selectors, finalizers, subresources) and leaves out validation, admission and access control.
import { notFound, StatusError } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { apiVersionOf, type Resource } from '#apimachinery/resource.ts';
import { systemClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { ResultStream } from '#base/result-stream.ts';
import type { New } from '#api/types.ts';
import { ConnectionError, type ApiRequest, type WatchEvent, type WatchStream } from '../contract.ts';
import type { FakeAction, FakeTransport, FakeTransportOptions, RequestMatcher } from './fake-contract.ts';
import { get, list } from './fake-reads.ts';
import { FakeStore, type FakeObject } from './fake-store.ts';
import { openWatch, type OpenWatch } from './fake-watch.ts';
import { defaulted } from './strategy.ts';
import { create, createSubresource, overTheWire, patch, remove, removeCollection, update, type World } from './fake-writes.ts';

const matching = (matcher: RequestMatcher): ((request: ApiRequest) => boolean) =>
  typeof matcher === 'function'
    ? matcher
    : ({ resource, ...request }) =>
        Object.entries(matcher).every(
          ([field, value]) => value === (field === 'resource' ? resource.resource : request[field as keyof typeof request]),
        );

const WRITING: ReadonlySet<ApiRequest['verb']> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

const DEFAULT_PATHS: Readonly<Record<string, unknown>> = {
  '/version': { major: '1', minor: '36', gitVersion: 'v1.36.0' },
  '/readyz': 'ok',
};

interface Fault {
  readonly matches: (request: ApiRequest) => boolean;
  readonly error: Error;
  left: number;
}

/** @throws the first of `faults` that is ordered for such a request */
function fail(faults: readonly Fault[], request: ApiRequest): void {
  const fault = faults.find(({ left, matches }) => left > 0 && matches(request));
  if (fault === undefined) return;
  fault.left--;
  throw fault.error;
}

export function fakeTransport(options: FakeTransportOptions = {}): FakeTransport {
  const { clock = systemClock, ids = seededIds(1), streamingLists = true } = options;
  const paths = { ...DEFAULT_PATHS, ...options.paths };
  const store = new FakeStore(options.firstRevision);
  const defaulting: World['defaulting'] =
    options.defaulting === 'upstream' ? (resource, object) => defaulted(resource, object, clock.now()) : (_resource, object) => object;
  const world: World = { store, clock, ids, defaulting };
  const watches = new Set<OpenWatch>();
  const failures: Fault[] = [];
  const losses: Fault[] = [];
  const reactions = new Set<{ readonly matches: (request: ApiRequest) => boolean; readonly answer: (request: ApiRequest) => unknown }>();
  const holds: { readonly matches: (request: ApiRequest) => boolean; readonly released: Promise<void> }[] = [];
  let actions: FakeAction[] = [];
  let offline = false;
  let closed = false;

  function record({ verb, resource, subresource, namespace, name, body, query = {} }: ApiRequest): void {
    const target = subresource === undefined ? resource.resource : `${resource.resource}/${subresource}`;
    const given = name ?? (body as { readonly metadata?: { readonly name?: string } } | undefined)?.metadata?.name;
    actions.push({
      verb,
      resource: target,
      ...(namespace === undefined ? {} : { namespace }),
      ...(given === undefined ? {} : { name: given }),
      ...(body === undefined ? {} : { body: overTheWire(body) }),
      query,
    });
  }

  /** @throws what was ordered by failNext, or why no request can get through */
  function admit(request: ApiRequest): void {
    request.signal?.throwIfAborted();
    if (closed || offline) throw new ConnectionError(closed ? 'the transport is closed' : 'connect ECONNREFUSED (fake server is offline)');
    record(request);
    fail(failures, request);
  }

  function answer(request: ApiRequest): unknown {
    for (const reaction of reactions) {
      const given = reaction.matches(request) ? reaction.answer(request) : undefined;
      if (given !== undefined) return given;
    }
    switch (request.verb) {
      case 'get':
        return get(world, request);
      case 'list':
        return list(world, request);
      case 'create':
        return request.subresource === undefined ? create(world, request) : createSubresource(world, request);
      case 'update':
        return update(world, request);
      case 'patch':
        return patch(world, request);
      case 'delete':
        return remove(world, request);
      case 'deletecollection':
        return removeCollection(world, request);
      case 'watch':
        throw new TypeError('a watch goes through Transport.watch');
    }
  }

  async function request(given: ApiRequest): Promise<unknown> {
    const held = holds.findIndex(({ matches }) => matches(given));
    if (held !== -1) await holds.splice(held, 1)[0]?.released;
    // A turn of the event loop passes, as it would on the wire: nobody may rely on an answer within the same turn.
    await Promise.resolve();
    admit(given);
    const answered = answer(given);
    fail(losses, given);
    return answered;
  }

  function watch(given: ApiRequest): WatchStream<unknown> {
    try {
      admit(given);
      if (given.query?.['sendInitialEvents'] === 'true' && !streamingLists) {
        throw new StatusError(
          'Invalid',
          'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
        );
      }
      const abort = (): void => opened?.stream.fail(given.signal?.reason);
      let cancelTimeout = (): void => {};
      let opened: OpenWatch | undefined = undefined;
      opened = openWatch(store, given, () => {
        if (opened !== undefined) watches.delete(opened);
        given.signal?.removeEventListener('abort', abort);
        cancelTimeout();
      });
      const seconds = Number(given.query?.['timeoutSeconds'] ?? 0);
      if (seconds > 0) cancelTimeout = clock.after(seconds * 1000, () => opened?.stream.end());
      given.signal?.addEventListener('abort', abort, { once: true });
      watches.add(opened);
      return opened.stream;
    } catch (error) {
      const refused = new ResultStream<WatchEvent<unknown>>(1);
      refused.fail(error);
      return refused;
    }
  }

  function seedOne<T>(resource: Resource<T>, given: New<T>): T {
    const object = overTheWire(given) as Partial<FakeObject>;
    const metadata: Partial<FakeObject['metadata']> = object.metadata ?? {};
    const { name = ids.suffix(10), namespace } = metadata;
    const own = resource.namespaced ? (namespace ?? 'default') : undefined;
    const previous = store.find(resource, name, own);
    const stored: FakeObject = {
      ...object,
      apiVersion: object.apiVersion ?? apiVersionOf(resource),
      kind: object.kind ?? resource.kind,
      metadata: {
        ...metadata,
        name,
        ...(own === undefined ? {} : { namespace: own }),
        uid: metadata.uid ?? previous?.metadata.uid ?? ids.uuid(),
        creationTimestamp: metadata.creationTimestamp ?? previous?.metadata.creationTimestamp ?? formatTime(clock.now()),
        resourceVersion: '',
      },
    };
    return store.put(resource, stored, previous) as T;
  }

  return {
    request,
    watch,
    async getPath(path, _query, signal) {
      signal?.throwIfAborted();
      await Promise.resolve();
      if (closed || offline) throw new ConnectionError('connect ECONNREFUSED (fake server is offline)');
      if (!(path in paths)) throw new StatusError('NotFound', 'the server could not find the requested resource');
      return paths[path];
    },
    async close() {
      closed = true;
      for (const { stream } of [...watches]) stream.end();
    },
    seed: (resource, ...objects) => objects.map((object) => seedOne(resource, object)),
    change(resource, name, namespace, edit) {
      const previous = store.get(resource, name, namespace);
      return store.put(resource, overTheWire(edit(previous as never)) as unknown as FakeObject, previous) as never;
    },
    erase(resource, name, namespace) {
      const object = store.find(resource, name, namespace);
      if (object === undefined) throw notFound(resource, name);
      store.remove(resource, object);
    },
    stored: <T>(resource: Resource<T>, namespace?: string) => store.list(resource, namespace) as T[],
    failNext(matcher, error, times = 1) {
      failures.push({ matches: matching(matcher), error, left: times });
    },
    loseNext(matcher, times = 1) {
      const error = new ConnectionError('the connection broke before the answer was complete (fake server)');
      losses.push({ matches: matching(matcher), error, left: times });
    },
    react(matcher, reply) {
      const reaction = { matches: matching(matcher), answer: reply };
      reactions.add(reaction);
      return () => reactions.delete(reaction);
    },
    holdNext(matcher) {
      const { promise, resolve } = Promise.withResolvers<void>();
      holds.push({ matches: matching(matcher), released: promise });
      return resolve;
    },
    get actions() {
      return actions;
    },
    writes: () =>
      actions
        .filter(({ verb }) => WRITING.has(verb))
        .map(({ verb, resource, namespace, name = '*' }) => `${verb} ${resource} ${namespace === undefined ? '' : `${namespace}/`}${name}`),
    clearActions() {
      actions = [];
    },
    breakWatches(matcher = {}, error = new ConnectionError('the connection was reset (fake server)')) {
      for (const { request: given, stream } of [...watches]) {
        if (!matching(matcher)(given)) continue;
        if (error === 'end') stream.end();
        else stream.fail(error);
      }
    },
    sendBookmarks() {
      for (const { bookmark } of watches) bookmark();
    },
    compact: () => store.compact(),
    setOffline(value) {
      offline = value;
      if (!value) return;
      for (const { stream } of [...watches]) stream.fail(new ConnectionError('the connection was reset (fake server is offline)'));
    },
    get openWatches() {
      return watches.size;
    },
    get resourceVersion() {
      return String(store.revision);
    },
  };
}
