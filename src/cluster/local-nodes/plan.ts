// pure
// Further nodes of one machine: their names, addresses and network devices.
import type { Stake } from '#base/nft-rules.ts';
import { join } from 'node:path';
import { hardwareAddress } from '#network/hardware-address.ts';
import { addressAt, familyOf, listOf, ofFamily } from '../settings/networks.ts';
import type { Settings } from '../settings/settings.ts';

/** Joins the nodes of this machine. */
export const NODE_BRIDGE = 'proa0';

export interface LocalNode {
  /** Of the node; its network namespace is `proa-<index>`. */
  readonly name: string;
  readonly namespace: string;
  /** One, or one of each family by comma. */
  readonly address: string;
  /** The end of its cable that hangs on the bridge. */
  readonly link: string;
  readonly dataDir: string;
  readonly runDir: string;
  readonly cgroupRoot: string;
}

/** All but the first, which is the machine itself and has the network's first address. */
export function localNodes({ nodes, nodeName, nodeCIDR, dataDir, runDir, cgroupRoot }: Settings): readonly LocalNode[] {
  return Array.from({ length: nodes - 1 }, (_, i) => {
    const index = i + 2;
    return {
      name: `${nodeName}-${index}`,
      namespace: `proa-${index}`,
      address: listOf(nodeCIDR)
        .map((cidr) => addressAt(cidr, index))
        .join(','),
      link: `proa-${index}`,
      dataDir: join(dataDir, 'nodes', String(index)),
      runDir: join(runDir, 'nodes', String(index)),
      cgroupRoot: join(localCgroupRoot(cgroupRoot), String(index)),
    };
  });
}

/** The cgroup that those of further nodes lie in. */
export const localCgroupRoot = (cgroupRoot: string): string => join(cgroupRoot, 'proa');

/** One family of the network between the nodes. */
export interface NodeNetworkSide {
  /** `10.89.0.0/24`. */
  readonly cidr: string;
  /** Of the machine itself, through which the others reach the rest of the world. */
  readonly router: string;
  readonly prefix: number;
}

export const sidesOf = (nodeCIDR: string): readonly NodeNetworkSide[] =>
  listOf(nodeCIDR).map((cidr) => ({ cidr, router: addressAt(cidr, 1), prefix: Number(cidr.split('/')[1]) }));

/** Nobody else can have the address: it need not be asked for, and can be used at once. */
const addLine = (address: string, prefix: number, device: string): string =>
  `address add ${address}/${prefix} dev ${device}${familyOf(address) === 'IPv6' ? ' nodad' : ''}`;

/** Lines of `ip -batch -` for the bridge, unless it is there. */
export function bridgeLines(sides: readonly NodeNetworkSide[]): readonly string[] {
  return [
    // As of the bridge of pods: without one of its own it would change with its ports.
    `link add ${NODE_BRIDGE} address ${hardwareAddress('bridge', sides[0]?.router ?? '')} type bridge`,
    ...sides.map(({ router, prefix }) => addLine(router, prefix, NODE_BRIDGE)),
    `link set ${NODE_BRIDGE} up`,
  ];
}

/** Lines of `ip -batch -` that make a node's cable, all but its name. */
export const cableLines = (node: LocalNode): readonly string[] => [
  `link add ${unfinishedLink(node)} type veth peer name eth0 netns ${node.namespace}`,
];

/**
 * Lines of `ip -batch -` that plug a node's cable in; safe to repeat. Hairpin: what a node sends to the machine's address and Service rules
 * lead back to a pod of that same node must leave by the port it came in by, since bridged packets are translated on the
 * bridge (bridge-nf-call-iptables).
 */
export const plugLines = ({ link }: LocalNode): readonly string[] => [
  `link set ${link} master ${NODE_BRIDGE} up`,
  `link set ${link} type bridge_slave hairpin on`,
];

/** What the cable is called until both its ends are done: one that has its name is whole, whatever crashed meanwhile. */
export const unfinishedLink = ({ link }: LocalNode): string => `${link}-new`;

/** Lines of `ip -batch -` inside the namespace. */
export function insideLines({ address }: LocalNode, sides: readonly NodeNetworkSide[]): readonly string[] {
  const own = sides.map(({ router, prefix }) => addLine(ofFamily(address, familyOf(router)) ?? '', prefix, 'eth0'));
  return ['link set lo up', ...own, 'link set eth0 up', ...sides.map(({ router }) => `route add default via ${router}`)];
}

/** Of each family there may be. */
export const NODES_TABLES = ['ip proa-nodes', 'ip6 proa-nodes'] as const;

/** What there is of them whatever the networks are. */
export const outwardStake = (sides: readonly NodeNetworkSide[]): Stake => ({
  chains: new Map(sides.map(({ cidr }) => [`${NODES_TABLES[familyOf(cidr) === 'IPv4' ? 0 : 1]} postrouting`, 1])),
});

/** What the nodes send outwards leaves under the machine's own address. `inside` are networks of any family. */
export function outwardTable({ cidr }: NodeNetworkSide, inside: readonly string[]): string {
  const family = familyOf(cidr);
  const [table, ip] = family === 'IPv4' ? [NODES_TABLES[0], 'ip'] : [NODES_TABLES[1], 'ip6'];
  const near = [cidr, ...inside.filter((network) => familyOf(network) === family)];
  return `add table ${table}
delete table ${table}
table ${table} {
  chain postrouting {
    type nat hook postrouting priority 110; policy accept;
    ${ip} saddr ${cidr} ${ip} daddr != { ${near.join(', ')} } masquerade
  }
}
`;
}
