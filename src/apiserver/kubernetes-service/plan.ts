// The objects of the Service `kubernetes`, as they should be. Pure. Source: pkg/controlplane/reconcilers/endpointsadapter.go.
import { isDeepStrictEqual } from 'node:util';
import type { Endpoints, EndpointSlice, New, Service } from '#api/types.ts';

export const NAMESPACE = 'default';
export const NAME = 'kubernetes';
const PORT_NAME = 'https';
const SERVICE_PORT = 443;
const PROTOCOL = 'TCP';

/** How pods reach the API server that says so of itself. */
export interface ApiAddress {
  /** First address of the Service network. */
  readonly clusterIP: string;
  /** Where the API server itself listens, as the nodes reach it. */
  readonly address: string;
  readonly port: number;
}

export function wantedService({ clusterIP, port }: ApiAddress): New<Service> {
  return {
    metadata: { name: NAME, namespace: NAMESPACE, labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      ipFamilyPolicy: 'SingleStack',
      sessionAffinity: 'None',
      ports: [{ name: PORT_NAME, port: SERVICE_PORT, protocol: PROTOCOL, targetPort: port }],
    },
  };
}

/**
 * What `present` must become to lead to `addresses`; undefined when it does. Ports that somebody else gave it stay.
 * Source: updateEndpoints.
 */
export function wantedEndpoints(
  present: New<Endpoints> | undefined,
  addresses: readonly string[],
  port: number,
): New<Endpoints> | undefined {
  const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  const kept = present?.subsets?.length === 1 ? (present.subsets[0]?.ports ?? []) : [];
  const ports = kept.length > 0 ? kept : [{ name: PORT_NAME, port, protocol: PROTOCOL } as const];
  const subsets = [{ addresses: addresses.map((ip) => ({ ip })), ports }];
  if (isDeepStrictEqual(present?.subsets, subsets) && isDeepStrictEqual(present?.metadata?.labels, labels)) return undefined;
  const metadata = { ...(present?.metadata ?? { name: NAME, namespace: NAMESPACE }), labels };
  return { metadata, subsets };
}

/** As `wantedEndpoints`. Source: updateEndpointSlice. */
export function wantedSlice(
  present: New<EndpointSlice> | undefined,
  addresses: readonly string[],
  port: number,
): New<EndpointSlice> | undefined {
  const labels = { 'kubernetes.io/service-name': NAME };
  const endpoints = addresses.map((address) => ({ addresses: [address], conditions: { ready: true } }));
  const kept = present?.ports ?? [];
  const ports = kept.length > 0 ? kept : [{ name: PORT_NAME, port, protocol: PROTOCOL } as const];
  const same =
    isDeepStrictEqual(present?.endpoints, endpoints) &&
    isDeepStrictEqual(present?.ports, ports) &&
    isDeepStrictEqual(present?.metadata?.labels, labels);
  if (same) return undefined;
  const metadata = { ...(present?.metadata ?? { name: NAME, namespace: NAMESPACE }), labels };
  return { metadata, addressType: addressTypeOf(addresses), endpoints, ports };
}

export function addressTypeOf(addresses: readonly string[]): 'IPv4' | 'IPv6' {
  return addresses[0]?.includes(':') === true ? 'IPv6' : 'IPv4';
}

/** No other machine reaches a loopback address, and no endpoint may have one. */
export function canLead(address: string): boolean {
  return !address.startsWith('127.') && address !== '::1';
}
