// pure
// The pod addresses of one node.
import { formatIp, parseCidr } from '#apimachinery/ip.ts';

/** Hands out each address of the node's network once; its own, the gateway's and the broadcast address are kept back. */
export class AddressPool {
  readonly #first: readonly number[];
  /** Of the last address that is handed out, counted from the network's own. */
  readonly #last: number;
  readonly #taken = new Set<string>();
  #next = 2;

  /** @throws TypeError for text that is no IPv4 CIDR */
  constructor(podCIDR: string) {
    const cidr = parseCidr(podCIDR);
    if (cidr?.network.family !== 4) throw new TypeError(`${podCIDR} is no IPv4 network`);
    this.#first = cidr.network.bytes;
    this.#last = 2 ** (32 - cidr.prefix) - 2;
  }

  /** One that is free, those used the longest ago first; undefined when all are taken. */
  take(): string | undefined {
    for (let tried = 2; tried <= this.#last; tried++) {
      const address = this.#at(this.#next);
      this.#next = this.#next >= this.#last ? 2 : this.#next + 1;
      if (this.reserve(address)) return address;
    }
    return undefined;
  }

  /** False when it is taken. */
  reserve(address: string): boolean {
    if (this.#taken.has(address)) return false;
    this.#taken.add(address);
    return true;
  }

  release(address: string): void {
    this.#taken.delete(address);
  }

  #at(offset: number): string {
    const value = this.#first.reduce((sum, byte) => sum * 256 + byte, 0) + offset;
    return formatIp({ family: 4, bytes: [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256) });
  }
}
