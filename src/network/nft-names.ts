// pure
// How nftables calls families and tables. Each family has a table of its own, under one name.
import type { IpFamily } from '#apimachinery/ip.ts';

/** Of a table, and of a packet's addresses. */
export const NFT_FAMILY: Readonly<Record<IpFamily, 'ip' | 'ip6'>> = { IPv4: 'ip', IPv6: 'ip6' };

/** `ip proa-network` and `ip6 proa-network`: what there may be under this name. */
export const tablesOf = (name: string): readonly string[] => Object.values(NFT_FAMILY).map((family) => `${family} ${name}`);
