// pure
// Which of a node's addresses serve node ports, and its health check node ports. Source: pkg/proxy/util NodePortAddresses.
import { type IpFamily, parseIp } from '#apimachinery/ip.ts';
import { addressesOf, inAny, networksOf, outermost } from './addresses.ts';

/** Instead of networks: the addresses that the node object tells. Source: NodePortAddressesPrimary. */
export const PRIMARY = 'primary';

/** The network of every address. */
const EVERYWHERE: Readonly<Record<IpFamily, string>> = { IPv4: '0.0.0.0/0', IPv6: '::/0' };

/**
 * Networks of the family in which a local address serves node ports. `asked`: networks, or `primary` alone. A family that nothing is
 * said of is served at every address: one that has no network, or whose address a node does not tell.
 */
export function nodePortNetworks(asked: readonly string[], nodeIPs: readonly string[], family: IpFamily): readonly string[] {
  const [bits, own] = [family === 'IPv4' ? 32 : 128, addressesOf(nodeIPs, family).filter((ip) => !isLoopback(ip))];
  const found = asked[0] === PRIMARY ? own.map((ip) => `${ip}/${bits}`) : networksOf(asked, family);
  return found.length === 0 ? [EVERYWHERE[family]] : outermost(found);
}

/** Where a port of the node is to be opened: all addresses of the family by one, or those of the machine's `local` ones. */
export function nodePortAddresses(networks: readonly string[], local: readonly string[], family: IpFamily): readonly string[] {
  if (networks.includes(EVERYWHERE[family])) return [family === 'IPv4' ? '0.0.0.0' : '::'];
  return addressesOf(local, family)
    .filter((ip) => inAny(networks, ip))
    .toSorted();
}

function isLoopback(text: string): boolean {
  const ip = parseIp(text);
  return ip?.family === 4 ? ip.bytes[0] === 127 : text === '::1';
}
