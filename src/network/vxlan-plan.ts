// pure
// The overlay to nodes on other networks: one VXLAN device a node, whose neighbours are told to the kernel, never asked for.
// Everything about a tunnel's end follows from its node's address and pod networks, so nodes need not tell each other.
import { type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import { hardwareAddress } from './hardware-address.ts';
import type { Peer } from './routes-plan.ts';

export const VXLAN = 'proa-vxlan';

/** Any that nobody else uses on these machines. */
const NETWORK_ID = 112;
/** Source: IANA, RFC 7348. */
const PORT = 4789;

/** Outer Ethernet, IP, UDP and VXLAN headers. Bytes. Source: RFC 7348. */
export const VXLAN_OVERHEAD: Readonly<Record<IpFamily, number>> = { IPv4: 50, IPv6: 70 };

/** Address of the tunnel's end of a node: the network address of its pods, which no pod gets. */
export function vtepAddress(podCIDR: string): string {
  return podCIDR.split('/')[0] ?? '';
}

/** Hardware address of the tunnel's end on the node with this address. */
export const vtepMac = (nodeAddress: string): string => hardwareAddress('tunnel', nodeAddress);

export interface TunnelEnd {
  readonly nodeAddress: string;
  readonly podCIDRs: readonly string[];
  readonly mtu: number;
}

/** Lines of `ip -batch -` that make the device; it has a route to nothing by itself. */
export function deviceLines({ nodeAddress, podCIDRs, mtu }: TunnelEnd): readonly string[] {
  const outer = `local ${nodeAddress} dstport ${PORT} nolearning`;
  return [
    `link add ${VXLAN} address ${vtepMac(nodeAddress)} mtu ${mtu} type vxlan id ${NETWORK_ID} ${outer}`,
    ...podCIDRs.map((podCIDR) => {
      const address = vtepAddress(podCIDR);
      return `address add ${address}/${ipFamilyOf(address) === 'IPv4' ? '32' : '128'} dev ${VXLAN}${nodad(address)}`;
    }),
    `link set ${VXLAN} up`,
  ];
}

/** Nobody else can have the address: it need not be asked for, and can be used at once. */
export const nodad = (address: string): string => (ipFamilyOf(address) === 'IPv6' ? ' nodad' : '');

/** Lines of `ip -batch -`: which hardware address each end has. */
export function neighbourLines(peers: readonly Peer[]): readonly string[] {
  return peers.map(({ podCIDR, end }) => `neighbour replace ${vtepAddress(podCIDR)} lladdr ${vtepMac(end)} dev ${VXLAN} nud permanent`);
}

/** Lines of `bridge -batch -`: behind which node each hardware address is. */
export function forwardingLines(peers: readonly Peer[]): readonly string[] {
  return endsOf(peers).map((end) => `fdb replace ${vtepMac(end)} dev ${VXLAN} dst ${end} self permanent`);
}

/** As `forwardingLines`, for nodes that are gone. `peers` are those that were there. */
export function removalLines(peers: readonly Peer[]): { readonly ip: readonly string[]; readonly bridge: readonly string[] } {
  return {
    ip: peers.map(({ podCIDR }) => `neighbour del ${vtepAddress(podCIDR)} dev ${VXLAN}`),
    bridge: endsOf(peers).map((end) => `fdb del ${vtepMac(end)} dev ${VXLAN} dst ${end} self`),
  };
}

/** A node may be a peer once a family. */
const endsOf = (peers: readonly Peer[]): readonly string[] => [...new Set(peers.map(({ end }) => end))];
