// The value of one node label on every node, as numbers: what "the same zone" is counted by.
import { ownValue } from '#api/json-object.ts';
import type { Node } from '#api/types.ts';

const NONE = -1;
const NO_SLOTS: readonly number[] = [];

export class Topology {
  readonly key: string;
  readonly #ids = new Map<string, number>();
  #bySlot = new Int32Array(0);
  /** By place; made anew when it is asked for after a node changed. */
  #slotsIn: number[][] | undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** Values seen so far; their numbers are below. */
  get size(): number {
    return this.#ids.size;
  }

  /** The number of the value of the node in `slot`; negative when it has none. */
  of(slot: number): number {
    return slot < this.#bySlot.length ? (this.#bySlot[slot] as number) : NONE;
  }

  /** By slot, negative for nodes without the label. Held until a node changes. */
  get bySlot(): Int32Array {
    return this.#bySlot;
  }

  /** The slots of the nodes in a place. Held until a node changes. */
  slotsIn(place: number): readonly number[] {
    if (this.#slotsIn === undefined) {
      const slotsIn: number[][] = Array.from({ length: this.#ids.size }, () => []);
      this.#bySlot.forEach((of, slot) => slotsIn[of]?.push(slot));
      this.#slotsIn = slotsIn;
    }
    return this.#slotsIn[place] ?? NO_SLOTS;
  }

  set(slot: number, node: Node | undefined): void {
    if (slot >= this.#bySlot.length) {
      const wider = new Int32Array(Math.max(64, slot * 2)).fill(NONE);
      wider.set(this.#bySlot);
      this.#bySlot = wider;
    }
    this.#slotsIn = undefined;
    const value = ownValue(node?.metadata.labels, this.key);
    this.#bySlot[slot] = value === undefined ? NONE : this.#idOf(value);
  }

  #idOf(value: string): number {
    let id = this.#ids.get(value);
    if (id === undefined) {
      id = this.#ids.size;
      this.#ids.set(value, id);
    }
    return id;
  }
}
