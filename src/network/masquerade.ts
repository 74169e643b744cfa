// pure
// Pods leave the cluster under their node's address; inside it everyone sees the true one.
import type { Stake } from '#base/nft-rules.ts';
import { type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import { NFT_FAMILY, tablesOf } from './nft-names.ts';

const NAME = 'proa-network';

/** One a family. */
export const NETWORK_TABLES = tablesOf(NAME);

const MULTICAST = { IPv4: '224.0.0.0/4', IPv6: 'ff00::/8' } as const;

/** What there is of them whatever the networks are. */
export const masqueradeStake = (families: readonly IpFamily[]): Stake => ({
  chains: new Map(families.map((family) => [`${NFT_FAMILY[family]} ${NAME} postrouting`, 1])),
});

/** Replaces the table of `podCIDR`'s family in one transaction. Pods reach `nonMasquerade` (of any family) under their own address. */
export function masqueradeTable(podCIDR: string, nonMasquerade: readonly string[]): string {
  const family = ipFamilyOf(podCIDR);
  const ip = NFT_FAMILY[family];
  const inside = [...nonMasquerade.filter((network) => ipFamilyOf(network) === family), MULTICAST[family]];
  return `add table ${ip} ${NAME}
delete table ${ip} ${NAME}
table ${ip} ${NAME} {
  chain postrouting {
    type nat hook postrouting priority 110; policy accept;
    ${ip} saddr ${podCIDR} ${ip} daddr != { ${inside.join(', ')} } masquerade fully-random
  }
}
`;
}
