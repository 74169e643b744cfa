// List: objects from the cache in key order, in pages that all show the same moment.
import { resourceExpired, StatusError } from '#apimachinery/errors.ts';
import { CompactedError, FutureRevisionError, prefixEnd } from '#store/contract.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import { guarded } from '../cache/store-failure.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { RequestContext } from '../request.ts';
import type { ServedResource, StoredResource } from './catalog.ts';
import { continueAfter, decodeContinue, encodeContinue } from './continue-token.ts';
import type { ListOptions } from './list-options.ts';
import { atLeast, parseResourceVersion } from './resource-version.ts';
import { selection, type Selection } from './selection.ts';
import { objectKey } from './storage-keys.ts';
import type { Registry } from './write-call.ts';

export interface ListCall {
  readonly served: ServedResource;
  readonly stored: StoredResource;
  readonly request: RequestContext;
  /** Empty for all. */
  readonly namespace: string;
  readonly options: ListOptions;
}

export interface ListResult {
  readonly revision: number;
  /** In key order, in the stored version. */
  readonly items: readonly StoredObject[];
  /** Empty on the last page. */
  readonly continue: string;
  /** Only without selectors, and only when there is more. */
  readonly remainingItemCount: number | undefined;
}

/** Which moment a list shows. */
type Moment =
  | { readonly kind: 'newest' }
  | { readonly kind: 'known'; readonly atLeast: number }
  | { readonly kind: 'exact'; readonly revision: number };

/** @throws StatusError BadRequest for a bad token, Expired for a moment that is forgotten, InternalError for what cannot be read */
export async function list(call: ListCall, registry: Registry): Promise<ListResult> {
  const { options, stored, namespace } = call;
  const token = options.continue === '' ? undefined : decodeContinue(options.continue);
  if (token !== undefined && options.resourceVersion !== '' && options.resourceVersion !== '0') {
    throw new StatusError('BadRequest', 'specifying resource version is not allowed when using continue');
  }
  const moment =
    token === undefined
      ? momentOf(options)
      : token.revision > 0
        ? ({ kind: 'exact', revision: token.revision } as const)
        : ({ kind: 'newest' } as const);
  const chosen = selection(stored, namespace, options.labelSelector, options.fieldSelector);
  const range = rangeOf(chosen, stored.resource.namespaced);
  const start = token === undefined ? range.start : token.start > range.start ? token.start : range.start;

  if (moment.kind === 'newest') {
    const waiting = registry.hub.progress.caughtUp(call.request.signal);
    if (waiting !== undefined) await waiting;
  } else {
    const isExact = moment.kind === 'exact';
    await atLeast(isExact ? moment.revision : moment.atLeast, registry, call.request.signal, !isExact);
  }
  for (;;) {
    const refusal = stored.cache.unreadable.refusalWithin(start, range.end);
    if (refusal !== undefined) throw refusal;
    const from =
      moment.kind === 'exact' && moment.revision !== stored.cache.revision
        ? (registry.hub.at(stored.cache, moment.revision) ??
          (await fromStore(call, chosen, { revision: moment.revision, start, end: range.end }, registry)))
        : newest(stored);
    const unjudged = judgeable(stored, chosen, from.range(start, range.end), call.request);
    if (unjudged === undefined) return page(from, chosen, start, range.end, limitOf(options));
    await unjudged;
  }
}

/** Selectors judge objects in the version asked for; undefined when all are known in it. */
function judgeable(
  { form }: StoredResource,
  { all }: Selection,
  objects: Iterable<StoredObject>,
  request: ListCall['request'],
): Promise<void> | undefined {
  return form?.waits === true && !all ? form.ready(objects, request.signal) : undefined;
}

/** Whoever takes whatever is known takes all of it: clients do not look for a next page there. Source: cacher computeListLimit. */
const limitOf = ({ limit, resourceVersion }: ListOptions): number => (resourceVersion === '0' ? 0 : limit);

/** Source: storage.ValidateListOptions, delegator.ShouldDelegateList. */
function momentOf({ resourceVersion, resourceVersionMatch, limit }: ListOptions): Moment {
  if (resourceVersion === '') return { kind: 'newest' };
  const revision = parseResourceVersion(resourceVersion, 'list');
  if (resourceVersionMatch === 'Exact') return { kind: 'exact', revision };
  if (resourceVersionMatch === '' && limit > 0 && revision > 0) return { kind: 'exact', revision };
  return { kind: 'known', atLeast: revision };
}

interface Range {
  readonly start: string;
  readonly end: string | undefined;
}

