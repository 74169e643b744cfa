// pure
// Whether other machines could reach a node at an address, and which it has when its machine was given another.
import { contains, type Family, familyOf, listOf, type Network, parseNetwork } from '../settings/networks.ts';

/** Addresses that mean another machine on each machine, or none. Source: kubelet_node_status.go validateNodeIP. */
const SPECIAL = [
  ['0.0.0.0/8', 'unspecified'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['224.0.0.0/4', 'multicast'],
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['fe80::/10', 'link-local'],
  ['ff00::/8', 'multicast'],
] as const;

/** One line, what is wrong and the way out; undefined when there is nothing. EndpointSlices take no such address either. */
export function nodeAddressProblem(nodeIP: string): string | undefined {
  for (const address of listOf(nodeIP)) {
    const special = SPECIAL.find(([network]) => contains(parseNetwork(network) as Network, address));
    if (special !== undefined)
      return `--node-ip ${address} is a ${special[1]} address, which no other machine could reach: give one of this machine's own`;
  }
  return undefined;
}

/** Addresses as they were found on this machine once: instead of one that it lost, the one it has now, if it has any of that family. */
export function addressesNow(nodeIP: string, has: (address: string) => boolean, primary: (family: Family) => string | undefined): string {
  return listOf(nodeIP)
    .map((address) => (has(address) ? address : (primary(familyOf(address)) ?? address)))
    .join(',');
}
