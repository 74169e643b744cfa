// pure
// Which network a node's pods get: the lowest that no other node has. Source: nodeipam range allocator.

/** Networks of `maskSize` below a cluster CIDR, in use and free. Each is known by its number from the first. */
export class PodNetworks {
  readonly #base: number;
  readonly #bits: number;
  readonly #maskSize: number;
  readonly #owner = new Map<number, string>();
  /** No number below this is free. */
  #lowest = 0;

  /** @throws RangeError when the mask is not longer than the network's own */
  constructor(clusterCIDR: string, maskSize: number) {
    const [address = '', bits = ''] = clusterCIDR.split('/');
    this.#base = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
    this.#bits = Number(bits);
    this.#maskSize = maskSize;
    if (maskSize < this.#bits || maskSize > 30) throw new RangeError(`nodes of ${clusterCIDR} cannot have networks of /${maskSize}`);
  }

  get capacity(): number {
    return 2 ** (this.#maskSize - this.#bits);
  }

  /** Notes that `node` has `podCIDR`. @returns false when another node has it, or it is none of ours */
  occupy(podCIDR: string, node: string): boolean {
    const number = this.#numberOf(podCIDR);
    if (number === undefined) return false;
    const owner = this.#owner.get(number);
    if (owner !== undefined) return owner === node;
    this.#owner.set(number, node);
    return true;
  }

  release(podCIDR: string, node: string): void {
    const number = this.#numberOf(podCIDR);
    if (number === undefined || this.#owner.get(number) !== node) return;
    this.#owner.delete(number);
    this.#lowest = Math.min(this.#lowest, number);
  }

  /** A free network, now the node's; undefined when all are taken. */
  allocate(node: string): string | undefined {
    for (let number = this.#lowest; number < this.capacity; number++) {
      if (this.#owner.has(number)) continue;
      this.#lowest = number + 1;
      this.#owner.set(number, node);
      return this.#cidrOf(number);
    }
    return undefined;
  }

  #cidrOf(number: number): string {
    const address = this.#base + number * 2 ** (32 - this.#maskSize);
    return `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')}/${this.#maskSize}`;
  }

  #numberOf(podCIDR: string): number | undefined {
    const [address = '', bits] = podCIDR.split('/');
    if (Number(bits) !== this.#maskSize) return undefined;
    const offset = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0) - this.#base;
    const number = offset / 2 ** (32 - this.#maskSize);
    return Number.isInteger(number) && number >= 0 && number < this.capacity ? number : undefined;
  }
}
