// pure
// Hardware addresses that follow from an IP address: locally administered, unicast, the same after every start.
import { createHash } from 'node:crypto';
import { ipFamilyOf } from '#apimachinery/ip.ts';

/** What has the address, so that a bridge and a tunnel's end of one node are told apart. */
const KIND = { tunnel: '0e:70', bridge: '0e:71' } as const;

export function hardwareAddress(kind: keyof typeof KIND, ip: string): string {
  const octets = ipFamilyOf(ip) === 'IPv4' ? ip.split('.').map(Number) : [...createHash('sha256').update(ip).digest().subarray(0, 4)];
  return [KIND[kind], ...octets.map((octet) => octet.toString(16).padStart(2, '0'))].join(':');
}
