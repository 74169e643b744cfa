// pure
// Whether a range of Service addresses may go. Source: servicecidrs_controller.go canDeleteCIDR.
import { parseCidr, parseIp } from '#apimachinery/ip.ts';
import type { IPAddress, ServiceCIDR } from '#api/types.ts';

export const cidrsOf = ({ spec }: ServiceCIDR): readonly string[] => spec.cidrs ?? [];

/** Whether an address, or all of a narrower range, is in `cidr`. */
export function contains(cidr: string, inner: string): boolean {
  const outer = parseCidr(cidr);
  const range = parseCidr(inner);
  const address = range?.network ?? parseIp(inner);
  if (outer === undefined || address === undefined || outer.network.family !== address.family) return false;
  if (range !== undefined && range.prefix < outer.prefix) return false;
  const { bytes } = outer.network;
  return bytes.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, outer.prefix - index * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((address.bytes[index] ?? 0) & mask);
  });
}

/** No address is left in the range that another range, which stays, does not hold as well. */
export function isReleased(range: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const staying = all.filter(({ metadata }) => metadata.name !== range.metadata.name && metadata.deletionTimestamp === undefined);
  const others = staying.flatMap(cidrsOf);
  return cidrsOf(range).every(
    (cidr) =>
      others.some((other) => contains(other, cidr)) ||
      addresses.every(({ metadata }) => !contains(cidr, metadata.name) || others.some((other) => contains(other, metadata.name))),
  );
}
