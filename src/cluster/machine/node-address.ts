// pure
// Whether other machines could reach a node at an address.
import { type CIDR, contains, parseCIDR, parseIPv4 } from '../settings/settings.ts';

/** Addresses that mean another machine on each machine, or none. Source: kubelet_node_status.go validateNodeIP. */
const SPECIAL = [
  ['0.0.0.0/8', 'unspecified'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['224.0.0.0/4', 'multicast'],
] as const;

/** One line, what is wrong and the way out; undefined when there is nothing. EndpointSlices take no such address either. */
export function nodeAddressProblem(nodeIP: string): string | undefined {
  const address = parseIPv4(nodeIP) ?? 0;
  const special = SPECIAL.find(([network]) => contains(parseCIDR(network) as CIDR, address));
  return special === undefined
    ? undefined
    : `--node-ip ${nodeIP} is a ${special[1]} address, which no other machine could reach: give one of this machine's own`;
}
