// pure
// The CNI configuration of a node: one bridge, addresses from the node's own pod network.

/** Bridge of a node's pods; the name every Kubernetes user looks for. */
export const BRIDGE = 'cni0';

/** Name of the file containerd reads; the number decides when others are there too. */
export const CNI_FILE = '10-proa.conflist';

export interface CniNetwork {
  /** The node's pod network: `10.244.1.0/24`. */
  readonly podCIDR: string;
  /** Bytes; pods' interfaces and the bridge have the same. */
  readonly mtu: number;
  /** Folder that host-local keeps its leases in; must outlive a reboot, as running containers do not. */
  readonly leaseDir: string;
}

/** Source: CNI specification 1.0.0; plugins bridge, host-local, portmap, firewall of containernetworking/plugins. */
export function cniConfig({ podCIDR, mtu, leaseDir }: CniNetwork): string {
  const conflist = {
    cniVersion: '1.0.0',
    name: 'proa',
    plugins: [
      {
        type: 'bridge',
        bridge: BRIDGE,
        isGateway: true,
        // Done for the whole node in ./masquerade.ts: a rule a pod would have to be cleaned up one by one.
        ipMasq: false,
        hairpinMode: true,
        mtu,
        ipam: { type: 'host-local', ranges: [[{ subnet: podCIDR }]], routes: [{ dst: '0.0.0.0/0' }], dataDir: leaseDir },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  };
  return `${JSON.stringify(conflist, undefined, 2)}\n`;
}

/** The bridge's own address: the first of the network. Source: host-local's default gateway. */
export function gatewayOf(podCIDR: string): { readonly address: string; readonly prefix: number } {
  const [base = '', bits = ''] = podCIDR.split('/');
  const octets = base.split('.').map(Number);
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0) + 1;
  return { address: [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.'), prefix: Number(bits) };
}
