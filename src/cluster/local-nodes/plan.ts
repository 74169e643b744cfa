// pure
// Further nodes of one machine: their names, addresses and network devices.
import { join } from 'node:path';
import type { Settings } from '../settings/settings.ts';
import { formatIPv4, parseCIDR } from '../settings/settings.ts';

/** Joins the nodes of this machine. */
export const NODE_BRIDGE = 'proa0';

export interface LocalNode {
  /** Of the node; its network namespace is `proa-<index>`. */
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  /** The end of its cable that hangs on the bridge. */
  readonly link: string;
  readonly dataDir: string;
  readonly runDir: string;
  readonly cgroupRoot: string;
}

/** All but the first, which is the machine itself and has the network's first address. */
export function localNodes({ nodes, nodeName, nodeCIDR, dataDir, runDir, cgroupRoot }: Settings): readonly LocalNode[] {
  const base = parseCIDR(nodeCIDR)?.base ?? 0;
  return Array.from({ length: nodes - 1 }, (_, i) => {
    const index = i + 2;
    return {
      name: `${nodeName}-${index}`,
      namespace: `proa-${index}`,
      address: formatIPv4(base + index),
      link: `proa-${index}`,
      dataDir: join(dataDir, 'nodes', String(index)),
      runDir: join(runDir, 'nodes', String(index)),
      cgroupRoot: join(cgroupRoot, 'proa', String(index)),
    };
  });
}

/** Lines of `ip -batch -` for the bridge, unless it is there. */
export function bridgeLines(address: string, prefix: number): readonly string[] {
  return [`link add ${NODE_BRIDGE} type bridge`, `address add ${address}/${prefix} dev ${NODE_BRIDGE}`, `link set ${NODE_BRIDGE} up`];
}

/**
 * Lines of `ip -batch -` that plug a namespace in. Hairpin: what a node sends to the machine's address and Service rules
 * lead back to a pod of that same node must leave by the port it came in by, since bridged packets are translated on the
 * bridge (bridge-nf-call-iptables).
 */
export function cableLines({ namespace, link }: LocalNode): readonly string[] {
  return [
    `link add ${link} type veth peer name eth0 netns ${namespace}`,
    `link set ${link} master ${NODE_BRIDGE} up`,
    `link set ${link} type bridge_slave hairpin on`,
  ];
}

/** Lines of `ip -batch -` inside the namespace. `router` is the machine itself. */
export function insideLines({ address }: LocalNode, prefix: number, router: string): readonly string[] {
  return ['link set lo up', `address add ${address}/${prefix} dev eth0`, 'link set eth0 up', `route add default via ${router}`];
}

export const NODES_TABLE = 'ip proa-nodes';

/** What the nodes send outwards leaves under the machine's own address. */
export function outwardTable(nodeCIDR: string, inside: readonly string[]): string {
  return `add table ${NODES_TABLE}
delete table ${NODES_TABLE}
table ${NODES_TABLE} {
  chain postrouting {
    type nat hook postrouting priority 110; policy accept;
    ip saddr ${nodeCIDR} ip daddr != { ${[nodeCIDR, ...inside].join(', ')} } masquerade
  }
}
`;
}
