// Kernel settings that let packets pass from pods to other nodes and back.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IpFamily } from '#apimachinery/ip.ts';

const SYSCTLS = '/proc/sys';
const IPV6 = `${SYSCTLS}/net/ipv6/conf`;
const IPV6_FORWARDING = 'net/ipv6/conf/all/forwarding';

/** Writes only what differs: a container may be allowed to read what it may not write. What the kernel lacks is left. */
export function setSysctl(name: string, value: string): void {
  const path = `${SYSCTLS}/${name}`;
  if (existsSync(path) && readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
}

/** False for a kernel that was built, or started, without. */
export const hasIpv6 = (): boolean => existsSync('/proc/net/if_inet6');

/** Source: Documentation/networking/ip-sysctl.rst. */
export function allowForwarding(family: IpFamily): void {
  if (family === 'IPv4') return setSysctl('net/ipv4/ip_forward', '1');
  keepRouterAdvertisements();
  setSysctl(IPV6_FORWARDING, '1');
}

/**
 * A machine that forwards no longer listens to routers, unless it is told to: it would lose the addresses and the default
 * route it has from them. Where it forwarded before, it was without them before.
 */
function keepRouterAdvertisements(): void {
  const forwarding = `${SYSCTLS}/${IPV6_FORWARDING}`;
  if (!existsSync(forwarding) || readFileSync(forwarding, 'utf8').trim() === '1') return;
  for (const link of readdirSync(IPV6)) {
    const path = `${IPV6}/${link}/accept_ra`;
    if (link !== 'all' && link !== 'default' && existsSync(path) && readFileSync(path, 'utf8').trim() === '1') writeFileSync(path, '2');
  }
}
