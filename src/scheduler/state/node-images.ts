// Which images are on which nodes, and on how many.

const NONE: ReadonlyMap<string, number> = new Map();

/** Invariant: `spread` is the number of slots that have the image. */
export class NodeImages {
  /** By slot, bytes of each image by its name. */
  readonly #bySlot: ReadonlyMap<string, number>[] = [];
  readonly #spread = new Map<string, number>();

  set(slot: number, images: ReadonlyMap<string, number> = NONE): void {
    for (const image of (this.#bySlot[slot] ?? NONE).keys()) {
      const left = this.spread(image) - 1;
      if (left === 0) this.#spread.delete(image);
      else this.#spread.set(image, left);
    }
    for (const image of images.keys()) this.#spread.set(image, this.spread(image) + 1);
    this.#bySlot[slot] = images;
  }

  /** Bytes, or `undefined` when the node does not have it. */
  size(slot: number, image: string): number | undefined {
    return this.#bySlot[slot]?.get(image);
  }

  /** On how many nodes the image is. */
  spread(image: string): number {
    return this.#spread.get(image) ?? 0;
  }
}
