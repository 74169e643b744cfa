// IP addresses and CIDRs as text: what upstream takes, what it recommends, and their canonical forms.
// Source: k8s.io/utils/net ParseIPSloppy, ParseCIDRSloppy; apimachinery pkg/util/validation ip.go.
import { invalid, type FieldError } from './field-errors.ts';
import type { Path } from './field-path.ts';
import { goQuote } from './go-format.ts';

export interface Ip {
  /** 4, also for IPv4-mapped IPv6 text. */
  readonly family: 4 | 6;
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
  /** The text had leading zeros, which strict readers refuse. */
  readonly sloppy: boolean;
  /** The text was an IPv4-mapped IPv6 address, `::ffff:1.2.3.4`. */
  readonly mapped: boolean;
}

const DOT = 0x2e;
const ZERO = 0x30;
const MAX_DIGITS = 16;

function parseV4(text: string): { readonly bytes: readonly number[]; readonly sloppy: boolean } | undefined {
  const bytes: number[] = [];
  let [value, digits, sloppy] = [0, 0, false];
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0) return undefined;
      bytes.push(value);
      [value, digits] = [0, 0];
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    sloppy ||= digits === 1 && value === 0;
    value = value * 10 + digit;
    if (++digits > MAX_DIGITS || value > 255) return undefined;
  }
  return bytes.length === 4 ? { bytes, sloppy } : undefined;
}

/** Zeros before four digits are read over, as with decimal parts. */
function groups(text: string): readonly number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  return parts.every((part) => /^0*[0-9a-fA-F]{1,4}$/.test(part)) ? parts.map((part) => Number.parseInt(part, 16)) : undefined;
}

function parseV6(text: string): Ip | undefined {
  let head = text;
  let tail: readonly number[] = [];
  let sloppy = /[0-9a-fA-F]{5}/.test(text);
  const dotted = /^(.*:)([0-9.]+)$/.exec(text);
  if (dotted !== null && dotted[2]?.includes('.') === true) {
    const v4 = parseV4(dotted[2]);
    if (v4 === undefined) return undefined;
    const [a, b, c, d] = v4.bytes as [number, number, number, number];
    tail = [a * 256 + b, c * 256 + d];
    sloppy ||= v4.sloppy;
    head = (dotted[1] as string).endsWith('::') ? (dotted[1] as string) : (dotted[1] as string).slice(0, -1);
  }
  const halves = head.split('::');
  if (halves.length > 2) return undefined;
  const left = groups(halves[0] as string);
  const right = halves.length === 2 ? groups(halves[1] as string) : [];
  if (left === undefined || right === undefined) return undefined;
  const known = left.length + right.length + tail.length;
  if (halves.length === 2 ? known > 7 : known !== 8) return undefined;
  const words = [...left, ...new Array<number>(8 - known).fill(0), ...right, ...tail];
  const bytes = words.flatMap((word) => [word >> 8, word & 255]);
  const mapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  return mapped ? { family: 4, bytes: bytes.slice(12), sloppy, mapped } : { family: 6, bytes, sloppy, mapped };
}

/** Undefined for text that is no address. Source: ParseIPSloppy. */
export function parseIp(text: string): Ip | undefined {
  if (text.includes(':')) return parseV6(text);
  const v4 = parseV4(text);
  return v4 === undefined ? undefined : { family: 4, bytes: v4.bytes, sloppy: v4.sloppy, mapped: false };
}

