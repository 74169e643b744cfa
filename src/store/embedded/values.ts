// Reads the values of versions from their segments: those that lie together in long stretches by the thread pool,
// those that lie apart one by one, which is far quicker as long as the system has them in memory.
import type { Clock } from '#base/clock.ts';
import { StoreUnavailableError } from '../contract.ts';
import { isDiskError, StoreCorruptError } from './errors.ts';
import { checkedValue, type Segment } from './segment.ts';
import type { RecordPlace } from './version.ts';

/** Up to this many records, of this many bytes together, are read in the turn of the call. */
const AT_ONCE_RECORDS = 32;
const AT_ONCE_BYTES = 256 << 10;

/** Records are read in one stretch when no more than this many unwanted bytes lie between two of them. */
const GAP_BYTES = 8 << 10;
const STRETCH_BYTES = 1 << 20;

/** Stretches read at the same time: one thread of the pool's four is left to commits. */
const PARALLEL = 3;

/** With fewer records a stretch than this, one by one is quicker. */
const DENSE_RECORDS = 8;

/** Records read one by one between two looks at the clock, and between two turns of the event loop. */
const GLANCE_RECORDS = 8;
const TURN_RECORDS = 64;

/** A look at the clock that shows more milliseconds than this means that the disk itself is being waited for. */
const COLD_MS = 1;

/** A record as it lies when the read begins; rewriting a segment may move it meanwhile. */
interface Wanted {
  readonly index: number;
  readonly place: RecordPlace;
  readonly segment: Segment;
  readonly offset: number;
}

interface Stretch {
  readonly segment: Segment;
  readonly start: number;
  end: number;
  readonly wanted: Wanted[];
}

/**
 * The value of a durable record, in memory of its own.
 * @throws StoreUnavailableError when the record cannot be read or is damaged
 */
export function readValue(place: RecordPlace): Uint8Array {
  try {
    return readAt(place, place.segment, place.offset);
  } catch (error) {
    throw unreadable(error);
  }
}

/**
 * The values of durable records, in their order. Every value has memory of its own, so that keeping one does not
 * keep its neighbours.
 * @throws StoreUnavailableError when a record cannot be read or is damaged
 */
export function readValues(places: readonly RecordPlace[], clock: Clock): Promise<Uint8Array[]> | Uint8Array[] {
  if (places.length <= AT_ONCE_RECORDS && places.reduce((sum, { length }) => sum + length, 0) <= AT_ONCE_BYTES) {
    return places.map(readValue);
  }
  return readMany(places, clock);
}

async function readMany(places: readonly RecordPlace[], clock: Clock): Promise<Uint8Array[]> {
  const values = new Array<Uint8Array>(places.length);
  const wanted = places.map((place, index): Wanted => ({ index, place, segment: place.segment, offset: place.offset }));
  const segments = new Set(wanted.map(({ segment }) => segment));
  for (const segment of segments) segment.hold();
  try {
    const stretches = planStretches(wanted);
    const apart = places.length < stretches.length * DENSE_RECORDS;
    const left = apart ? planStretches(await readOneByOne(wanted, values, clock)) : stretches;
    await readStretches(left, values);
  } catch (error) {
    throw unreadable(error);
  } finally {
    for (const segment of segments) await segment.release();
  }
  return values;
}

/** Reads until it is done or the disk has to be waited for; returns what is left then. */
async function readOneByOne(wanted: readonly Wanted[], values: Uint8Array[], clock: Clock): Promise<readonly Wanted[]> {
  let before = clock.monotonic();
  for (let i = 0; i < wanted.length; i++) {
    if (i > 0 && i % GLANCE_RECORDS === 0) {
      if (clock.monotonic() - before > COLD_MS) return wanted.slice(i);
      if (i % TURN_RECORDS === 0) await nextTurn();
      before = clock.monotonic();
    }
    const { index, place, segment, offset } = wanted[i] as Wanted;
    values[index] = readAt(place, segment, offset);
  }
  return [];
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function readAt(place: RecordPlace, segment: Segment, offset: number): Uint8Array {
  const buffer = Buffer.allocUnsafeSlow(place.length);
  const read = segment.file.readSync(buffer, offset);
  return checkedValue(place, buffer.subarray(0, read), 0);
}

function planStretches(wanted: readonly Wanted[]): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let open: Stretch | undefined;
  for (const each of wanted.toSorted((a, b) => a.segment.first - b.segment.first || a.offset - b.offset)) {
    const { segment, offset } = each;
    const end = offset + each.place.length;
    const joins = open !== undefined && open.segment === segment && offset - open.end <= GAP_BYTES && end - open.start <= STRETCH_BYTES;
    if (open === undefined || !joins) {
      open = { segment, start: offset, end, wanted: [] };
      stretches.push(open);
    }
    open.wanted.push(each);
    open.end = end;
  }
  return stretches;
}

async function readStretches(stretches: readonly Stretch[], values: Uint8Array[]): Promise<void> {
  let next = 0;
  const reader = async (): Promise<void> => {
    for (let stretch = stretches[next++]; stretch !== undefined; stretch = stretches[next++]) await readStretch(stretch, values);
  };
  // All are waited for, also when one fails: nobody may still be reading when the segments are let go.
  const outcomes = await Promise.allSettled(Array.from({ length: PARALLEL }, reader));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
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
