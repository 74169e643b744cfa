// Lists in chunks, so that neither side holds a whole large answer in one piece.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { Client, ListOptions } from './contract.ts';

export interface PagedList<T> {
  readonly items: readonly T[];
  /** Of the state all pages show. */
  readonly resourceVersion: string;
  /** It came in more than one page. */
  readonly paginated: boolean;
}

type Selection = Omit<ListOptions, 'limit' | 'continue'>;

/**
 * All objects, `pageSize` at a time (0: in one answer). When a later page has expired, everything is read again in
 * one answer. Source: pager.ListPager.List.
 * @throws StatusError, ConnectionError
 */
export async function listPages<T>(client: Client, resource: Resource<T>, options: Selection, pageSize: number): Promise<PagedList<T>> {
  const first = await client.list(resource, pageSize > 0 ? { ...options, limit: pageSize } : options);
  const resourceVersion = first.metadata.resourceVersion ?? '';
  let next = first.metadata.continue ?? '';
  if (next === '') return { items: first.items, resourceVersion, paginated: false };

  const items = [...first.items];
  // A continue token names the state by itself; sending a version with it is refused.
  const { resourceVersion: _, resourceVersionMatch: __, ...rest } = options;
  while (next !== '') {
    try {
      const page = await client.list(resource, { ...rest, limit: pageSize, continue: next });
      for (const item of page.items) items.push(item);
      next = page.metadata.continue ?? '';
    } catch (error) {
      if (!isStatusError(error, 'Expired')) throw error;
      const whole = await client.list(resource, options);
      return { items: whole.items, resourceVersion: whole.metadata.resourceVersion ?? '', paginated: true };
    }
  }
  return { items, resourceVersion, paginated: true };
}

/**
 * The same, page by page, for readers that need not hold all of it. It does not start over: an expired page throws,
 * since what was already handed out cannot be taken back. Source: pager.ListPager.EachListItem.
 * @throws StatusError (Expired when the reader is slower than the server's compaction), ConnectionError
 */
export async function* eachPage<T>(
  client: Client,
  resource: Resource<T>,
  options: Selection,
  pageSize: number,
): AsyncGenerator<readonly T[], void, undefined> {
  let page = await client.list(resource, { ...options, limit: pageSize });
  yield page.items;
  const { resourceVersion: _, resourceVersionMatch: __, ...rest } = options;
  while ((page.metadata.continue ?? '') !== '') {
    page = await client.list(resource, { ...rest, limit: pageSize, continue: page.metadata.continue ?? '' });
    yield page.items;
  }
}
