// IP addresses and CIDRs, strictly written. Source: apiserver library/ip.go, cidr.go; Go's net/netip.
import { formatIp, parseCidr, parseIp, type Ip } from '../../ip.ts';
import { goQuote } from '../../go-format.ts';
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { member, overload, type Library } from '../functions.ts';
import { BOOL, INT, opaque, STRING } from '../types.ts';
import { OpaqueValue } from '../values/values.ts';

const IP = opaque('net.IP');
const CIDR = opaque('net.CIDR');

type Address = Pick<Ip, 'family' | 'bytes'>;

class IpValue extends OpaqueValue {
  readonly type = IP;
  readonly address: Address;

  constructor(address: Address) {
    super();
    this.address = address;
  }

  /** Bytes, for costs. */
  override get elements(): number {
    return this.address.bytes.length;
  }

  equals(other: Value): boolean {
    return other instanceof IpValue && other.toString() === this.toString();
  }

  override toString(): string {
    return formatIp(this.address);
  }
}

class CidrValue extends OpaqueValue {
  readonly type = CIDR;
  readonly address: Address;
  readonly prefix: number;

  constructor(address: Address, prefix: number) {
    super();
    this.address = address;
    this.prefix = prefix;
  }

  override get elements(): number {
    return Math.ceil(this.prefix / 8);
  }

  equals(other: Value): boolean {
    return other instanceof CidrValue && other.toString() === this.toString();
  }

  override toString(): string {
    return `${formatIp(this.address)}/${this.prefix}`;
  }

  /** Whether the first `prefix` bits of an address are this network's. */
  contains({ family, bytes }: Address): boolean {
    if (family !== this.address.family) return false;
    return bytes.every((byte, i) => {
      const bits = Math.min(8, Math.max(0, this.prefix - i * 8));
      return byte >> (8 - bits) === (this.address.bytes[i] ?? 0) >> (8 - bits);
    });
  }

  masked(): CidrValue {
    const bytes = this.address.bytes.map((byte, i) => byte & (0xff << (8 - Math.min(8, Math.max(0, this.prefix - i * 8)))) & 0xff);
    return new CidrValue({ family: this.address.family, bytes }, this.prefix);
  }
}

/** An address, or why the text is none. */
function readIp(text: string): Address | string {
  const ip = parseIp(text);
  if (text.includes('%') && parseIp(text.slice(0, text.indexOf('%')))?.family === 6)
    return `IP address ${goQuote(text)} with zone value is not allowed`;
  if (ip === undefined || ip.sloppy)
    return `IP Address ${goQuote(text)} parse error during conversion from string: ParseAddr(${goQuote(text)}): unable to parse IP`;
  return ip.mapped ? `IPv4-mapped IPv6 address ${goQuote(text)} is not allowed` : ip;
}

function toIp(text: string): IpValue {
  const read = readIp(text);
  return typeof read === 'string' ? fail(read) : new IpValue(read);
}

const CIDR_ERROR = 'network address parse error during conversion from string: ';

function readCidr(text: string): CidrValue | string {
  const cidr = parseCidr(text);
  if (cidr === undefined || cidr.sloppy) return `${CIDR_ERROR}${CIDR_ERROR}netip.ParsePrefix(${goQuote(text)}): unable to parse`;
  return cidr.ip.mapped ? `${CIDR_ERROR}IPv4-mapped IPv6 address ${goQuote(text)} is not allowed` : new CidrValue(cidr.ip, cidr.prefix);
}

function toCidr(text: string): CidrValue {
  const read = readCidr(text);
  return typeof read === 'string' ? fail(read) : read;
}

const containsCidr = (outer: CidrValue, inner: CidrValue): boolean => outer.prefix <= inner.prefix && outer.contains(inner.address);
const isOneOf =
  (v4: (bytes: readonly number[]) => boolean, v6: (bytes: readonly number[]) => boolean) =>
  ({ address: { family, bytes } }: IpValue): boolean =>
    family === 4 ? v4(bytes) : v6(bytes);

