// The usable addresses of one Service CIDR, by offset. Pure. Source: pkg/registry/core/service/ipallocator.
import { formatCidr, formatIp, parseCidr, parseIp, type Cidr } from '#apimachinery/ip.ts';

export type Family = 'IPv4' | 'IPv6';

/** Shortest prefix of an IPv6 range. Source: NewIPAllocator. */
const SHORTEST_IPV6 = 64;
/** Of a larger range, so many addresses from the start are given to those who name none: more than anybody counts exactly. */
const MAX_SIZE = 2 ** 52;

/** Addresses at the start are kept for those who name theirs; others are given from there only when the rest is full. */
const MIN_STATIC = 16;
const MAX_STATIC = 256;
const STATIC_STEP = 16;

export class IpRange {
  readonly family: Family;
  readonly text: string;
  /** How many addresses are given to those who name none. */
  readonly size: number;
  /** How many of them, from the start, are given last. Source: calculateRangeOffset. */
  readonly staticSize: number;
  readonly #base: bigint;
  readonly #bytes: number;
  /** How many can be given to those who name theirs. */
  readonly #all: bigint;

  /** @throws RangeError for text that is no CIDR, or one too small to give anything, or too large */
  constructor(text: string) {
    const cidr = parseCidr(text);
    if (cidr === undefined) throw new RangeError(`not a CIDR: ${text}`);
    this.text = formatCidr(cidr);
    this.family = cidr.network.family === 4 ? 'IPv4' : 'IPv6';
    this.#bytes = cidr.network.bytes.length;
    this.#base = toNumber(cidr.network.bytes);
    if (this.family === 'IPv6' && cidr.prefix < SHORTEST_IPV6)
      throw new RangeError(`shortest allowed prefix length for service CIDR is ${SHORTEST_IPV6}, got ${cidr.prefix}`);
    // The first address names the network; the last one of IPv4 is its broadcast address.
    this.#all = 2n ** BigInt(this.#bytes * 8 - cidr.prefix) - (this.family === 'IPv4' ? 2n : 1n);
    this.size = Math.min(Number(this.#all), MAX_SIZE);
    if (this.size < 1) throw new RangeError(`${text} has no address to give`);
    const tooSmall = this.size < MIN_STATIC;
    this.staticSize = tooSmall ? 0 : Math.min(MAX_STATIC, Math.max(MIN_STATIC, Math.floor(this.size / STATIC_STEP)));
  }

  /** @param offset from 0 to size - 1 */
  at(offset: number): string {
    return formatIp({ family: this.family === 'IPv4' ? 4 : 6, bytes: toBytes(this.#base + 1n + BigInt(offset), this.#bytes) });
  }

  /** Canonical text of an address of this range that can be given; undefined for any other. */
  canonical(text: string): string | undefined {
    const ip = parseIp(text);
    if (ip === undefined || ip.bytes.length !== this.#bytes) return undefined;
    const offset = toNumber(ip.bytes) - this.#base - 1n;
    return offset >= 0n && offset < this.#all ? formatIp(ip) : undefined;
  }
}

const toNumber = (bytes: Cidr['network']['bytes']): bigint => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);

function toBytes(value: bigint, length: number): readonly number[] {
  return Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 255n));
}
