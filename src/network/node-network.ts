// The pod network of one node: bridge, CNI configuration, masquerading, routes to the pods of other nodes.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { ProgramError, runProgram } from '#base/program.ts';
import type { Node } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import { BRIDGE, CNI_FILE, cniConfig, gatewayOf } from './cni-config.ts';
import { ipBatch } from './ip-batch.ts';
import { masqueradeTable, NETWORK_TABLE } from './masquerade.ts';
import { desiredRoutes, isOnLink, nodeAddress, type Peer, peersOf, type PodRoute, ROUTE_PROTOCOL, routeChanges } from './routes-plan.ts';
import { Overlay } from './overlay.ts';
import { POLICY_TABLE } from './policy/rules.ts';
import { VXLAN, VXLAN_OVERHEAD } from './vxlan-plan.ts';

/** After a refused command. Milliseconds. */
const RETRY_MS = 1_000;

/** Packets between pods of one node are bridged; only with the second do rules (Services, network policies) see them. */
const SYSCTLS: Readonly<Record<string, string>> = { 'net/ipv4/ip_forward': '1', 'net/bridge/bridge-nf-call-iptables': '1' };

export interface NodeNetworkDeps {
  readonly nodes: Informer<Node>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: {
    readonly nodeName: string;
    /** All pods of the cluster. */
    readonly clusterCIDR: string;
    readonly cniConfDir: string;
    readonly leaseDir: string;
    /** Networks that pods reach under their own address beside the cluster's. */
    readonly nonMasquerade?: readonly string[];
  };
}

export class NodeNetwork {
  readonly #deps: NodeNetworkDeps;
  readonly #ready = Promise.withResolvers<string>();
  #wake = Promise.withResolvers<void>();
  #attached: { readonly podCIDR: string; readonly mtu: number } | undefined;
  readonly #overlay = new Overlay();

  constructor(deps: NodeNetworkDeps) {
    this.#deps = deps;
  }

  /** Resolves with the bridge's address once pods can be connected: after the node was given its pod network. */
  get ready(): Promise<string> {
    return this.#ready.promise;
  }

  /** Keeps the network as the Node objects say until the signal aborts; what was made stays then. */
  async run(signal: AbortSignal): Promise<void> {
    const { nodes, clock, logger } = this.#deps;
    const changed = (): void => this.#wake.resolve();
    const remove = nodes.addHandlers({ added: changed, updated: changed, deleted: changed });
    signal.addEventListener('abort', changed, { once: true });
    try {
      await nodes.synced();
      while (!signal.aborted) {
        try {
          await this.#apply(signal);
          await this.#wake.promise;
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof ProgramError)) throw error;
          logger.error('the pod network could not be brought up to date', { error, retryMs: RETRY_MS });
          await wait(clock, RETRY_MS, signal).catch(() => {});
        }
        this.#wake = Promise.withResolvers();
      }
    } finally {
      remove();
    }
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const { nodes, config } = this.#deps;
    const own = nodes.get(config.nodeName);
    const [podCIDR, address] = [own?.spec.podCIDR, own === undefined ? undefined : nodeAddress(own)];
    if (podCIDR === undefined || podCIDR === '' || address === undefined) return;
    const links = await presentLinks(signal);
    const local = links.filter(({ ifname }) => ifname !== BRIDGE && ifname !== VXLAN);
    const prefixes = local.flatMap(addressesOf);
    const peers = peersOf(nodes.list(), config.nodeName);
    const far = peers.filter((peer) => !isOnLink(peer.address, prefixes));
    const link = local.find((each) => addressesOf(each).some((prefix) => prefix.startsWith(`${address}/`)));
    await this.#attach(podCIDR, podMtu(link?.mtu, far), links, signal);
    await this.#overlay.bring({ nodeAddress: address, podCIDR, mtu: podMtu(link?.mtu, far) }, far, signal);
    const changes = routeChanges(
      await presentRoutes(signal),
      desiredRoutes(peers, (to) => !far.some((peer) => peer.address === to)),
    );
    if (changes.length > 0) await ipBatch(changes, signal);
    this.#ready.resolve(gatewayOf(podCIDR).address);
  }

  /** Does nothing when all of it is as it was the last time. */
  async #attach(podCIDR: string, mtu: number, links: readonly Link[], signal: AbortSignal): Promise<void> {
    const { config, logger } = this.#deps;
    if (this.#attached?.podCIDR === podCIDR && this.#attached.mtu === mtu) return;
    if (!existsSync('/proc/sys/net/bridge')) await this.#loadBridgeFilter(signal);
    for (const [name, value] of Object.entries(SYSCTLS)) {
      const path = `/proc/sys/${name}`;
      if (existsSync(path) && readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
    }
    const { address, prefix } = gatewayOf(podCIDR);
    await ensureBridge(`${address}/${prefix}`, mtu, links, signal);
    const inside = [config.clusterCIDR, ...(config.nonMasquerade ?? [])];
    await runProgram('nft', ['-f', '-'], { input: Readable.from([masqueradeTable(podCIDR, inside)]), signal });
    // Last: containerd says that the network is ready as soon as it finds the file.
    mkdirSync(config.leaseDir, { recursive: true });
    mkdirSync(config.cniConfDir, { recursive: true });
    const file = join(config.cniConfDir, CNI_FILE);
    writeFileSync(`${file}.new`, cniConfig({ podCIDR, mtu, leaseDir: config.leaseDir }));
    renameSync(`${file}.new`, file);
    this.#attached = { podCIDR, mtu };
    logger.info('the pod network is up', { podCIDR, bridge: BRIDGE, address, mtu });
  }

  async #loadBridgeFilter(signal: AbortSignal): Promise<void> {
    try {
      await runProgram('modprobe', ['br_netfilter'], { signal });
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      const message = 'Services and network policies may not hold between pods of this node: the kernel has no br_netfilter';
      this.#deps.logger.warn(message, { error });
    }
  }
}

