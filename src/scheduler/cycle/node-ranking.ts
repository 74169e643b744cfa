// The nodes that pods of one kind may go to and what each scores, kept in step with the few nodes that change from pod to pod:
// the best is found by the blocks of nodes that changed. Scores that look at other nodes are not in it.
import type { Feasible } from '../framework/plugin.ts';
import type { NodeScores } from './node-answers.ts';
import { relativeScore } from './score-nodes.ts';

/** Nodes that are looked through when one of them changed. */
const BLOCK = 64;
const NOT_FEASIBLE = -Infinity;

/** Invariant: after `settle`, `totals` holds for every slot, and so does each block that is not `#isStale`. */
export class NodeRanking {
  /** By slot, what its scores come to; -Infinity where pods may not go. */
  readonly totals: Float64Array;
  readonly #scores: NodeScores;
  /** By `relative` scoring, the greatest of the feasible nodes. */
  readonly #greatest: Float64Array;
  readonly #touched: number[] = [];
  readonly #isTouched: Uint8Array;
  /** By block: its best total, and how many of its nodes have it. */
  readonly #best: Float64Array;
  readonly #equals: Int32Array;
  readonly #isStale: Uint8Array;
  /** A greatest score may be another now. */
  #isGreatestStale = false;
  #count = 0;
  #feasible: Feasible | undefined;

  constructor(slotCount: number, scores: NodeScores) {
    const blocks = Math.ceil(slotCount / BLOCK);
    this.totals = new Float64Array(slotCount).fill(NOT_FEASIBLE);
    this.#scores = scores;
    this.#greatest = new Float64Array(scores.relative.length);
    this.#isTouched = new Uint8Array(slotCount);
    this.#best = new Float64Array(blocks).fill(NOT_FEASIBLE);
    this.#equals = new Int32Array(blocks);
    this.#isStale = new Uint8Array(blocks);
    this.touchAll('all');
  }

  /** Nodes that pods may go to. */
  get count(): number {
    return this.#count;
  }

  /** The node in `slot` is to be looked at anew. */
  touch(slot: number): void {
    if (this.#isTouched[slot] === 1) return;
    this.#isTouched[slot] = 1;
    this.#touched.push(slot);
  }

  touchAll(slots: Iterable<number> | 'all' | undefined): void {
    if (slots === 'all') for (let slot = 0; slot < this.totals.length; slot++) this.touch(slot);
    else if (slots !== undefined) for (const slot of slots) this.touch(slot);
  }

  /** `fits`: whether pods may go to the node; its raw and fixed scores are made by then. */
  settle(fits: (slot: number) => boolean): void {
    if (this.#touched.length === 0) return;
    for (const slot of this.#touched) {
      this.#isTouched[slot] = 0;
      this.#set(slot, fits(slot));
    }
    this.#touched.length = 0;
    if (this.#isGreatestStale && this.#takeGreatest()) this.#sumAll();
    this.#isGreatestStale = false;
  }

  /** The feasible nodes in order; the same object as long as they are the same. */
  get feasible(): Feasible {
    if (this.#feasible === undefined) {
      const slots = new Int32Array(this.#count);
      let count = 0;
      for (let slot = 0; slot < this.totals.length; slot++) if (this.totals[slot] !== NOT_FEASIBLE) slots[count++] = slot;
      this.#feasible = { slots, count };
    }
    return this.#feasible;
  }

  /** The slot with the greatest total; `fraction` in [0, 1) chooses among equals. There must be a feasible node. */
  best(fraction: () => number): number {
    this.#lookThroughStale();
    let best = NOT_FEASIBLE;
    let equals = 0;
    for (let block = 0; block < this.#best.length; block++) {
      const total = this.#best[block] as number;
      if (total > best) {
        best = total;
        equals = this.#equals[block] as number;
      } else if (total === best) equals += this.#equals[block] as number;
    }
    let skip = equals === 1 ? 0 : Math.floor(fraction() * equals);
    for (let block = 0; block < this.#best.length; block++) {
      if (this.#best[block] !== best) continue;
      if (skip < (this.#equals[block] as number)) return this.#nth(block, skip);
      skip -= this.#equals[block] as number;
    }
    throw new Error('no node has the best score');
  }

  #nth(block: number, skip: number): number {
    const best = this.#best[block];
    let left = skip;
    for (let slot = block * BLOCK; ; slot++) if (this.totals[slot] === best && left-- === 0) return slot;
  }

  #set(slot: number, isFeasible: boolean): void {
    const { relative } = this.#scores;
    for (let i = 0; i < relative.length; i++) {
      // Without any score above 0 only a node with one makes a difference.
      if ((this.#greatest[i] as number) > 0 || (isFeasible && (relative[i]?.raw[slot] as number) > 0)) this.#isGreatestStale = true;
    }
    if (isFeasible !== (this.totals[slot] !== NOT_FEASIBLE)) {
      this.#count += isFeasible ? 1 : -1;
      this.#feasible = undefined;
    }
    this.#put(slot, isFeasible ? this.#sum(slot) : NOT_FEASIBLE);
  }

  #put(slot: number, total: number): void {
    if (this.totals[slot] === total) return;
    this.totals[slot] = total;
    this.#isStale[Math.floor(slot / BLOCK)] = 1;
  }

  #sum(slot: number): number {
    const { fixed, relative } = this.#scores;
    let total = fixed[slot] as number;
    for (let i = 0; i < relative.length; i++) {
      const {
        score: { normalize },
        weight,
        raw,
      } = relative[i] as (typeof relative)[number];
      if (typeof normalize === 'function') throw new Error('a score of one node is made relative by its greatest');
      total += weight * relativeScore(normalize, raw[slot] as number, this.#greatest[i] as number);
    }
    return total;
  }

  /** Whether one is another than before, so that all totals are. */
  #takeGreatest(): boolean {
    let isOther = false;
    this.#scores.relative.forEach(({ raw }, i) => {
      let greatest = 0;
      for (let slot = 0; slot < raw.length; slot++) {
        if ((raw[slot] as number) > greatest && this.totals[slot] !== NOT_FEASIBLE) greatest = raw[slot] as number;
      }
      if (greatest !== this.#greatest[i]) isOther = true;
      this.#greatest[i] = greatest;
    });
    return isOther;
  }

  #sumAll(): void {
    for (let slot = 0; slot < this.totals.length; slot++) if (this.totals[slot] !== NOT_FEASIBLE) this.#put(slot, this.#sum(slot));
  }

  #lookThroughStale(): void {
    for (let block = 0; block < this.#isStale.length; block++) {
      if (this.#isStale[block] === 0) continue;
      this.#isStale[block] = 0;
      let best = NOT_FEASIBLE;
      let equals = 0;
      const end = Math.min((block + 1) * BLOCK, this.totals.length);
      for (let slot = block * BLOCK; slot < end; slot++) {
        const total = this.totals[slot] as number;
        if (total > best) {
          best = total;
          equals = 1;
        } else if (total === best) equals++;
      }
      this.#best[block] = best;
      this.#equals[block] = best === NOT_FEASIBLE ? 0 : equals;
    }
  }
}