/** Canonical text: dotted, or RFC 5952. Source: net.IP String. */
export function formatIp({ family, bytes }: Pick<Ip, 'family' | 'bytes'>): string {
  if (family === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, i) => (bytes[i * 2] as number) * 256 + (bytes[i * 2 + 1] as number));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && words[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  const hex = words.map((word) => word.toString(16));
  return start === -1 ? hex.join(':') : `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

export interface Cidr {
  /** As written, host bits included. */
  readonly ip: Ip;
  /** Address of the network. */
  readonly network: Pick<Ip, 'family' | 'bytes'>;
  readonly prefix: number;
  readonly sloppy: boolean;
}

/** Undefined for text that is no CIDR. Source: ParseCIDRSloppy. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash === -1) return undefined;
  const ip = parseIp(text.slice(0, slash));
  const mask = text.slice(slash + 1);
  if (ip === undefined || !/^[0-9]{1,8}$/.test(mask)) return undefined;
  const written = Number(mask);
  if (written > (ip.family === 4 && !ip.mapped ? 32 : 128) || (ip.mapped && written < 96)) return undefined;
  const prefix = ip.mapped ? written - 96 : written;
  const bytes = ip.bytes.map((byte, i) => byte & (0xff << Math.max(0, 8 - Math.max(0, prefix - i * 8))) & 0xff);
  return { ip, network: { family: ip.family, bytes }, prefix, sloppy: ip.sloppy || (mask.length > 1 && mask.startsWith('0')) };
}

export const formatCidr = ({ network, prefix }: Pick<Cidr, 'network' | 'prefix'>): string => `${formatIp(network)}/${prefix}`;

export type IpFamily = 'IPv4' | 'IPv6';

/** Of text that is known to be an address or a CIDR. */
export const ipFamilyOf = (text: string): IpFamily => (text.includes(':') ? 'IPv6' : 'IPv4');

/** The one text of an address that many texts may mean; text that is no address stays. IPv4 has but one. */
export function canonicalIp(text: string): string {
  const ip = text.includes(':') ? parseIp(text) : undefined;
  return ip === undefined ? text : formatIp(ip);
}

/** Whether `text` is an IPv6 address or CIDR; false for everything else. */
export const isIpv6 = (text: string): boolean => (text.includes('/') ? parseCidr(text)?.network.family : parseIp(text)?.family) === 6;

/** At least one address of each family. Undefined when one is no address. Source: IsDualStackIPStrings. */
export function isDualStack(texts: readonly string[]): boolean | undefined {
  const families = new Set<number>();
  for (const text of texts) {
    const family = text.includes('/') ? parseCidr(text)?.network.family : parseIp(text)?.family;
    if (family === undefined) return undefined;
    families.add(family);
  }
  return families.size === 2;
}

const BAD_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const BAD_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** Values in `before` were accepted once and stay so. Source: IsValidIPForLegacyField, strict. */
export function ipErrors(at: Path, text: string, before: readonly string[] = []): readonly FieldError[] {
  if (before.includes(text)) return [];
  const ip = parseIp(text);
  if (ip === undefined) return [invalid(at, text, BAD_IP)];
  if (ip.sloppy) return [invalid(at, text, 'must not have leading 0s')];
  return ip.mapped ? [invalid(at, text, 'must not be an IPv4-mapped IPv6 address')] : [];
}

/** As ipErrors, and the text must be canonical. Source: IsValidIP. */
export function canonicalIpErrors(at: Path, text: string): readonly FieldError[] {
  const errors = ipErrors(at, text);
  if (errors.length > 0) return errors;
  const canonical = formatIp(parseIp(text) as Ip);
  return text === canonical ? [] : [invalid(at, text, `must be in canonical form (${goQuote(canonical)})`)];
}

/** Source: IsValidCIDRForLegacyField, strict. */
export function cidrErrors(at: Path, text: string, before: readonly string[] = []): readonly FieldError[] {
  if (before.includes(text)) return [];
  const cidr = parseCidr(text);
  if (cidr === undefined) return [invalid(at, text, BAD_CIDR)];
  if (cidr.sloppy) return [invalid(at, text, 'must not have leading 0s in IP or prefix length')];
  if (cidr.ip.mapped) return [invalid(at, text, 'must not have an IPv4-mapped IPv6 address')];
  return formatIp(cidr.ip) === formatIp(cidr.network) ? [] : [invalid(at, text, 'must not have bits set beyond the prefix length')];
}

/** Source: IsValidCIDR. */
export function canonicalCidrErrors(at: Path, text: string): readonly FieldError[] {
  const errors = cidrErrors(at, text);
  if (errors.length > 0) return errors;
  const canonical = formatCidr(parseCidr(text) as Cidr);
  return text === canonical ? [] : [invalid(at, text, `must be in canonical form (${goQuote(canonical)})`)];
}

/** `192.168.1.5/24`, host bits kept. Source: IsValidInterfaceAddress. */
export function interfaceAddressErrors(at: Path, text: string): readonly FieldError[] {
  const cidr = parseCidr(text);
  if (cidr === undefined) return [invalid(at, text, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')];
  const canonical = `${formatIp(cidr.ip)}/${cidr.prefix}`;
  return text === canonical ? [] : [invalid(at, text, `must be in canonical form (${goQuote(canonical)})`)];
}

/** What a client is told of an address that was accepted. Source: GetWarningsForIP. */
export function ipWarnings(at: Path, text: string): readonly string[] {
  const ip = parseIp(text);
  if (ip === undefined) return [];
  const canonical = formatIp(ip);
  if (ip.sloppy || ip.mapped) return [`${at}: non-standard IP address ${goQuote(text)} is invalid: use ${goQuote(canonical)}`];
  if (ip.family === 6 && canonical !== text)
    return [`${at}: IPv6 address ${goQuote(text)} should be in RFC 5952 canonical format (${goQuote(canonical)})`];
  return [];
}

/** Source: GetWarningsForCIDR. */
export function cidrWarnings(at: Path, text: string): readonly string[] {
  const cidr = parseCidr(text);
  if (cidr === undefined) return [];
  const warnings: string[] = [];
  const canonical = formatCidr(cidr);
  if (formatIp(cidr.ip) !== formatIp(cidr.network)) {
    const single = `${formatIp(cidr.ip)}/${cidr.ip.family === 4 ? 32 : 128}`;
    warnings.push(
      `${at}: CIDR value ${goQuote(text)} is ambiguous in this context (should be ${goQuote(canonical)} or ${goQuote(single)}?)`,
    );
  }
  if (cidr.sloppy || cidr.ip.mapped) warnings.push(`${at}: non-standard CIDR value ${goQuote(text)} is invalid: use ${goQuote(canonical)}`);
  if (warnings.length === 0 && cidr.ip.family === 6 && canonical !== text) {
    warnings.push(`${at}: IPv6 CIDR value ${goQuote(text)} should be in RFC 5952 canonical format (${goQuote(canonical)})`);
  }
  return warnings;
}

/** `10.0.0.1:80`, `[fd00::1]:80`. Source: net.JoinHostPort */
export const joinHostPort = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
