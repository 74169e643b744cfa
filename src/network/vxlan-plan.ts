// pure
// The overlay to nodes on other networks: one VXLAN device a node, whose neighbours are told to the kernel, never asked for.
// Everything about a tunnel's end follows from its node's address and pod network, so nodes need not tell each other.
import type { Peer } from './routes-plan.ts';

export const VXLAN = 'proa-vxlan';

/** Any that nobody else uses on these machines. */
const NETWORK_ID = 112;
/** Source: IANA, RFC 7348. */
const PORT = 4789;

/** Outer Ethernet, IPv4, UDP and VXLAN headers. Bytes. Source: RFC 7348. */
export const VXLAN_OVERHEAD = 50;

/** Address of the tunnel's end of a node: the network address of its pods, which no pod gets. */
export function vtepAddress(podCIDR: string): string {
  return podCIDR.split('/')[0] ?? '';
}

/** Hardware address of the tunnel's end on the node with this IPv4 address: locally administered, unicast. */
export function vtepMac(nodeAddress: string): string {
  const octets = nodeAddress.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  return ['0e', '70', ...octets].join(':');
}

export interface TunnelEnd {
  readonly nodeAddress: string;
  readonly podCIDR: string;
  readonly mtu: number;
}

/** Lines of `ip -batch -` that make the device; it has a route to nothing by itself. */
export function deviceLines({ nodeAddress, podCIDR, mtu }: TunnelEnd): readonly string[] {
  return [
    `link add ${VXLAN} address ${vtepMac(nodeAddress)} mtu ${mtu} type vxlan id ${NETWORK_ID} local ${nodeAddress} dstport ${PORT} nolearning`,
    `address add ${vtepAddress(podCIDR)}/32 dev ${VXLAN}`,
    `link set ${VXLAN} up`,
  ];
}

/** Lines of `ip -batch -`: which hardware address each end has. */
export function neighbourLines(peers: readonly Peer[]): readonly string[] {
  return peers.map(
    ({ podCIDR, address }) => `neighbour replace ${vtepAddress(podCIDR)} lladdr ${vtepMac(address)} dev ${VXLAN} nud permanent`,
  );
}

/** Lines of `bridge -batch -`: behind which node each hardware address is. */
export function forwardingLines(peers: readonly Peer[]): readonly string[] {
  return peers.map(({ address }) => `fdb replace ${vtepMac(address)} dev ${VXLAN} dst ${address} self permanent`);
}

/** As `forwardingLines`, for nodes that are gone. `peers` are those that were there. */
export function removalLines(peers: readonly Peer[]): { readonly ip: readonly string[]; readonly bridge: readonly string[] } {
  return {
    ip: peers.map(({ podCIDR }) => `neighbour del ${vtepAddress(podCIDR)} dev ${VXLAN}`),
    bridge: peers.map(({ address }) => `fdb del ${vtepMac(address)} dev ${VXLAN} dst ${address} self`),
  };
}
