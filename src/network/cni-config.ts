// pure
// The CNI configuration of a node: one bridge, addresses from the node's own pod network.

import { formatIp, ipFamilyOf, parseCidr } from '#apimachinery/ip.ts';

/** Bridge of a node's pods; the name every Kubernetes user looks for. */
export const BRIDGE = 'cni0';

/** Name of the file containerd reads; the number decides when others are there too. */
export const CNI_FILE = '10-proa.conflist';

/** Programs that the configuration needs where the runtime searches; `loopback` runtimes need by themselves. */
export const CNI_PLUGINS = ['bridge', 'host-local', 'portmap', 'loopback'] as const;

export interface CniNetwork {
  /** The node's pod network, `10.244.1.0/24`, or one of each family: a pod gets an address of each. */
  readonly podCIDRs: readonly string[];
  /** Bytes; pods' interfaces and the bridge have the same. */
  readonly mtu: number;
  /** Folder that host-local keeps its leases in; must outlive a reboot, as running containers do not. */
  readonly leaseDir: string;
}

/** Which file a runtime takes of those in its folder. Source: libcni ConfFiles, go-cni WithConfListFile. */
export const firstCniFile = (names: readonly string[]): string | undefined =>
  names.filter((name) => /\.(conf|conflist|json)$/.test(name)).toSorted()[0];

/** Source: CNI specification 1.0.0; plugins bridge, host-local, portmap, firewall of containernetworking/plugins. */
export function cniConfig({ podCIDRs, mtu, leaseDir }: CniNetwork): string {
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
        ipam: {
          type: 'host-local',
          ranges: podCIDRs.map((subnet) => [{ subnet }]),
          routes: podCIDRs.map((podCIDR) => ({ dst: EVERYWHERE[ipFamilyOf(podCIDR)] })),
          dataDir: leaseDir,
        },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  };
  return `${JSON.stringify(conflist, undefined, 2)}\n`;
}

const EVERYWHERE = { IPv4: '0.0.0.0/0', IPv6: '::/0' } as const;

/** The bridge's own address: the first of the network. Source: host-local's default gateway. */
export function gatewayOf(podCIDR: string): { readonly address: string; readonly prefix: number } {
  const cidr = parseCidr(podCIDR);
  if (cidr === undefined) throw new TypeError(`not a CIDR: ${podCIDR}`);
  const { network, prefix } = cidr;
  // A pod network is never so small that the last byte of its own address is not even.
  const bytes = network.bytes.with(-1, (network.bytes.at(-1) as number) + 1);
  return { address: formatIp({ family: network.family, bytes }), prefix };
}
