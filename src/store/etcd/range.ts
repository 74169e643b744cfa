// Ranges, in pages: a server builds its whole answer in memory, so large ones are asked for in parts, all of them at
// the revision of the first.
import { CompactedError, FutureRevisionError, type KeyValue, type RangeRequest, type RangeResponse } from '../contract.ts';
import { toByteOrder } from '../key-order.ts';
import { type Cluster, LOWEST_KEY } from './cluster.ts';
import { type EtcdRangeRequest, type EtcdRangeResponse, RANGE } from './methods.ts';
import { isServiceError, refusalOf } from './refusals.ts';

/** Entries asked for at once. */
const PAGE_ENTRIES = 5_000;

/** @throws CompactedError, FutureRevisionError, ServiceError */
export async function range(cluster: Cluster, request: RangeRequest): Promise<RangeResponse> {
  const { start, end, limit = 0, revision = 0, keysOnly = false, countOnly = false } = request;
  const empty = end !== undefined && toByteOrder(end) <= toByteOrder(start);
  const asked: EtcdRangeRequest = { key: start === '' ? LOWEST_KEY : start, rangeEnd: empty ? '' : (end ?? ''), revision, keysOnly };
  if (empty || countOnly) {
    const { header, count } = await ask(cluster, { ...asked, countOnly: true });
    return { entries: [], count: empty ? 0 : count, more: false, revision: header.revision };
  }

  for (;;) {
    try {
      return await pages(cluster, asked, limit);
    } catch (error) {
      // A read of the present that was overtaken by a compaction between two pages reads the new present.
      if (!(error instanceof CompactedError) || revision !== 0) throw error;
    }
  }
}

async function pages(cluster: Cluster, asked: EtcdRangeRequest, limit: number): Promise<RangeResponse> {
  const first = await ask(cluster, { ...asked, limit: pageSize(limit, 0) });
  const entries: KeyValue[] = [...first.kvs];
  const revision = asked.revision === undefined || asked.revision === 0 ? first.header.revision : asked.revision;
  for (let page = first; page.more && pageSize(limit, entries.length) > 0;) {
    page = await ask(cluster, { ...asked, revision, key: `${entries.at(-1)?.key}\0`, limit: pageSize(limit, entries.length) });
    entries.push(...page.kvs);
  }
  return { entries, count: first.count, more: first.count > entries.length, revision: first.header.revision };
}

/** Entries to ask for when `have` are there already; 0 when that is enough. */
function pageSize(limit: number, have: number): number {
  return limit === 0 ? PAGE_ENTRIES : Math.min(PAGE_ENTRIES, limit - have);
}

async function ask(cluster: Cluster, request: EtcdRangeRequest): Promise<EtcdRangeResponse> {
  try {
    return await cluster.call(RANGE, request);
  } catch (error) {
    const refusal = isServiceError(error) ? refusalOf(error) : undefined;
    if (refusal === 'compacted') throw new CompactedError(await cluster.oldestRevision());
    if (refusal === 'future') throw new FutureRevisionError(await cluster.currentRevision());
    throw error;
  }
}