/** Where the device that carries the node's address does not tell: Ethernet's. Bytes. */
const USUAL_MTU = 1_500;

/** Of pods: what the node's own link carries, less the tunnel's headers where there is a tunnel. Bytes. */
function podMtu(link: number | undefined, far: readonly Peer[]): number {
  return (link ?? USUAL_MTU) - (far.length > 0 ? VXLAN_OVERHEAD : 0);
}

interface Link {
  readonly ifname: string;
  readonly mtu: number;
  readonly addr_info: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
}

async function presentLinks(signal: AbortSignal): Promise<readonly Link[]> {
  return JSON.parse(await runProgram('ip', ['-json', 'address', 'show'], { signal })) as readonly Link[];
}

/** IPv4, with prefix length: `10.0.0.1/24`. */
const addressesOf = (link: Link): readonly string[] =>
  link.addr_info.filter(({ family }) => family === 'inet').map(({ local, prefixlen }) => `${local}/${prefixlen}`);

/** The bridge with its address, so that servers can listen on it before the first pod. Another address on it is removed. */
async function ensureBridge(address: string, mtu: number, links: readonly Link[], signal: AbortSignal): Promise<void> {
  const bridge = links.find((link) => link.ifname === BRIDGE);
  const present = bridge === undefined ? [] : addressesOf(bridge);
  await ipBatch(
    [
      ...(bridge === undefined ? [`link add ${BRIDGE} type bridge`] : []),
      ...present.filter((old) => old !== address).map((old) => `address del ${old} dev ${BRIDGE}`),
      ...(present.includes(address) ? [] : [`address add ${address} dev ${BRIDGE}`]),
      `link set ${BRIDGE} mtu ${mtu} up`,
    ],
    signal,
  );
}

async function presentRoutes(signal: AbortSignal): Promise<readonly PodRoute[]> {
  const text = await runProgram('ip', ['-json', '-4', 'route', 'show', 'proto', String(ROUTE_PROTOCOL)], { signal });
  const rows = (text.trim() === '' ? [] : JSON.parse(text)) as readonly {
    readonly dst: string;
    readonly gateway?: string;
    readonly dev?: string;
  }[];
  return rows.map(({ dst, gateway = '', dev }) => ({
    podCIDR: dst.includes('/') ? dst : `${dst}/32`,
    via: gateway,
    ...(dev === VXLAN ? { dev: VXLAN } : {}),
  }));
}

/** Takes away all that `run` made, for good: interfaces, routes, rules and the CNI configuration. Safe to repeat. */
export async function removeNodeNetwork(cniConfDir: string, leaseDir: string): Promise<void> {
  rmSync(join(cniConfDir, CNI_FILE), { force: true });
  rmSync(leaseDir, { recursive: true, force: true });
  const links = JSON.parse(await runProgram('ip', ['-json', 'link', 'show'])) as readonly { readonly ifname: string }[];
  const routes = routeChanges(await presentRoutes(new AbortController().signal), []);
  const ours = links.filter(({ ifname }) => ifname === BRIDGE || ifname === VXLAN);
  const lines = [...routes, ...ours.map(({ ifname }) => `link del ${ifname}`)];
  if (lines.length > 0) await ipBatch(lines);
  for (const table of [NETWORK_TABLE, POLICY_TABLE, 'ip kube-proxy']) {
    // Added first, since deleting what is not there is an error.
    await runProgram('nft', ['-f', '-'], { input: Readable.from([`add table ${table}\ndelete table ${table}\n`]) });
  }
}
