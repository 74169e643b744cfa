// pure
// Which network a node's pods get: the lowest that no other node has. Source: nodeipam range allocator, cidrset.
import { formatIp, parseCidr } from '#apimachinery/ip.ts';

/** A node takes at most this many bits from an IPv6 network; more networks than that nobody needs. Source: clusterSubnetMaxDiff. */
const MOST_NODE_BITS = 16;
/** Longest prefix that leaves pods an address beside the network's, the bridge's and IPv4's broadcast. */
const LONGEST_PREFIX = { 4: 30, 6: 126 } as const;

/** Networks of `maskSize` below a cluster CIDR, in use and free. Each is known by its number from the first. */
export class PodNetworks {
  readonly #family: 4 | 6;
  readonly #base: bigint;
  readonly #bits: number;
  readonly #maskSize: number;
  /** Bits of an address that stay to a node's pods. */
  readonly #hostBits: bigint;
  readonly #owner = new Map<number, string>();
  #tries = 0;
  /** No number below this is free. */
  #lowest = 0;

  /** @throws RangeError when the mask is not longer than the network's own, or much longer */
  constructor(clusterCIDR: string, maskSize: number) {
    const cidr = parseCidr(clusterCIDR);
    if (cidr === undefined) throw new RangeError(`not a CIDR: ${clusterCIDR}`);
    this.#family = cidr.network.family;
    this.#base = valueOf(cidr.network.bytes);
    this.#bits = cidr.prefix;
    this.#maskSize = maskSize;
    this.#hostBits = BigInt(cidr.network.bytes.length * 8 - maskSize);
    const tooMany = this.#family === 6 && maskSize - this.#bits > MOST_NODE_BITS;
    if (maskSize < this.#bits || maskSize > LONGEST_PREFIX[this.#family] || tooMany)
      throw new RangeError(`nodes of ${clusterCIDR} cannot have networks of /${maskSize}`);
  }

  get capacity(): number {
    return 2 ** (this.#maskSize - this.#bits);
  }

  /** Notes that `node` has `podCIDR`. @returns false when another node has some of it, or it is none of ours */
  occupy(podCIDR: string, node: string): boolean {
    const numbers = this.#numbersOf(podCIDR);
    for (const number of numbers) if (!this.#owner.has(number)) this.#owner.set(number, node);
    return numbers.length > 0 && numbers.every((number) => this.#owner.get(number) === node);
  }

  /** @returns false when none of it is the node's */
  release(podCIDR: string, node: string): boolean {
    const own = this.#numbersOf(podCIDR).filter((number) => this.#owner.get(number) === node);
    for (const number of own) this.#owner.delete(number);
    this.#lowest = Math.min(this.#lowest, own[0] ?? Infinity);
    return own.length > 0;
  }

  /** How many are in use. */
  get taken(): number {
    return this.#owner.size;
  }

  /** How many the last allocation looked at. */
  get tries(): number {
    return this.#tries;
  }

  /** A free network, now the node's; undefined when all are taken. */
  allocate(node: string): string | undefined {
    this.#tries = 0;
    for (let number = this.#lowest; number < this.capacity; number++) {
      this.#tries++;
      if (this.#owner.has(number)) continue;
      this.#lowest = number + 1;
      this.#owner.set(number, node);
      return this.#cidrOf(number);
    }
    return undefined;
  }

  #cidrOf(number: number): string {
    const value = this.#base + (BigInt(number) << this.#hostBits);
    const length = this.#family === 4 ? 4 : 16;
    const bytes = Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 255n));
    return `${formatIp({ family: this.#family, bytes })}/${this.#maskSize}`;
  }

  /** Of the networks it is in, or that are in it; none where it is outside the cluster's. Source: getBeginningAndEndIndices. */
  #numbersOf(podCIDR: string): readonly number[] {
    const cidr = parseCidr(podCIDR);
    if (cidr?.network.family !== this.#family) return [];
    const numberAt = (address: bigint): number => Number((address - this.#base) >> this.#hostBits);
    const start = valueOf(cidr.network.bytes);
    const end = start + (1n << BigInt(cidr.network.bytes.length * 8 - cidr.prefix)) - 1n;
    const first = Math.max(0, numberAt(start));
    const last = Math.min(this.capacity - 1, numberAt(end));
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  }
}

const valueOf = (bytes: readonly number[]): bigint => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
