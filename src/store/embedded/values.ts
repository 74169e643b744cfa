// Reads the values of versions from their segments: few of them at once, many by the thread pool in long stretches.
import { StoreUnavailableError } from '../contract.ts';
import { isDiskError, StoreCorruptError } from './errors.ts';
import { checkedValue, type Segment } from './segment.ts';
import type { RecordPlace } from './version.ts';

/** Up to this many records, of this many bytes together, are read at once: quicker than a trip to the thread pool. */
const AT_ONCE_RECORDS = 32;
const AT_ONCE_BYTES = 256 << 10;

/** Records are read in one stretch when no more than this many unwanted bytes lie between two of them. */
const GAP_BYTES = 8 << 10;
const STRETCH_BYTES = 1 << 20;

/** Stretches read at the same time. */
const PARALLEL = 3;

interface Stretch {
  readonly segment: Segment;
  readonly start: number;
  end: number;
  readonly wanted: Wanted[];
}

/** A record, with its place among those asked for. */
interface Wanted {
  readonly index: number;
  readonly place: RecordPlace;
  /** Where it is when the read begins: rewriting a segment may move it meanwhile. */
  readonly offset: number;
}

/**
 * The value of a durable record, in memory of its own.
 * @throws StoreUnavailableError when the record cannot be read or is damaged
 */
export function readValue(place: RecordPlace): Uint8Array {
  const buffer = Buffer.allocUnsafeSlow(place.length);
  try {
    const read = place.segment.file.readSync(buffer, place.offset);
    return checkedValue(place, buffer.subarray(0, read), 0);
  } catch (error) {
    throw unreadable(error);
  }
}

/**
 * The values of durable records, in their order. Every value has memory of its own, so that keeping one does not
 * keep its neighbours.
 * @throws StoreUnavailableError when a record cannot be read or is damaged
 */
export function readValues(places: readonly RecordPlace[]): Promise<Uint8Array[]> | Uint8Array[] {
  if (places.length <= AT_ONCE_RECORDS && places.reduce((sum, { length }) => sum + length, 0) <= AT_ONCE_BYTES) {
    return places.map(readValue);
  }
  return readInStretches(places);
}

async function readInStretches(places: readonly RecordPlace[]): Promise<Uint8Array[]> {
  const values = new Array<Uint8Array>(places.length);
  const stretches = planStretches(places);
  const segments = new Set(stretches.map(({ segment }) => segment));
  for (const segment of segments) segment.hold(); // where a record is now stays readable, even when it is moved
  let next = 0;
  const reader = async (): Promise<void> => {
    for (let stretch = stretches[next++]; stretch !== undefined; stretch = stretches[next++]) await readStretch(stretch, values);
  };
  // All are waited for, also when one fails: nobody may still be reading when the segments are let go.
  const outcomes = await Promise.allSettled(Array.from({ length: PARALLEL }, reader));
  for (const segment of segments) await segment.release();
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw unreadable(outcome.reason);
  return values;
}

function planStretches(places: readonly RecordPlace[]): Stretch[] {
  const wanted = places.map((place, index): Wanted => ({ index, place, offset: place.offset }));
  wanted.sort((a, b) => a.place.segment.first - b.place.segment.first || a.offset - b.offset);
  const stretches: Stretch[] = [];
  let open: Stretch | undefined;
  for (const each of wanted) {
    const { segment, length } = each.place;
    const end = each.offset + length;
    const joins =
      open !== undefined && open.segment === segment && each.offset - open.end <= GAP_BYTES && end - open.start <= STRETCH_BYTES;
    if (open === undefined || !joins) {
      open = { segment, start: each.offset, end, wanted: [] };
      stretches.push(open);
    }
    open.wanted.push(each);
    open.end = end;
  }
  return stretches;
}

async function readStretch({ segment, start, end, wanted }: Stretch, values: Uint8Array[]): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(end - start);
  const bytes = buffer.subarray(0, await segment.file.read(buffer, start));
  const alone = wanted.length === 1;
  for (const { index, place, offset } of wanted) {
    const value = checkedValue(place, bytes, offset - start);
    values[index] = alone ? value : copyOf(value);
  }
}

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** The error a reader gets; what is no fault of the disk is a bug and is returned as it is. */
function unreadable(error: unknown): unknown {
  if (error instanceof StoreCorruptError) return new StoreUnavailableError(error.message, 'none', { cause: error });
  if (isDiskError(error)) return new StoreUnavailableError(`the store's disk cannot be read: ${error.message}`, 'none', { cause: error });
  return error;
}
