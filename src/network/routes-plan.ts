// pure
// How packets reach the pods of other nodes: by a plain route where the node is on a network of ours, else through a
// VXLAN tunnel; and how that differs from what is there.
import { formatCidr, type IpFamily, ipFamilyOf, parseCidr } from '#apimachinery/ip.ts';
import type { Node } from '#api/types.ts';
import { VXLAN, vtepAddress } from './vxlan-plan.ts';

export interface PodRoute {
  readonly podCIDR: string;
  /** Next hop: the node's address, or in the tunnel its end there. */
  readonly via: string;
  /** Only in the tunnel. */
  readonly dev?: typeof VXLAN;
}

/** Another node, and a network its pods have; a node is one peer a family. */
export interface Peer {
  readonly podCIDR: string;
  /** Of the network's family, where the node has one. */
  readonly address: string | undefined;
  /** Where a tunnel to the node ends. */
  readonly end: string;
}

/** Marks our routes in the kernel's table, so that nobody else's is touched. Any number from 5 to 255 that is free. */
export const ROUTE_PROTOCOL = 112;

/** `tunnel`: the family of tunnels, that of this node's main address. A node without an address of it cannot be reached. */
export function peersOf(nodes: Iterable<Node>, self: string, tunnel: IpFamily): readonly Peer[] {
  return [...nodes].flatMap((node) => {
    if (node.metadata.name === self) return [];
    const addresses = nodeAddresses(node);
    const of = (family: IpFamily): string | undefined => addresses.find((address) => ipFamilyOf(address) === family);
    const end = of(tunnel);
    return end === undefined ? [] : podCIDRsOf(node).map((podCIDR) => ({ podCIDR, address: of(ipFamilyOf(podCIDR)), end }));
  });
}

export const podCIDRsOf = ({ spec }: Node): readonly string[] => (spec.podCIDRs ?? [spec.podCIDR ?? '']).filter((cidr) => cidr !== '');

/** The main one first. */
export const nodeAddresses = ({ status }: Node): readonly string[] =>
  (status.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);

/** `onLink` tells whether an address is on a network this node is on too. */
export function desiredRoutes(peers: readonly Peer[], onLink: (address: string) => boolean): readonly PodRoute[] {
  return peers.map(({ podCIDR, address }) =>
    address !== undefined && onLink(address) ? { podCIDR, via: address } : { podCIDR, via: vtepAddress(podCIDR), dev: VXLAN },
  );
}

/** Lines of `ip -batch -` that lead from `present` to `desired`; empty when they agree. */
export function routeChanges(present: readonly PodRoute[], desired: readonly PodRoute[]): readonly string[] {
  const text = ({ via, dev }: PodRoute): string => (dev === undefined ? `via ${via}` : `via ${via} dev ${dev} onlink`);
  const have = new Map(present.map((route) => [route.podCIDR, text(route)]));
  const want = new Map(desired.map((route) => [route.podCIDR, text(route)]));
  return [
    ...[...have.keys()].filter((cidr) => !want.has(cidr)).map((cidr) => `route del ${cidr} proto ${ROUTE_PROTOCOL}`),
    ...[...want]
      .filter(([cidr, hop]) => have.get(cidr) !== hop)
      .map(([cidr, hop]) => `route replace ${cidr} ${hop} proto ${ROUTE_PROTOCOL}`),
  ];
}

/** Whether `address` is in one of `prefixes`, such as `10.0.0.1/24`. */
export function isOnLink(address: string, prefixes: readonly string[]): boolean {
  return prefixes.some((text) => {
    const prefix = parseCidr(text);
    const own = prefix === undefined ? undefined : parseCidr(`${address}/${prefix.prefix}`);
    return own !== undefined && prefix !== undefined && formatCidr(own) === formatCidr(prefix);
  });
}
