// pure
// Retained history: every version at or above the compacted revision, in revision order. Reads at a revision go
// through the index; this serves watches of the past, and says what compaction may forget.
import type { KeyTree } from './key-tree.ts';
import type { Version } from './version.ts';

/** Forgotten versions are dropped from the front of the array in one move once there are this many. */
const TRIM_AT = 4096;

export class History {
  /** Ascending by revision; the versions of one transaction stand together, in the order of its operations. */
  #versions: Version[] = [];
  #head = 0;

  get size(): number {
    return this.#versions.length - this.#head;
  }

  add(version: Version): void {
    this.#versions.push(version);
  }

  /** Position of the first version at or above `revision`, for `at`; valid until the next `forget`. */
  seek(revision: number): number {
    let low = this.#head;
    let high = this.#versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#versions[middle] as Version).modRevision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The version at a position, undefined past the last one. */
  at(position: number): Version | undefined {
    return this.#versions[position];
  }

  /** The version of `key` that was written at `revision`. */
  find(key: string, revision: number): Version | undefined {
    let position = this.seek(revision);
    let version = this.#versions[position];
    while (version !== undefined && version.modRevision === revision && version.key !== key) version = this.#versions[++position];
    return version?.modRevision === revision ? version : undefined;
  }

  /**
   * Forgets what was overwritten or deleted before `revision`, looking at no more than `most` versions: links to
   * older versions are cut and deleted keys leave the index. Each version that is gone for good is passed to `dead`.
   * Returns whether more is left to forget.
   */
  forget(revision: number, most: number, tree: KeyTree, dead: (version: Version) => void): boolean {
    const stop = Math.min(this.#versions.length, this.#head + most);
    while (this.#head < stop) {
      const version = this.#versions[this.#head] as Version;
      if (version.modRevision >= revision) break;
      this.#head++;
      // What `older` superseded was cut when `older` itself was passed here.
      if (version.older !== undefined) dead(version.older);
      version.older = undefined;
      if (!version.exists) {
        unlink(tree, version);
        dead(version);
      }
    }
    const next = this.#versions[this.#head];
    const more = next !== undefined && next.modRevision < revision;
    if (this.#head >= TRIM_AT && this.#head * 2 >= this.#versions.length) {
      this.#versions = this.#versions.slice(this.#head);
      this.#head = 0;
    }
    return more;
  }
}

/** Takes a delete out of the versions of its key. */
function unlink(tree: KeyTree, version: Version): void {
  let newer = tree.get(version.key);
  if (newer === version) return tree.delete(version.key);
  while (newer !== undefined && newer.older !== version) newer = newer.older;
  if (newer !== undefined) newer.older = undefined;
}
