// pure
// Addresses of one family, in the one form that equal ones share. Objects may hold them as they were written: with leading zeros,
// or IPv4 in the clothes of IPv6; a kernel that is told them so refuses the rules of all Services.
import type { Service } from '#api/types.ts';
import { type Cidr, formatCidr, formatIp, type IpFamily, parseCidr, parseIp } from '#apimachinery/ip.ts';

const NUMBER = { IPv4: 4, IPv6: 6 } as const;

/** Those of the family; what is no address, such as `None`, is of none. */
export const addressesOf = (texts: Iterable<string | undefined>, family: IpFamily): readonly string[] =>
  [...texts].flatMap((text) => {
    const ip = parseIp(text ?? '');
    return ip?.family === NUMBER[family] ? [formatIp(ip)] : [];
  });

/** As `addressesOf`, of networks. Source: GetLoadBalancerSourceRanges, which takes blanks around them. */
export const networksOf = (texts: Iterable<string>, family: IpFamily): readonly string[] =>
  [...texts].flatMap((text) => {
    const cidr = parseCidr(text.trim());
    return cidr?.network.family === NUMBER[family] ? [formatCidr(cidr)] : [];
  });

/** None for a Service without any, such as a headless one. */
export const clusterIPsOf = ({ spec }: Service, family: IpFamily): readonly string[] =>
  addressesOf(spec.clusterIPs ?? [spec.clusterIP], family);

/** Those that lie in no other one, each once: a set of networks takes no two that overlap. All of one family. */
export function outermost(networks: readonly string[]): readonly string[] {
  const distinct = [...new Set(networks)].map((text) => ({ text, ...(parseCidr(text) as Cidr) }));
  return distinct.filter((inner) => !distinct.some((outer) => outer.prefix < inner.prefix && covers(outer, inner))).map(({ text }) => text);
}

/** Whether some of `networks` has the address. */
export const inAny = (networks: readonly string[], address: string): boolean =>
  networksOf([`${address}/${address.includes(':') ? 128 : 32}`], address.includes(':') ? 'IPv6' : 'IPv4').some((own) =>
    networks.some((network) => covers(parseCidr(network) as Cidr, parseCidr(own) as Cidr)),
  );

const covers = (outer: Cidr, inner: Cidr): boolean =>
  outer.network.family === inner.network.family &&
  outer.prefix <= inner.prefix &&
  parseCidr(`${formatIp(inner.network)}/${outer.prefix}`)?.network.bytes.every((byte, i) => byte === outer.network.bytes[i]) === true;
