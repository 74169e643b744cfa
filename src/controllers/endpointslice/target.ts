// pure
// What stands in a slice, and which slices it can stand in.
import type { DiscoveryV1EndpointPort as EndpointPort, Endpoint, EndpointSlice } from '#api/types.ts';

export interface Target {
  readonly endpoint: Endpoint;
  /** Pods may give one named port different numbers. */
  readonly ports: readonly EndpointPort[];
  /** See identity. */
  readonly id: string;
  /** See groupOf. */
  readonly group: string;
}

export const targetOf = (endpoint: Endpoint, ports: readonly EndpointPort[]): Target => ({
  endpoint,
  ports,
  id: identity(endpoint),
  group: groupOf(familyOf(endpoint), ports),
});

/** What makes two endpoints the same although their conditions differ. Source: hashEndpoint of EndpointSet. */
export const identity = ({ targetRef, addresses, hostname = '' }: Endpoint): string =>
  `${targetRef?.uid ?? ''} ${addresses[0]} ${hostname}`;

const identities = new WeakMap<EndpointSlice, readonly string[]>();

/** Of the slice's endpoints, in their order. */
export function identitiesIn(slice: EndpointSlice): readonly string[] {
  let known = identities.get(slice);
  if (known === undefined) identities.set(slice, (known = (slice.endpoints ?? []).map(identity)));
  return known;
}

/** One slice holds endpoints of one family and with the same ports. */
export const groupOf = (family: string, ports: readonly EndpointPort[]): string =>
  `${family} ${ports
    .map((p) => `${p.name ?? ''}/${p.protocol ?? 'TCP'}/${p.port}/${p.appProtocol ?? ''}`)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .join(' ')}`;

export const familyOf = (endpoint: Endpoint): 'IPv4' | 'IPv6' => (endpoint.addresses[0]?.includes(':') === true ? 'IPv6' : 'IPv4');
