// pure
// What load balancers are told about a Service on this node. Source: kube-proxy servicechangetracker.go, endpointschangetracker.go.
import type { IpFamily } from '#apimachinery/ip.ts';
import type { EndpointSlice, Service } from '#api/types.ts';
import { endpointsOf, type ProxyNode } from '../endpoints.ts';

export interface HealthCheck {
  readonly service: Service;
  readonly port: number;
  /** Addresses on this node that are ready. */
  readonly localEndpoints: number;
}

/** Of one family; undefined where no health check node port is to be served. */
export function healthCheckOf(
  service: Service,
  slices: readonly EndpointSlice[],
  node: ProxyNode,
  family: IpFamily,
): HealthCheck | undefined {
  const { type, externalTrafficPolicy, healthCheckNodePort: port = 0, ports = [] } = service.spec;
  if (type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local' || port === 0) return undefined;
  const endpoints = ports.flatMap((each) => endpointsOf(slices, { name: each.name ?? '', protocol: each.protocol, family }, node));
  return { service, port, localEndpoints: new Set(endpoints.filter((e) => e.local && e.ready).map((e) => e.ip)).size };
}
