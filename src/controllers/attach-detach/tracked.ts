// pure
// Where volumes are, or were not long ago: what is remembered of each between passes.
import type { Progress } from './plan.ts';

interface Kept extends Progress {
  /** Of the VolumeAttachment that was deleted here: it may still look alive to an informer. */
  deletedUid?: string;
  /** What the server said of a VolumeAttachment that the informer has not shown since, and when. */
  unseen?: { readonly kind: 'pending' | 'going'; readonly since: number };
  /** Since when it goes. */
  detachingSince?: number;
}

export class Tracked {
  readonly #volumes = new Map<string, Map<string, Kept>>();
  readonly #nodes = new Map<string, Set<string>>();

  /** What is kept of the volume on the node, from now on. */
  of(volume: string, node: string): Kept {
    const nodes = this.#volumes.get(volume) ?? new Map<string, Kept>();
    this.#volumes.set(volume, nodes);
    const kept = nodes.get(node) ?? { failures: 0, multiAttachTold: false };
    nodes.set(node, kept);
    const volumes = this.#nodes.get(node) ?? new Set();
    this.#nodes.set(node, volumes);
    volumes.add(volume);
    return kept;
  }

  forget(volume: string, node: string): void {
    const [nodes, volumes] = [this.#volumes.get(volume), this.#nodes.get(node)];
    nodes?.delete(node);
    volumes?.delete(volume);
    if (nodes?.size === 0) this.#volumes.delete(volume);
    if (volumes?.size === 0) this.#nodes.delete(node);
  }

  has(volume: string, node: string): boolean {
    return this.#volumes.get(volume)?.has(node) === true;
  }

  nodesOf(volume: string): readonly string[] {
    return [...(this.#volumes.get(volume)?.keys() ?? [])];
  }

  volumesOn(node: string): readonly string[] {
    return [...(this.#nodes.get(node) ?? [])];
  }

  volumes(): readonly string[] {
    return [...this.#volumes.keys()];
  }
}
