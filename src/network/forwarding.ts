// Kernel settings that let packets pass from pods to other nodes and back.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IpFamily } from '#apimachinery/ip.ts';

const SYSCTLS = '/proc/sys';
const IPV6 = `${SYSCTLS}/net/ipv6/conf`;
/** Source: Documentation/networking/ip-sysctl.rst. */
export const FORWARDING = { IPv4: 'net/ipv4/ip_forward', IPv6: 'net/ipv6/conf/all/forwarding' } as const;

/** Writes only what differs: a container may be allowed to read what it may not write. What the kernel lacks is left. */
export function setSysctl(name: string, value: string): void {
  if (!isSetTo(name, value)) writeFileSync(`${SYSCTLS}/${name}`, value);
}

/** What the kernel lacks is as it should be. */
export function isSetTo(name: string, value: string): boolean {
  const path = `${SYSCTLS}/${name}`;
  return !existsSync(path) || readFileSync(path, 'utf8').trim() === value;
}

/** Of a number: never lowers it. */
export function raiseSysctl(name: string, least: number): void {
  const path = `${SYSCTLS}/${name}`;
  if (existsSync(path) && Number(readFileSync(path, 'utf8')) < least) writeFileSync(path, String(least));
}

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
