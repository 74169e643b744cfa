// Ranges: what to return is settled in one turn from the index, then the values are read.
import { CompactedError, FutureRevisionError, type KeyValue, type RangeRequest, type RangeResponse } from '../contract.ts';
import { entryOf } from './entry.ts';
import { toByteOrder } from '../key-order.ts';
import { keyRange } from './key-tree.ts';
import type { StoreState } from './state.ts';
import { NO_VALUE } from './transaction-plan.ts';
import { readValues } from './values.ts';

/** @throws CompactedError, FutureRevisionError, StoreUnavailableError */
export async function range(state: StoreState, request: RangeRequest): Promise<RangeResponse> {
  const { visible } = state;
  const { start, end, limit = 0, keysOnly = false, countOnly = false } = request;
  const revision = readRevision(state, request.revision);
  const keys = keyRange(toByteOrder(start), end === undefined ? undefined : toByteOrder(end));
  if (countOnly) return { entries: [], count: state.tree.count(keys, revision), more: false, revision: visible };

  const versions = state.tree.collect(keys, revision, limit);
  const count = limit === 0 || versions.length < limit ? versions.length : state.tree.count(keys, revision);
  const values = keysOnly ? [] : await readValues(versions, state.clock);
  const entries: readonly KeyValue[] = versions.map((version, index) => entryOf(version, values[index] ?? NO_VALUE));
  return { entries, count, more: count > entries.length, revision: visible };
}

/** The revision a request reads at. */
export function readRevision({ visible, compactRevision }: StoreState, requested = 0): number {
  if (requested === 0) return visible;
  if (requested > visible) throw new FutureRevisionError(visible);
  if (requested < compactRevision) throw new CompactedError(compactRevision);
  return requested;
}
