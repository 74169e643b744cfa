// What the node says about name resolution in pods.
import type { KubeletConfig } from '../configuration/config.ts';
import { textIfThere } from '../node/text-files.ts';
import { parseResolvConf, type DnsSettings } from './dns.ts';

/** `addresses`: the node's, its main one first. The machine's resolvers are read each time: they change with its network. */
export async function dnsSettings(
  { clusterDNS, clusterDomain, resolvConf }: KubeletConfig,
  addresses: readonly string[],
): Promise<DnsSettings> {
  const host = resolvConf === '' ? undefined : parseResolvConf(await textIfThere(resolvConf));
  return { clusterDNS, clusterDomain, host, ipv6: addresses[0]?.includes(':') ?? false };
}
