// The latest changes of nodes and their pods, so that whoever kept results knows which to make anew.
import type { PodInfo } from './pod-info.ts';

export interface Change {
  readonly slot: number;
  /** The pod that came (`sign` 1) or left (-1); absent when something else of the node changed. */
  readonly pod?: PodInfo;
  readonly sign: 0 | 1 | -1;
  /** The node and its pods are the same: other pods are nominated to it, or its devices became free or taken. */
  readonly beside?: true;
}

/** Entries kept at least; readers further behind begin anew. */
const KEPT = 8192;

export class ChangeLog {
  #entries: Change[] = [];
  /** Position of `#entries[0]`. */
  #first = 0;

  /** Where the next change will stand. */
  get position(): number {
    return this.#first + this.#entries.length;
  }

  append(change: Change): void {
    this.#entries.push(change);
    if (this.#entries.length < 2 * KEPT) return;
    this.#entries = this.#entries.slice(KEPT);
    this.#first += KEPT;
  }

  /** Changes from `position` on, or `undefined` when some of them are not kept any more. */
  since(position: number): readonly Change[] | undefined {
    if (position < this.#first) return undefined;
    return position === this.position ? NOTHING : this.#entries.slice(position - this.#first);
  }
}

const NOTHING: readonly Change[] = [];
