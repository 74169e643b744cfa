// Kernel settings that let packets pass from pods to other nodes and back.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setSysctl, SYSCTLS } from '#base/sysctl.ts';
import type { IpFamily } from '#apimachinery/ip.ts';

const IPV6 = `${SYSCTLS}/net/ipv6/conf`;
/** Source: Documentation/networking/ip-sysctl.rst. */
export const FORWARDING = { IPv4: 'net/ipv4/ip_forward', IPv6: 'net/ipv6/conf/all/forwarding' } as const;

/** False for a kernel that was built, or started, without. */
export const hasIpv6 = (): boolean => existsSync('/proc/net/if_inet6');

export function allowForwarding(family: IpFamily): void {
  if (family === 'IPv6') keepRouterAdvertisements();
  setSysctl(FORWARDING[family], '1');
}

/**
 * A machine that forwards no longer listens to routers, unless it is told to: it would lose the addresses and the default
 * route it has from them. Where it forwarded before, it was without them before.
 */
function keepRouterAdvertisements(): void {
  const forwarding = `${SYSCTLS}/${FORWARDING.IPv6}`;
  if (!existsSync(forwarding) || readFileSync(forwarding, 'utf8').trim() === '1') return;
  for (const link of readdirSync(IPV6)) {
    const path = `${IPV6}/${link}/accept_ra`;
    if (link !== 'all' && link !== 'default' && existsSync(path) && readFileSync(path, 'utf8').trim() === '1') writeFileSync(path, '2');
  }
}
