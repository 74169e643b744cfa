// Services and slices as proxy tests need them.
import type { EndpointSlice, Service, ServicePort } from '#api/types.ts';

const meta = (name: string, resourceVersion: string) => ({
  name,
  namespace: 'shop',
  uid: name,
  resourceVersion,
  creationTimestamp: '2026-01-01T00:00:00Z',
});

let revision = 0;
const nextRevision = (): string => String(++revision);

export function service(
  name: string,
  spec: Partial<Omit<Service['spec'], 'ports'>> & { readonly ports: readonly Partial<ServicePort>[] },
): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(name, nextRevision()),
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ...spec,
      ports: spec.ports.map((port) => ({ port: 80, protocol: 'TCP', targetPort: 80, ...port })),
    },
    status: { loadBalancer: {} },
  };
}

export interface TestEndpoint {
  readonly ip: string;
  readonly node?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly forNode?: string;
  readonly forZone?: string;
}

export function slice(
  owner: string,
  port: { readonly protocol?: 'TCP' | 'UDP' | 'SCTP'; readonly port: number },
  ...endpoints: readonly TestEndpoint[]
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...meta(`${owner}-1`, nextRevision()), labels: { 'kubernetes.io/service-name': owner } },
    addressType: endpoints[0]?.ip.includes(':') === true ? 'IPv6' : 'IPv4',
    endpoints: endpoints.map(({ ip, node, forNode, forZone, ready = true, serving = ready, terminating = false }) => ({
      addresses: [ip],
      conditions: { ready, serving, terminating },
      ...(node === undefined ? {} : { nodeName: node }),
      ...(forZone === undefined ? {} : { hints: { forZones: [{ name: forZone }] } }),
      ...(forNode === undefined ? {} : { hints: { forNodes: [{ name: forNode }] } }),
    })),
    ports: [{ name: '', protocol: 'TCP', ...port }],
  };
}