/** Keys among which all objects of a selection are: of one name, of a namespace, or all. */
export function rangeOf({ namespace, name }: Selection, namespaced: boolean): Range {
  if (name !== undefined && (namespace !== undefined || !namespaced)) {
    const key = objectKey(name, namespaced ? (namespace as string) : '');
    return { start: key, end: `${key}\0` };
  }
  return namespace === undefined || !namespaced
    ? { start: '', end: undefined }
    : { start: `${namespace}/`, end: prefixEnd(`${namespace}/`) };
}

type Readable = Snapshot & { readonly byField?: (label: string, value: string) => Iterable<StoredObject> | undefined };

const newest = ({ cache }: StoredResource): Readable => ({
  revision: cache.revision,
  range: (start, end) => cache.range(start, end),
  count: (start, end) => cache.count(start, end),
  byField: (label, value) => cache.byField(label, value),
});

function page(from: Readable, chosen: Selection, start: string, end: string | undefined, limit: number): ListResult {
  const items: StoredObject[] = [];
  const { matches } = chosen;
  for (const object of candidates(from, chosen, start, end)) {
    if (matches !== undefined && !matches(object)) continue;
    if (limit > 0 && items.length === limit) {
      const last = (items[items.length - 1] as StoredObject).key;
      const remaining = chosen.all ? from.count(`${last}\0`, end) : undefined;
      return { revision: from.revision, items, continue: continueAfter(last, from.revision), remainingItemCount: remaining };
    }
    items.push(object);
  }
  return { revision: from.revision, items, continue: '', remainingItemCount: undefined };
}

/** Objects that may match, in key order. */
function candidates(from: Readable, { field, namespace }: Selection, start: string, end: string | undefined): Iterable<StoredObject> {
  const indexed = field === undefined ? undefined : from.byField?.(field.label, field.value);
  if (indexed === undefined) return from.range(start, end);
  const within = namespace === undefined ? [...indexed] : [...indexed].filter((object) => object.namespace === namespace);
  return within.filter(({ key }) => key >= start && (end === undefined || key < end)).toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

interface Past {
  readonly revision: number;
  readonly start: string;
  readonly end: string | undefined;
}

/** Entries read from the store's history at a time, at least. */
const PAST_PAGE = 500;

/** A page of a moment the cache has forgotten, from the store's history: no more is read than the page takes. */
async function fromStore(
  { stored, options, request }: ListCall,
  { matches }: Selection,
  { revision, start, end }: Past,
  { store }: Registry,
): Promise<Snapshot> {
  const { prefix, cache } = stored;
  const { layout } = cache.resource;
  const limit = options.limit === 0 ? 0 : Math.max(PAST_PAGE, options.limit + 1);
  const objects: StoredObject[] = [];
  let unread = 0;
  let from = prefix + start;
  try {
    for (;;) {
      const { entries, more, count } = await guarded(() =>
        store.range({ start: from, end: end === undefined ? prefixEnd(prefix) : prefix + end, revision, limit }),
      );
      for (const { key, modRevision, value } of entries) {
        const object = layout.read(key.slice(prefix.length), modRevision, value);
        if (matches !== undefined) await stored.form?.ready([object], request.signal);
        if (matches === undefined || matches(object)) objects.push(object);
      }
      unread = count - entries.length;
      const last = entries.at(-1);
      if (!more || last === undefined || objects.length > options.limit) break;
      from = `${last.key}\0`;
    }
  } catch (error) {
    if (error instanceof CompactedError) throw expired(options.continue, start);
    if (error instanceof FutureRevisionError)
      throw new StatusError('Timeout', `Timeout: Too large resource version: ${revision}, current: ${error.current}`);
    throw error;
  }
  const within = (first: string, after: string | undefined): StoredObject[] =>
    objects.filter(({ key }) => key >= first && (after === undefined || key < after));
  return { revision, range: within, count: (first, after) => within(first, after).length + unread };
}

/** Source: storage/etcd3 interpretListError, handleCompactedErrorForPaging. */
function expired(token: string, start: string): StatusError {
  if (token === '') return resourceExpired('The resourceVersion for the provided list is too old.');
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, ' +
    'or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an ' +
    'inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
  return new ExpiredContinueError(message, encodeContinue({ revision: -1, start }));
}

/** Expired, with a token that goes on at the newest revision. */
export class ExpiredContinueError extends StatusError {
  readonly continue: string;

  constructor(message: string, token: string) {
    super('Expired', message);
    this.continue = token;
  }

  override toStatus(): ReturnType<StatusError['toStatus']> {
    return { ...super.toStatus(), metadata: { continue: this.continue } };
  }
}
