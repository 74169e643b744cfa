// pure
// Pods leave the cluster under their node's address; inside it everyone sees the true one.

export const NETWORK_TABLE = 'ip proa-network';

/** Replaces the table in one transaction. `nonMasquerade` are networks that pods reach under their own address. */
export function masqueradeTable(podCIDR: string, nonMasquerade: readonly string[]): string {
  return `add table ${NETWORK_TABLE}
delete table ${NETWORK_TABLE}
table ${NETWORK_TABLE} {
  chain postrouting {
    type nat hook postrouting priority 110; policy accept;
    ip saddr ${podCIDR} ip daddr != { ${[...nonMasquerade, '224.0.0.0/4'].join(', ')} } masquerade fully-random
  }
}
`;
}
