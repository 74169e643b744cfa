// The append side of the segments: group commit. Records gather in memory while the commit before them is being
// written durably by the thread pool; then all of them go out in one write.
import type { Logger } from '#base/log.ts';
import type { Disk } from './disk.ts';
import { Headroom } from './headroom.ts';
import { RECORD_HEADER_BYTES, RECORD_KIND, RecordBuffer, type RecordFields, storeRecord } from './record.ts';
import { Segment, SEGMENT_HEADER_BYTES } from './segment.ts';

/** A buffer that grew beyond this is not kept for the next commit. */
const SPARE_BYTES = 8 << 20;

/** Records written and synced together. `T` is what the owner keeps beside them. */
export interface Commit<T> {
  readonly segment: Segment;
  /** Offset in the segment of its first record. */
  readonly start: number;
  readonly records: RecordBuffer;
  readonly content: T;
}

export interface LogOwner<T> {
  /** What the owner keeps for a new commit. */
  begin(): T;
  /** The store's revision as of the last record added. */
  revision(): number;
  /** The commit is durable. Called in order. */
  committed(commit: Commit<T>): void;
  /**
   * Neither this commit nor what was added since will be: `outcome` says whether its records may come back when the
   * store is opened again.
   */
  failed(commits: readonly Commit<T>[], outcome: 'none' | 'unknown', error: Error): void;
}

export interface LogOptions<T> {
  readonly disk: Disk;
  readonly directory: string;
  /** A segment that reaches this size is sealed. */
  readonly segmentBytes: number;
  /** Zeros written ahead of the records at once. */
  readonly headroomBytes: number;
  readonly logger: Logger;
  readonly owner: LogOwner<T>;
}

export class Log<T> {
  readonly #options: LogOptions<T>;
  /** All segments that have a file, ascending. Rewriting replaces sealed ones. */
  #segments: readonly Segment[];
  #filling: Commit<T>;
  /** The commit being written. */
  #flying: { readonly commit: Commit<T>; readonly landed: Promise<void> } | undefined;
  #scheduled = false;
  #spare: RecordBuffer | undefined;
  /** Of the segment written last. */
  #headroom: Headroom | undefined;
  /** A failed commit left bytes at the end of the last segment that must go before anything is written there. */
  #torn = false;
  /** Something was written since the log was opened. */
  #written = false;

  /** `segments` is not empty; the last has all its bytes written and synced, or no file yet. */
  constructor(segments: readonly Segment[], options: LogOptions<T>) {
    this.#options = options;
    this.#segments = segments.filter(({ hasFile }) => hasFile);
    const last = segments.at(-1) as Segment;
    this.#filling = this.#commit(last, last.end);
  }

  /** The commit that takes records now. */
  get filling(): Commit<T> {
    return this.#filling;
  }

  /** The commit with the latest records that are not durable; undefined when all are. */
  get latest(): Commit<T> | undefined {
    return this.#filling.records.length > 0 ? this.#filling : this.#flying?.commit;
  }

