// Objects as tests need them, complete enough for DNS.
import type { EndpointSlice, Namespace, Service } from '#api/types.ts';

const meta = (name: string, namespace: string) => ({
  name,
  namespace,
  uid: `${namespace}/${name}`,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
});

export function namespace(name: string): Namespace {
  const { namespace: _, ...metadata } = meta(name, '');
  return { apiVersion: 'v1', kind: 'Namespace', metadata, spec: {}, status: { phase: 'Active' } };
}

export function service(name: string, spec: Partial<Service['spec']>, resourceVersion = '1'): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...meta(name, 'shop'), resourceVersion },
    spec: { type: 'ClusterIP', sessionAffinity: 'None', ...spec },
    status: { loadBalancer: {} },
  };
}

export interface TestEndpoint {
  readonly address: string;
  readonly hostname?: string;
  readonly ready?: boolean;
}

export function slice(name: string, owner: string, endpoints: readonly TestEndpoint[], resourceVersion = '1'): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...meta(name, 'shop'), resourceVersion, labels: { 'kubernetes.io/service-name': owner } },
    addressType: endpoints[0]?.address.includes(':') === true ? 'IPv6' : 'IPv4',
    endpoints: endpoints.map(({ address, hostname, ready = true }) => ({
      addresses: [address],
      conditions: { ready },
      ...(hostname === undefined ? {} : { hostname }),
    })),
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
  };
}
