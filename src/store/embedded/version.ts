// One version of a key, as the index holds it in memory: everything but the value, and where the value is.
import type { RecordFields, RecordKind } from './record.ts';
import { RECORD_KIND } from './record.ts';
import type { Segment } from './segment.ts';

/** Where a record is on disk. Rewriting a segment moves its records, so both change together. */
export interface Location {
  segment: Segment;
  offset: number;
}

/** A record that can be read: where it is, and what must be found there. */
export interface RecordPlace extends Readonly<Location> {
  readonly key: string;
  readonly modRevision: number;
  /** Bytes of the record. */
  readonly length: number;
}

/**
 * A put or a delete of a key at a revision. Immutable but for its place on disk and for `older`, which is cut when
 * compaction forgets the past.
 *
 * The versions of a key form a list from the newest down, strictly descending by revision; after compaction at C
 * its last element is the one that was current at C, if there was one.
 */
export class Version implements RecordFields, Location {
  /** In byte order (../key-order.ts). */
  readonly key: string;
  readonly modRevision: number;
  /** 0 for a delete. */
  readonly createRevision: number;
  /** Puts since creation; 0 for a delete. */
  readonly version: number;
  readonly lease: number;
  segment: Segment;
  offset: number;
  /** Bytes of the record. */
  readonly length: number;
  older: Version | undefined;

  constructor(fields: Omit<RecordFields, 'kind'>, location: Location, length: number, older: Version | undefined) {
    this.key = fields.key;
    this.modRevision = fields.modRevision;
    this.createRevision = fields.createRevision;
    this.version = fields.version;
    this.lease = fields.lease;
    this.segment = location.segment;
    this.offset = location.offset;
    this.length = length;
    this.older = older;
  }

  /** Whether the key exists at this version. */
  get exists(): boolean {
    return this.version > 0;
  }

  get kind(): RecordKind {
    return this.version > 0 ? RECORD_KIND.put : RECORD_KIND.delete;
  }
}

/** What was current at `revision`, a delete included; undefined when the key had not been written. */
export function versionAt(newest: Version | undefined, revision: number): Version | undefined {
  let version = newest;
  while (version !== undefined && version.modRevision > revision) version = version.older;
  return version;
}

/** As versionAt, but undefined when the key did not exist. */
export function existingAt(newest: Version | undefined, revision: number): Version | undefined {
  const version = versionAt(newest, revision);
  return version !== undefined && version.exists ? version : undefined;
}