const isUnspecified = ({ address }: IpValue): boolean => address.bytes.every((byte) => byte === 0);
const isLoopback = isOneOf(
  ([first]) => first === 127,
  (bytes) => bytes.every((byte, i) => byte === (i === 15 ? 1 : 0)),
);
const isMulticast = isOneOf(
  ([first = 0]) => first >> 4 === 14,
  ([first]) => first === 0xff,
);
const isLinkLocalMulticast = isOneOf(
  ([a, b, c]) => a === 224 && b === 0 && c === 0,
  ([a, b = 0]) => a === 0xff && (b & 0xf) === 2,
);
const isLinkLocalUnicast = isOneOf(
  ([a, b]) => a === 169 && b === 254,
  ([a, b = 0]) => a === 0xfe && b >> 6 === 2,
);
const isBroadcast = ({ address: { family, bytes } }: IpValue): boolean => family === 4 && bytes.every((byte) => byte === 255);
/** Source: netip.Addr IsGlobalUnicast. */
const isGlobalUnicast = (ip: IpValue): boolean =>
  !isUnspecified(ip) && !isBroadcast(ip) && !isLoopback(ip) && !isMulticast(ip) && !isLinkLocalUnicast(ip);

export const NETWORK: Library = {
  types: { 'net.IP': IP, 'net.CIDR': CIDR },
  functions: {
    ip: [overload('string_to_ip', [STRING], IP, toIp), member('cidr_ip', [CIDR], IP, ({ address }: CidrValue) => new IpValue(address))],
    'ip.isCanonical': [overload('ip_is_canonical', [STRING], BOOL, (text: string) => toIp(text).toString() === text)],
    isIP: [overload('is_ip', [STRING], BOOL, (text: string) => typeof readIp(text) !== 'string')],
    family: [member('ip_family', [IP], INT, ({ address }: IpValue) => address.family)],
    isUnspecified: [member('ip_is_unspecified', [IP], BOOL, isUnspecified)],
    isLoopback: [member('ip_is_loopback', [IP], BOOL, isLoopback)],
    isLinkLocalMulticast: [member('ip_is_link_local_multicast', [IP], BOOL, isLinkLocalMulticast)],
    isLinkLocalUnicast: [member('ip_is_link_local_unicast', [IP], BOOL, isLinkLocalUnicast)],
    isGlobalUnicast: [member('ip_is_global_unicast', [IP], BOOL, isGlobalUnicast)],
    cidr: [overload('string_to_cidr', [STRING], CIDR, toCidr)],
    isCIDR: [overload('is_cidr', [STRING], BOOL, (text: string) => typeof readCidr(text) !== 'string')],
    containsIP: [
      member('cidr_contains_ip_string', [CIDR, STRING], BOOL, (cidr: CidrValue, text: string) => cidr.contains(toIp(text).address)),
      member('cidr_contains_ip_ip', [CIDR, IP], BOOL, (cidr: CidrValue, ip: IpValue) => cidr.contains(ip.address)),
    ],
    containsCIDR: [
      member('cidr_contains_cidr_string', [CIDR, STRING], BOOL, (cidr: CidrValue, text: string) => containsCidr(cidr, toCidr(text))),
      member('cidr_contains_cidr', [CIDR, CIDR], BOOL, containsCidr),
    ],
    prefixLength: [member('cidr_prefix_length', [CIDR], INT, ({ prefix }: CidrValue) => prefix)],
    masked: [member('cidr_masked', [CIDR], CIDR, (cidr: CidrValue) => cidr.masked())],
    string: [
      overload('ip_to_string', [IP], STRING, (ip: IpValue) => ip.toString()),
      overload('cidr_to_string', [CIDR], STRING, (cidr: CidrValue) => cidr.toString()),
    ],
  },
};
