// pure
// Addresses of one family, in the one form that equal ones share. Objects may hold them as they were written: with leading zeros,
// or IPv4 in the clothes of IPv6; a kernel that is told them so refuses the rules of all Services.
import type { Service } from '#api/types.ts';
import { formatCidr, formatIp, type IpFamily, parseCidr, parseIp } from '#apimachinery/ip.ts';

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
