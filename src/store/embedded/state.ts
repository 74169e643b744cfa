// What the engine knows in memory, and how it changes: decided at once, visible to readers only when durable, taken
// back when a commit fails. The verbs (./transact.ts, ./range.ts, ./watch.ts …) work on this.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { StoreUnavailableError } from '../contract.ts';
import { History } from './history.ts';
import { KeyTree } from './key-tree.ts';
import { type Lease, Leases } from './leases.ts';
import type { Commit, Log, LogOwner } from './log.ts';
import type { Location, Version } from './version.ts';
import { WatchHub } from './watch-hub.ts';

/** Someone who waits for a commit. */
export interface Answer {
  /** The commit, and all before it, are durable. */
  settle(): void;
  refuse(error: StoreUnavailableError): void;
}

/** The last compaction on record. */
export interface Compaction extends Location {
  readonly revision: number;
  /** Bytes of its record. */
  readonly length: number;
}

/** What a commit carries besides its bytes. */
export interface CommitContent {
  readonly versions: Version[];
  /** The versions' values, for watches; empty for a delete. */
  readonly values: Uint8Array[];
  readonly granted: Lease[];
  readonly revoked: Lease[];
  readonly compactions: Compaction[];
  readonly answers: Answer[];
}

/** The revision of a store into which nothing was written yet. Source: etcd. */
export const FIRST_REVISION = 1;

export interface StateOptions {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** A lease has run out. */
  readonly expired: (lease: number) => void;
}

export class StoreState implements LogOwner<CommitContent> {
  readonly tree = new KeyTree();
  readonly history = new History();
  readonly hub = new WatchHub();
  readonly leases: Leases;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** As of the last commit that ended. */
  writeFault: string | undefined;
  /** Watches that have not ended, live or not. */
  readonly watches = new Set<{ end(): void }>();
  /** Revision of the last transaction decided: those above `visible` may still fail. */
  decided = FIRST_REVISION;
  /** Revision of the last durable transaction: what readers see. */
  visible = FIRST_REVISION;
  /** Oldest revision that can be read. */
  compactRevision = FIRST_REVISION;
  compaction: Compaction | undefined;
  /** Nothing is accepted any more. */
  closed = false;
  /** Called when compaction has something to forget. */
  onCompacted: () => void = () => {};
  #log: Log<CommitContent> | undefined;

  constructor({ clock, ids, logger, expired }: StateOptions) {
    this.clock = clock;
    this.ids = ids;
    this.logger = logger;
    this.leases = new Leases(clock, expired);
  }

  get log(): Log<CommitContent> {
    if (this.#log === undefined) throw new Error('the store is still being opened');
    return this.#log;
  }

  set log(log: Log<CommitContent>) {
    this.#log = log;
  }

  begin(): CommitContent {
    return { versions: [], values: [], granted: [], revoked: [], compactions: [], answers: [] };
  }

  revision(): number {
    return this.decided;
  }

  /** Makes `version` the newest of its key. */
  put(version: Version): void {
    this.tree.set(version);
    this.leases.replaced(version.older, version);
  }

  committed({ content }: Commit<CommitContent>): void {
    this.writeFault = undefined;
    const { versions, values, granted, revoked, compactions, answers } = content;
    for (const version of versions) this.history.add(version);
    const last = versions.at(-1);
    if (last !== undefined) {
      this.visible = last.modRevision;
      this.hub.publish(versions, values, this.visible);
    }
    for (const lease of granted) {
      lease.durable = true;
      this.leases.start(lease.id);
    }
    for (const { segment, length } of revoked) segment.dead += length;
    for (const compaction of compactions) this.recordCompaction(compaction);
    for (const answer of answers) answer.settle();
    if (compactions.length > 0) this.onCompacted();
    // What still refers to the commit may be collected long after it: not its values with it (half as many outlived their use).
    for (const done of [versions, values, answers]) done.length = 0;
  }

  /** Leases as the disk knows them: those being revoked are still there. */
  durableLeases(): readonly Lease[] {
    const leaving = this.log.pending.flatMap(({ content }) => content.revoked);
    return [...this.leases.all(), ...leaving].filter(({ durable }) => durable);
  }

  recordCompaction(compaction: Compaction): void {
    if (this.compaction !== undefined) this.compaction.segment.dead += this.compaction.length;
    this.compaction = compaction;
    this.compactRevision = Math.max(this.compactRevision, compaction.revision);
  }

  failed(commits: readonly Commit<CommitContent>[], outcome: 'none' | 'unknown', error: Error): void {
    this.#rollBack(commits);
    this.writeFault = error.message;
    this.logger.error('store: a write failed', { error, outcome });
    const [first] = commits;
    for (const { content } of commits) {
      // Only the first was ever sent to the disk.
      const refusal = new StoreUnavailableError(`the store cannot write: ${error.message}`, content === first?.content ? outcome : 'none', {
        cause: error,
      });
      for (const answer of content.answers) answer.refuse(refusal);
    }
  }

  #rollBack(commits: readonly Commit<CommitContent>[]): void {
    for (const { content } of commits.toReversed()) {
      for (const version of content.versions.toReversed()) this.#takeBack(version);
      for (const lease of content.revoked) this.leases.add(lease);
      for (const { id } of content.granted) this.leases.remove(id);
    }
    this.decided = this.visible;
    for (const lease of this.leases.all()) lease.keys.clear();
    this.tree.forEach((newest) => this.leases.replaced(undefined, newest));
    for (const { content } of commits) for (const { id } of content.revoked) this.leases.start(id);
  }

  #takeBack(version: Version): void {
    if (version.older === undefined) this.tree.delete(version.key);
    else this.tree.set(version.older);
  }
}
