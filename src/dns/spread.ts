// pure
// Which address of several an answer names first: most programs take no other. Source: CoreDNS plugin/loadbalance, in kubeadm's Corefile.

const isAddress = ({ type }: { readonly type: string }): boolean => type === 'A' || type === 'AAAA';

/** Addresses in an order of their own, behind all else; `fraction` gives numbers from 0 to below 1. */
export function spread<R extends { readonly type: string }>(records: readonly R[], fraction: () => number): readonly R[] {
  const addresses = records.filter(isAddress);
  if (addresses.length < 2) return records;
  for (let i = addresses.length - 1; i > 0; i--) {
    const other = Math.floor(fraction() * (i + 1));
    [addresses[i], addresses[other]] = [addresses[other] as R, addresses[i] as R];
  }
  return [...records.filter((record) => !isAddress(record)), ...addresses];
}
