// pure
// Addresses and networks of settings: one, or one of each family by comma.
import { formatIp, parseCidr, parseIp, type Ip, type IpFamily as Family, ipFamilyOf as familyOf, joinHostPort } from '#apimachinery/ip.ts';
import { bad, ok, type Parsed, port } from './value.ts';

export { type IpFamily as Family, ipFamilyOf as familyOf } from '#apimachinery/ip.ts';

export interface Network {
  readonly family: Family;
  /** First address. */
  readonly base: bigint;
  /** Bits of the prefix. */
  readonly bits: number;
}

const WIDTH = { IPv4: 32, IPv6: 128 } as const;

/** Values of a setting that has one or two. */
export const listOf = (text: string): readonly string[] => text.split(',').filter((one) => one !== '');

/** The one that counts where there can be only one. */
export const firstOf = (text: string): string => listOf(text)[0] ?? '';

export const familiesOf = (text: string): readonly Family[] => listOf(text).map(familyOf);

/** The one of `list` that has this family. */
export const ofFamily = (list: string, family: Family): string | undefined => listOf(list).find((one) => familyOf(one) === family);

/** As in a URL: IPv6 in brackets. */
export const urlHost = (address: string): string => (address.includes(':') ? `[${address}]` : address);

const valueOf = (bytes: readonly number[]): bigint => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);

/** Undefined for text that is no address, or not in the form that everybody reads the same. */
function strictIp(text: string): Ip | undefined {
  const ip = parseIp(text);
  return ip === undefined || ip.sloppy || ip.mapped ? undefined : ip;
}

/** Undefined for text that is no network, or has address bits after its prefix. */
export function parseNetwork(text: string): Network | undefined {
  const cidr = parseCidr(text);
  if (cidr === undefined || cidr.sloppy || cidr.ip.mapped) return undefined;
  const base = valueOf(cidr.network.bytes);
  if (base !== valueOf(cidr.ip.bytes)) return undefined;
  return { family: cidr.network.family === 4 ? 'IPv4' : 'IPv6', base, bits: cidr.prefix };
}

function format(family: Family, value: bigint): string {
  const length = WIDTH[family] / 8;
  const bytes = Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 255n));
  return formatIp({ family: family === 'IPv4' ? 4 : 6, bytes });
}

/** The address this far from the network's own, which is number 0. */
export function addressAt(cidr: string, number: number): string {
  const network = parseNetwork(cidr);
  return network === undefined ? '' : format(network.family, network.base + BigInt(number));
}

/** The first address after the network's own: the gateway of a pod network, `kubernetes` of a Service network. */
export const firstAddress = (cidr: string): string => addressAt(cidr, 1);

/** Of two families, neither contains the other. */
export function contains({ family, base, bits }: Network, address: string): boolean {
  const ip = strictIp(address);
  if (ip === undefined || familyOf(address) !== family) return false;
  const host = BigInt(WIDTH[family] - bits);
  return valueOf(ip.bytes) >> host === base >> host;
}

export function overlap(a: Network, b: Network): boolean {
  if (a.family !== b.family) return false;
  const host = BigInt(WIDTH[a.family] - Math.min(a.bits, b.bits));
  return a.base >> host === b.base >> host;
}

/** One IPv4 or IPv6 address. */
export const address = (text: string): Parsed<string> => {
  const ip = strictIp(text);
  return ip === undefined ? bad('is not an IP address') : ok(formatIp(ip));
};

const network = (text: string): Parsed<string> => {
  const read = parseNetwork(text);
  return read === undefined
    ? bad('is not an IP network such as 10.244.0.0/16 (address bits after the prefix must be 0)')
    : ok(`${format(read.family, read.base)}/${read.bits}`);
};

/** One, or one of each family; the first is the one that counts where there can be only one. */
const oneOrTwo =
  (one: (text: string) => Parsed<string>, what: string) =>
  (text: string): Parsed<string> => {
    const read = text.split(',').map((each) => one(each.trim()));
    const wrong = read.find((each) => !each.ok);
    if (wrong !== undefined) return wrong;
    const values = read.flatMap((each) => (each.ok ? [each.value] : []));
    if (new Set(values.map(familyOf)).size !== values.length)
      return bad(`has two ${what} of one family: give one, or one of IPv4 and one of IPv6`);
    return ok(values.join(','));
  };

export const addresses = oneOrTwo(address, 'addresses');
export const networks = oneOrTwo(network, 'networks');

/** `primary`, or networks by comma; none for every address. Source: validateKubeProxyNodePortAddress. */
export function nodePortAddresses(text: string): Parsed<readonly string[]> {
  const asked = listOf(text);
  const wrong = text === 'primary' ? undefined : asked.find((one) => parseCidr(one) === undefined);
  return wrong === undefined ? ok(asked) : bad(`has ${JSON.stringify(wrong)}, which must be a valid CIDR; or it is \`primary\` alone`);
}

interface IpPort {
  readonly host: string;
  readonly port: number;
}

/** `IP:PORT`, `[IP]:PORT`, or an IP alone with the usual port; `usual` for empty text. Source: IPPortVar, AppendPortIfNeeded. */
export const ipPort =
  (usual: IpPort) =>
  (text: string): Parsed<IpPort> => {
    if (text === '') return ok(usual);
    const alone = strictIp(text);
    if (alone !== undefined) return ok({ host: formatIp(alone), port: usual.port });
    const [, v6, v4, last = ''] = /^(?:\[(.*)\]|([^:]*)):(.*)$/.exec(text) ?? [];
    const [ip, read] = [strictIp(v6 ?? v4 ?? ''), port(last)];
    return ip !== undefined && (ip.family === 6) === (v6 !== undefined) && read.ok
      ? ok({ host: formatIp(ip), port: read.value })
      : bad(`${text} is no address and port such as ${joinHostPort(usual.host, usual.port)}`);
  };
