// pure
// The objects that make the DNS servers of the nodes one Service, `kube-dns`, under the names every tool looks for.
import { ipFamilyOf } from '#apimachinery/ip.ts';
import type { EndpointSlice, New, Service } from '#api/types.ts';

const NAMESPACE = 'kube-system';
const NAME = 'kube-dns';
const PORT = 53;

/** Without a selector: the endpoints are the nodes' own servers, each put there by its node. Source: kubeadm addons/dns. */
export function kubeDnsService(clusterIPs: readonly string[]): New<Service> {
  const [clusterIP = ''] = clusterIPs;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      labels: { 'k8s-app': NAME, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
    },
    spec: {
      clusterIP,
      ...(clusterIPs.length < 2 ? {} : { clusterIPs, ipFamilyPolicy: 'RequireDualStack' as const }),
      // A node's pods ask the server on their own node while it is there.
      trafficDistribution: 'PreferSameNode',
      ports: [
        { name: 'dns', port: PORT, protocol: 'UDP', targetPort: PORT },
        { name: 'dns-tcp', port: PORT, protocol: 'TCP', targetPort: PORT },
      ],
    },
  };
}

/** One slice a node and family, so that nodes never write each other's. `owner` is the node: the slice goes when the node goes. */
export function kubeDnsEndpoints(node: { readonly name: string; readonly uid: string }, address: string): New<EndpointSlice> {
  const family = ipFamilyOf(address);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${NAME}-${node.name}${family === 'IPv4' ? '' : '-ipv6'}`,
      namespace: NAMESPACE,
      labels: { 'kubernetes.io/service-name': NAME, 'endpointslice.kubernetes.io/managed-by': 'dns.proa' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.uid }],
    },
    addressType: family,
    endpoints: [
      {
        addresses: [address],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: node.name,
        hints: { forNodes: [{ name: node.name }] },
      },
    ],
    ports: [
      { name: 'dns', port: PORT, protocol: 'UDP' },
      { name: 'dns-tcp', port: PORT, protocol: 'TCP' },
    ],
  };
}