  /** Commits that are not durable, in order. */
  get pending(): readonly Commit<T>[] {
    return this.#flying === undefined ? [this.#filling] : [this.#flying.commit, this.#filling];
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** Segments that take no records any more, all of theirs being durable. */
  get sealed(): readonly Segment[] {
    const { segment } = this.#flying?.commit ?? this.#filling;
    return this.#segments.filter(({ last }) => last < segment.first);
  }

  /** Adds a record to the filling commit; it is written in a later turn. Returns its length in bytes. */
  add(fields: RecordFields, remaining: number, value?: Uint8Array): number {
    const { records, start } = this.#filling;
    if (!this.#scheduled && this.#flying === undefined) this.#schedule();
    return records.add(fields, start, remaining, value);
  }

  /** Resolves when everything added before has been written or has failed. */
  async settled(): Promise<void> {
    while (this.latest !== undefined) {
      if (this.#flying === undefined) this.#flush();
      await this.#flying?.landed;
    }
  }

  /**
   * Marks the end of everything written, after `settled`. Returns where that is, or undefined when nothing was
   * written since the log was opened.
   */
  async seal(): Promise<{ readonly segment: number; readonly end: number } | undefined> {
    const { segment, start } = this.#filling;
    if (!this.#written || !segment.hasFile) return undefined;
    const records = new RecordBuffer(RECORD_HEADER_BYTES);
    records.add(storeRecord(RECORD_KIND.seal, this.#options.owner.revision()), start, 0);
    const end = start + records.length;
    try {
      const headroom = await this.#prepare(this.#filling);
      await headroom.clear(end);
      await segment.file.writeDurably(records.bytes, start);
      await headroom.cut(end);
    } finally {
      await this.#headroom?.settled();
    }
    segment.end = end;
    return { segment: segment.last, end };
  }

  /** Puts `rewritten` in the place of the sealed segments it stands for. */
  replace(rewritten: Segment): void {
    const covered = (segment: Segment): boolean => segment.first >= rewritten.first && segment.last <= rewritten.last;
    const at = this.#segments.findIndex(covered);
    const others = this.#segments.filter((segment) => !covered(segment));
    this.#segments = others.toSpliced(at, 0, rewritten);
  }

  #schedule(): void {
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#flying === undefined) this.#flush();
    });
  }

  #flush(): void {
    const commit = this.#filling;
    if (commit.records.length === 0) return;
    const seals = commit.start + commit.records.length >= this.#options.segmentBytes;
    if (seals) commit.records.add(storeRecord(RECORD_KIND.seal, this.#options.owner.revision()), commit.start, 0);
    this.#filling = seals
      ? this.#commit(new Segment(following(commit.segment)), SEGMENT_HEADER_BYTES)
      : this.#commit(commit.segment, endOf(commit));
    this.#flying = { commit, landed: this.#write(commit) };
  }

  async #write(commit: Commit<T>): Promise<void> {
    const { segment, start, records } = commit;
    const end = endOf(commit);
    let outcome: 'none' | 'unknown' = 'none';
    try {
      const headroom = await this.#prepare(commit);
      await headroom.clear(end);
      outcome = 'unknown';
      await segment.file.writeDurably(records.bytes, start);
      headroom.refill(end, records.length);
    } catch (error) {
      await this.#undo(commit, outcome, error as Error);
      return;
    }
    segment.end = end;
    this.#written = true;
    this.#landed();
    this.#options.owner.committed(commit);
    this.#recycle(records);
  }

  #landed(): void {
    this.#flying = undefined;
    if (this.#filling.records.length > 0 && !this.#scheduled) this.#schedule();
  }

  /** Makes the segment's file if it is new, and clears away what a failed commit left. */
  async #prepare({ segment, start }: Commit<T>): Promise<Headroom> {
    const { disk, directory, headroomBytes } = this.#options;
    if (!segment.hasFile) {
      const sealed = this.#segments.at(-1);
      if (sealed !== undefined) await this.#headroom?.cut(sealed.end); // its file ends with its seal
      await segment.create(disk, directory);
      this.#segments = [...this.#segments, segment];
      this.#headroom = undefined;
    }
    this.#headroom ??= new Headroom(segment.file, start, headroomBytes);
    if (this.#torn) await this.#headroom.truncate(start);
    this.#torn = false;
    return this.#headroom;
  }

  async #undo(commit: Commit<T>, outcome: 'none' | 'unknown', error: Error): Promise<void> {
    const { logger, owner } = this.#options;
    let known: 'none' | 'unknown' = outcome;
    if (outcome === 'unknown') {
      this.#torn = true;
      try {
        await this.#prepare(commit);
        known = 'none';
      } catch (repairError) {
        logger.warn('store: a failed write could not be undone yet', { error: repairError });
      }
    }
    const dropped = this.#filling;
    this.#filling = this.#commit(commit.segment, commit.start);
    this.#landed();
    owner.failed([commit, dropped], known, error);
  }

  #commit(segment: Segment, start: number): Commit<T> {
    const records = this.#spare ?? new RecordBuffer();
    this.#spare = undefined;
    return { segment, start, records, content: this.#options.owner.begin() };
  }

  #recycle(records: RecordBuffer): void {
    if (records.capacity > SPARE_BYTES) return;
    records.clear();
    this.#spare = records;
  }
}

function endOf<T>({ start, records }: Commit<T>): number {
  return start + records.length;
}

function following({ last }: Segment): { first: number; last: number } {
  return { first: last + 1, last: last + 1 };
}
