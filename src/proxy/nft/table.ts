// pure
// The table every node has, before any Service: hooks, shared maps and sets, and the chains that look up in them.
// Its shape follows kube-proxy's nftables mode, but an endpoint costs a map entry, not a chain.

import type { IpFamily } from '#apimachinery/ip.ts';

/** The family's word in nftables: of a table, and of a packet's addresses. */
export const NFT_FAMILY: Readonly<Record<IpFamily, 'ip' | 'ip6'>> = { IPv4: 'ip', IPv6: 'ip6' };

/** Of a set. */
export const ADDRESS_TYPE: Readonly<Record<IpFamily, 'ipv4_addr' | 'ipv6_addr'>> = { IPv4: 'ipv4_addr', IPv6: 'ipv6_addr' };

/** Each family has a table of its own. */
export const tableOf = (family: IpFamily): string => `${NFT_FAMILY[family]} kube-proxy`;

/** Node ports are not served here. */
const LOOPBACK: Readonly<Record<IpFamily, string>> = { IPv4: '127.0.0.0/8', IPv6: '::1' };

/** Marks packets whose source must become this node's address. Source: kube-proxy masqueradeBit 14. */
const MARK = '0x4000';

/**
 * `-100` and not `dstnat`: nft 1.0.6 does not take the name in output hooks. What has no endpoint is told after translation:
 * under the Local policy it is what the node and its pods were not led elsewhere.
 */
export function baseTable(family: IpFamily): string {
  const [table, ip, address] = [tableOf(family), NFT_FAMILY[family], ADDRESS_TYPE[family]];
  return `add table ${table}
delete table ${table}
table ${table} {
  comment "rules for kube-proxy";
  map service-ips { type ${address} . inet_proto . inet_service : verdict; }
  map service-nodeports { type inet_proto . inet_service : verdict; }
  map no-endpoint-services { type ${address} . inet_proto . inet_service : verdict; }
  map no-endpoint-nodeports { type inet_proto . inet_service : verdict; }
  map firewall-ips { type ${address} . inet_proto . inet_service : verdict; }
  set cluster-ips { type ${address}; }
  set hairpin { type ${address} . ${address}; }

  chain mark-for-masquerade { meta mark set meta mark or ${MARK}; }
  chain reject-packet { reject; }
  chain drop-packet { drop; }
  chain services {
    ${ip} daddr . meta l4proto . th dport vmap @service-ips
    fib daddr type local ${ip} daddr != ${LOOPBACK[family]} meta l4proto . th dport vmap @service-nodeports
  }
  chain endpoints-check {
    ${ip} daddr . meta l4proto . th dport vmap @no-endpoint-services
    fib daddr type local ${ip} daddr != ${LOOPBACK[family]} meta l4proto . th dport vmap @no-endpoint-nodeports
  }
  chain firewall-check { ${ip} daddr . meta l4proto . th dport vmap @firewall-ips; }
  chain cluster-ips-check { ${ip} daddr @cluster-ips reject; }
  chain masquerading {
    ${ip} saddr . ${ip} daddr @hairpin ct status dnat masquerade fully-random
    meta mark and ${MARK} == 0 return
    meta mark set meta mark xor ${MARK}
    masquerade fully-random
  }

  chain filter-prerouting { type filter hook prerouting priority -110; policy accept; ct state new jump firewall-check; }
  chain filter-input { type filter hook input priority -110; policy accept; ct state new jump endpoints-check; }
  chain filter-forward { type filter hook forward priority -110; policy accept; ct state new jump endpoints-check; ct state new jump cluster-ips-check; }
  chain filter-output { type filter hook output priority -110; policy accept; ct state new jump firewall-check; }
  chain filter-output-post-dnat { type filter hook output priority -90; policy accept; ct state new jump endpoints-check; ct state new jump cluster-ips-check; }
  chain nat-prerouting { type nat hook prerouting priority -100; policy accept; jump services; }
  chain nat-output { type nat hook output priority -100; policy accept; jump services; }
  chain nat-postrouting { type nat hook postrouting priority 100; policy accept; jump masquerading; }
}
`;
}
