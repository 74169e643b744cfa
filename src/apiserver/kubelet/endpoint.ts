// Where a node's kubelet listens, from what the node says of itself. Pure. Source: kubelet/client NodeConnectionInfoGetter.
import type { Node } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';

export interface KubeletEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Source: kubelet ports KubeletPort. */
const DEFAULT_PORT = 10_250;

/** The first kind of address that a node has. Source: kubeadm's --kubelet-preferred-address-types. */
const PREFERRED = ['InternalIP', 'ExternalIP', 'Hostname', 'InternalDNS', 'ExternalDNS'] as const;

/** @throws StatusError when the node names no address */
export function kubeletEndpoint({ metadata, status }: Node): KubeletEndpoint {
  const addresses = status.addresses ?? [];
  for (const type of PREFERRED) {
    const found = addresses.find((address) => address.type === type);
    if (found === undefined) continue;
    const port = status.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
    return { host: found.address, port: port === 0 ? DEFAULT_PORT : port };
  }
  throw new StatusError('', `no preferred addresses found; known addresses: []`, { name: metadata.name });
}
