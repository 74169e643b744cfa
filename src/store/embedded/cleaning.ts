// Gives the disk back what compaction forgot: sealed segments are copied without their dead records, and the copy
// takes their place in one step. Runs between two forgettings, never beside one: what it finds in the index stays.
import { join } from 'node:path';
import type { Logger } from '#base/log.ts';
import { planCleaning } from './cleaning-plan.ts';
import type { Disk, DiskFile } from './disk.ts';
import { isDiskError, StoreCorruptError } from './errors.ts';
import type { Lease } from './leases.ts';
import { RECORD_KIND, RecordBuffer, type StoredRecord, storeRecord, valueAt } from './record.ts';
import { scanRecords } from './scan.ts';
import { Segment, SEGMENT_HEADER_BYTES, segmentHeader, segmentName, type SegmentRange, UNFINISHED } from './segment.ts';
import type { StoreState } from './state.ts';
import { type Location, versionAt } from './version.ts';

/** Bytes of records gathered before they are written. */
const STRETCH_BYTES = 1 << 20;

export interface CleaningOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly segmentBytes: number;
  readonly logger: Logger;
}

/** Rewrites what is worth it. A disk that refuses ends it for now: nothing is lost, and the next compaction tries again. */
export async function clean(state: StoreState, options: CleaningOptions): Promise<void> {
  const { logger } = options;
  try {
    for (const group of planCleaning(state.log.sealed, options.segmentBytes)) {
      if (state.closed) return;
      const rewritten = await rewrite(state, options, group);
      logger.debug('store: segments rewritten', { segments: group.map(segmentName), bytes: rewritten.end });
    }
  } catch (error) {
    if (!isDiskError(error) && !(error instanceof StoreCorruptError)) throw error;
    logger.warn('store: segments could not be rewritten', { error });
  }
}

/** Something in memory that says where a record is, and where the record goes. */
interface Move {
  readonly what: Location | Lease;
  readonly offset: number;
}

async function rewrite(state: StoreState, options: CleaningOptions, group: readonly Segment[]): Promise<Segment> {
  const { disk, directory } = options;
  const range: SegmentRange = { first: group[0]?.first ?? 0, last: group.at(-1)?.last ?? 0 };
  const path = join(directory, segmentName(range));
  await disk.remove(path + UNFINISHED);
  const file = await disk.open(path + UNFINISHED, 'create');
  const copy = new Copy(state, file);
  try {
    await copy.write(segmentHeader(range));
    for (const segment of group) await copy.from(segment);
    await copy.finish();
  } catch (error) {
    await disk.remove(path + UNFINISHED);
    throw error;
  } finally {
    await file.close();
  }
  await disk.rename(path + UNFINISHED, path);
  await disk.syncDirectory(directory);

  const rewritten = new Segment(range, await disk.open(path, 'read'), copy.end);
  for (const { what, offset } of copy.moves) {
    what.segment = rewritten;
    if ('offset' in what) what.offset = offset;
  }
  state.log.replace(rewritten);
  for (const segment of group) {
    await segment.release();
    if (segmentName(segment) !== segmentName(range)) await disk.remove(join(directory, segmentName(segment)));
  }
  return rewritten;
}

/** The file that is to replace segments. */
class Copy {
  readonly #state: StoreState;
  readonly #file: DiskFile;
  /** The revision below which only what was current at it is kept. */
  readonly #compacted: number;
  readonly #leases: ReadonlyMap<number, Lease>;
  readonly #records = new RecordBuffer(STRETCH_BYTES);
  readonly moves: Move[] = [];
  /** The store's revision as of the last record read. */
  #revision = 0;
  /** Bytes of the file so far. */
  end = 0;

  constructor(state: StoreState, file: DiskFile) {
    this.#state = state;
    this.#file = file;
    this.#compacted = state.compactRevision;
    this.#leases = new Map(state.durableLeases().map((lease) => [lease.id, lease]));
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.end);
    this.end += bytes.length;
  }

  /** Copies what is alive in a segment. @throws StoreCorruptError */
  async from(segment: Segment): Promise<void> {
    const each = (record: StoredRecord, offset: number, bytes: Buffer, at: number): Promise<void> | undefined => {
      this.#revision = record.modRevision;
      const what = this.#owner(record, segment, offset);
      if (what === undefined) return undefined;
      this.moves.push({ what, offset: this.end + this.#records.length });
      this.#records.add(record, SEGMENT_HEADER_BYTES, 0, valueAt(bytes, at, record));
      return this.#records.length < STRETCH_BYTES ? undefined : this.#flush();
    };
    const { end, complete } = await scanRecords(segment.file, { from: SEGMENT_HEADER_BYTES, to: segment.end, each });
    if (!complete) throw new StoreCorruptError(segment.file.path, 'a record fails its check', end);
  }

  async finish(): Promise<void> {
    this.#records.add(storeRecord(RECORD_KIND.seal, this.#revision), SEGMENT_HEADER_BYTES, 0);
    await this.#flush();
    await this.#file.sync();
  }

  async #flush(): Promise<void> {
    await this.write(this.#records.bytes);
    this.#records.clear();
  }

  /** Who needs the record; undefined when nobody does. */
  #owner(record: StoredRecord, segment: Segment, offset: number): Location | Lease | undefined {
    const { kind, key, modRevision } = record;
    switch (kind) {
      case RECORD_KIND.put:
      case RECORD_KIND.delete: {
        if (modRevision >= this.#compacted) return this.#state.history.find(key, modRevision);
        const current = versionAt(this.#state.tree.get(key), this.#compacted);
        return current?.modRevision === modRevision ? current : undefined;
      }
      case RECORD_KIND.grant: {
        const lease = this.#leases.get(record.lease);
        return lease?.segment === segment ? lease : undefined;
      }
      case RECORD_KIND.compact: {
        const { compaction } = this.#state;
        return compaction?.segment === segment && compaction.offset === offset ? compaction : undefined;
      }
      case RECORD_KIND.revoke: // what it ended lay before it, and was left out already
      case RECORD_KIND.seal:
        return undefined;
    }
  }
}
