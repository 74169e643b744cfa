// pure
// How packets reach the pods of other nodes: by a plain route where the node is on a network of ours, else through a
// VXLAN tunnel; and how that differs from what is there.
import type { Node } from '#api/types.ts';
import { VXLAN, vtepAddress } from './vxlan-plan.ts';

export interface PodRoute {
  readonly podCIDR: string;
  /** Next hop: the node's address, or in the tunnel its end there. */
  readonly via: string;
  /** Only in the tunnel. */
  readonly dev?: typeof VXLAN;
}

/** Another node, and the network its pods have. */
export interface Peer {
  readonly podCIDR: string;
  readonly address: string;
}

/** Marks our routes in the kernel's table, so that nobody else's is touched. Any number from 5 to 255 that is free. */
export const ROUTE_PROTOCOL = 112;

export function peersOf(nodes: Iterable<Node>, self: string): readonly Peer[] {
  return [...nodes].flatMap((node) => {
    if (node.metadata.name === self) return [];
    const address = nodeAddress(node);
    const cidrs = (node.spec.podCIDRs ?? [node.spec.podCIDR ?? '']).filter((cidr) => cidr !== '' && !cidr.includes(':'));
    return address === undefined ? [] : cidrs.map((podCIDR) => ({ podCIDR, address }));
  });
}

export function nodeAddress(node: Node): string | undefined {
  return node.status.addresses?.find(({ type, address }) => type === 'InternalIP' && !address.includes(':'))?.address;
}

/** `onLink` tells whether an address is on a network this node is on too. */
export function desiredRoutes(peers: readonly Peer[], onLink: (address: string) => boolean): readonly PodRoute[] {
  return peers.map(({ podCIDR, address }) =>
    onLink(address) ? { podCIDR, via: address } : { podCIDR, via: vtepAddress(podCIDR), dev: VXLAN },
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
  const value = numeric(address);
  return prefixes.some((prefix) => {
    const [base = '', bits = '32'] = prefix.split('/');
    const size = 2 ** (32 - Number(bits));
    return Math.floor(numeric(base) / size) === Math.floor(value / size);
  });
}

function numeric(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}
