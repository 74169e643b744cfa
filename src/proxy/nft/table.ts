// pure
// The table every node has, before any Service: hooks, shared maps and sets, and the chains that look up in them.
// Its shape follows kube-proxy's nftables mode, but a Service costs entries of shared maps, not chains and maps of its own: the
// kernel looks for a chain's map among all of the table, so that each further one costs more than the one before.
import { createHash } from 'node:crypto';
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

const POOL_PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
export type PoolProtocol = (typeof POOL_PROTOCOLS)[number];

/** Those that the Local policy allows stand in a map of their own, since both can be asked for at one address. */
const POOLS_OF = ['endpoints', 'local-endpoints', 'nodeport-endpoints', 'nodeport-local-endpoints'] as const;
export type PoolOf = (typeof POOLS_OF)[number];

/**
 * Endpoints by what a packet is sent to and a number below that of the endpoints: `10.96.0.1 . 80 . 0`, or for node ports
 * `30080 . 0`. One a protocol: nft 1.0.6 can name the type of such a number by an expression alone, and then ports only by one
 * of a protocol.
 */
export type PoolMap = `${PoolProtocol}-${PoolOf}`;

const poolMaps: readonly PoolMap[] = POOL_PROTOCOLS.flatMap((protocol) => POOLS_OF.map((of) => `${protocol}-${of}` as const));
const portOf = (map: PoolMap): string => `${map.split('-')[0] as string} dport`;

/** What is looked up there for a packet, or the type of that: `size` is how many endpoints there are. */
export const poolKey = (map: PoolMap, family: IpFamily, size: number): string =>
  `${map.includes('nodeport') ? '' : `${NFT_FAMILY[family]} daddr . `}${portOf(map)} . numgen random mod ${size}`;

/** 64 bits, as nft shows them, for what is unique of one endpoint of one Service. */
export function endpointId(unique: string): string {
  const digest = createHash('sha256').update(unique).digest();
  return `${digest.readUInt32BE(0)} . ${digest.readUInt32BE(4)}`;
}

/** What is looked up in a set of clients, or the type of that: the packet's source and an endpoint. */
export const affinityKey = (family: IpFamily, id = '0 . 0'): string =>
  // A number as such has no type; the only one that this comes to has.
  [`${NFT_FAMILY[family]} saddr`, ...id.split(' . ').map((half) => `numgen inc mod 1 offset ${half}`)].join(' . ');

/** Clients of all Services whose affinity lasts as long. The kernel makes room for so many at once: 4 MiB. */
const CLIENTS = 262_144;

/** Name of the set of clients that are remembered for `seconds`. */
export const affinitySet = (seconds: number): string => `affinity-${seconds}`;

export const affinitySetDefinition = (family: IpFamily, seconds: number): string =>
  `${affinitySet(seconds)} { typeof ${affinityKey(family)}; size ${CLIENTS}; flags dynamic,timeout; timeout ${seconds}s; }`;

interface BaseChain {
  /** Where packets come in; other chains lead to one without. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

/**
 * `podCIDR` is the network of all pods, of the family: traffic to a cluster IP from elsewhere must come back through this node.
 *
 * `-100` and not `dstnat`: nft 1.0.6 does not take the name in output hooks. What has no endpoint is told after translation:
 * under the Local policy it is what the node and its pods were not led elsewhere.
 */
export function baseChains(family: IpFamily, podCIDR: string): ReadonlyMap<string, BaseChain> {
  const ip = NFT_FAMILY[family];
  const asked = `${ip} daddr . meta l4proto . th dport`;
  const nodePort = `fib daddr type local ${ip} daddr != ${LOOPBACK[family]} ${ip} daddr @nodeport-ips meta l4proto . th dport`;
  const endpointsCheck = 'ct state new jump endpoints-check';
  const clusterIPsCheck = 'ct state new jump cluster-ips-check';
  return new Map<string, BaseChain>([
    ['mark-for-masquerade', { rules: [`meta mark set meta mark or ${MARK}`] }],
    ['reject-packet', { rules: ['reject'] }],
    ['drop-packet', { rules: ['drop'] }],
    [
      'services',
      {
        rules: [
          `${ip} daddr @cluster-ips ${ip} saddr != ${podCIDR} jump mark-for-masquerade`,
          `${asked} vmap @service-ips`,
          `${nodePort} vmap @service-nodeports`,
        ],
      },
    ],
    ['endpoints-check', { rules: [`${asked} vmap @no-endpoint-services`, `${nodePort} vmap @no-endpoint-nodeports`] }],
    ['firewall-check', { rules: [`${asked} vmap @firewall-ips`] }],
    ['cluster-ips-check', { rules: [`${ip} daddr @cluster-ips reject`, `${ip} daddr @service-cidrs drop`] }],
    [
      'masquerading',
      {
        rules: [
          `${ip} saddr . ${ip} daddr @hairpin ct status dnat masquerade fully-random`,
          `meta mark and ${MARK} == 0 return`,
          `meta mark set meta mark xor ${MARK}`,
          'masquerade fully-random',
        ],
      },
    ],
    ['filter-prerouting', { hook: 'filter hook prerouting priority -110', rules: ['ct state new jump firewall-check'] }],
    ['filter-input', { hook: 'filter hook input priority -110', rules: [endpointsCheck] }],
    ['filter-forward', { hook: 'filter hook forward priority -110', rules: [endpointsCheck, clusterIPsCheck] }],
    ['filter-output', { hook: 'filter hook output priority -110', rules: ['ct state new jump firewall-check'] }],
    ['filter-output-post-dnat', { hook: 'filter hook output priority -90', rules: [endpointsCheck, clusterIPsCheck] }],
    ['nat-prerouting', { hook: 'nat hook prerouting priority -100', rules: ['jump services'] }],
    ['nat-output', { hook: 'nat hook output priority -100', rules: ['jump services'] }],
    ['nat-postrouting', { hook: 'nat hook postrouting priority 100', rules: ['jump masquerading'] }],
  ]);
}

/** The script that replaces whatever the table holds by what there is before any Service. */
export function baseTable(family: IpFamily, podCIDR: string): string {
  const [table, ip, address] = [tableOf(family), NFT_FAMILY[family], ADDRESS_TYPE[family]];
  const pools = poolMaps.map((map) => `  map ${map} { typeof ${poolKey(map, family, 1)} : ${ip} daddr . ${portOf(map)}; }\n`);
  const chains = Array.from(baseChains(family, podCIDR), ([name, { hook, rules }]) => {
    const lines = [...(hook === undefined ? [] : [`type ${hook}; policy accept;`]), ...rules];
    return `  chain ${name} {\n    ${lines.join('\n    ')}\n  }\n`;
  });
  return `add table ${table}
delete table ${table}
table ${table} {
  comment "rules for kube-proxy";
  map service-ips { type ${address} . inet_proto . inet_service : verdict; }
  map service-nodeports { type inet_proto . inet_service : verdict; }
${pools.join('')}  map no-endpoint-services { type ${address} . inet_proto . inet_service : verdict; }
  map no-endpoint-nodeports { type inet_proto . inet_service : verdict; }
  map firewall-ips { type ${address} . inet_proto . inet_service : verdict; }
  set cluster-ips { type ${address}; }
  set nodeport-ips { type ${address}; flags interval; }
  set service-cidrs { type ${address}; flags interval; }
  set hairpin { type ${address} . ${address}; }

${chains.join('')}}
`;
}
