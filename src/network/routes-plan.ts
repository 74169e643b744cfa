// pure
// Which routes lead to the pods of other nodes, and how that differs from what is there.
import type { Node } from '#api/types.ts';

export interface PodRoute {
  readonly podCIDR: string;
  /** Address of the node that has these pods; must be on a link of this node. */
  readonly via: string;
}

/** Marks our routes in the kernel's table, so that nobody else's is touched. Any number from 5 to 255 that is free. */
export const ROUTE_PROTOCOL = 112;

export function desiredRoutes(nodes: Iterable<Node>, self: string): readonly PodRoute[] {
  return [...nodes].flatMap((node) => {
    if (node.metadata.name === self) return [];
    const via = node.status.addresses?.find((address) => address.type === 'InternalIP' && !address.address.includes(':'))?.address;
    const cidrs = (node.spec.podCIDRs ?? [node.spec.podCIDR ?? '']).filter((cidr) => cidr !== '' && !cidr.includes(':'));
    return via === undefined ? [] : cidrs.map((podCIDR) => ({ podCIDR, via }));
  });
}

/** Lines of `ip -batch -` that lead from `present` to `desired`; empty when they agree. */
export function routeChanges(present: readonly PodRoute[], desired: readonly PodRoute[]): readonly string[] {
  const have = new Map(present.map((route) => [route.podCIDR, route.via]));
  const want = new Map(desired.map((route) => [route.podCIDR, route.via]));
  return [
    ...[...have.keys()].filter((cidr) => !want.has(cidr)).map((cidr) => `route del ${cidr} proto ${ROUTE_PROTOCOL}`),
    ...[...want]
      .filter(([cidr, via]) => have.get(cidr) !== via)
      .map(([cidr, via]) => `route replace ${cidr} via ${via} proto ${ROUTE_PROTOCOL}`),
  ];
}
