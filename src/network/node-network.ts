// The pod network of one node: bridge, CNI configuration, masquerading, routes to the pods of other nodes.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Clock, elapses, wait } from '#base/clock.ts';
import { trackConnections } from '#base/connection-tracking.ts';
import type { Logger } from '#base/log.ts';
import { rulesStand } from '#base/nft-rules.ts';
import { ProgramError, runNetworkProgram } from '#base/program.ts';
import { isSetTo, setSysctl } from '#base/sysctl.ts';
import { isSystemError } from '#base/system-error.ts';
import { type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import type { Node } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import { BRIDGE, CNI_FILE, cniConfig, firstCniFile, gatewayOf } from './cni-config.ts';
import { allowForwarding, FORWARDING, hasIpv6 } from './forwarding.ts';
import { hardwareAddress } from './hardware-address.ts';
import { ipBatch } from './ip-batch.ts';
import { removeLostLeases } from './lost-leases.ts';
import { masqueradeStake, masqueradeTable, NETWORK_TABLES } from './masquerade.ts';
import { tablesOf } from './nft-names.ts';
import { reattachPods } from './reattach.ts';
import { desiredRoutes, isOnLink, nodeAddresses, peersOf, podCIDRsOf, type PodRoute, ROUTE_PROTOCOL, routeChanges } from './routes-plan.ts';
import { Overlay } from './overlay.ts';
import { POLICY_TABLES } from './policy/rules.ts';
import { removeTables } from './tables.ts';
import { nodad, VXLAN, VXLAN_OVERHEAD } from './vxlan-plan.ts';

/** After a refused command. Milliseconds. */
const RETRY_MS = 1_000;

/** Between looks whether all of it is still there. Milliseconds. */
const LOOK_EVERY_MS = 10_000;

/** Packets between pods of one node are bridged; only so do rules (Services, network policies) see them. */
const BRIDGE_FILTER = { IPv4: 'net/bridge/bridge-nf-call-iptables', IPv6: 'net/bridge/bridge-nf-call-ip6tables' } as const;

export interface NodeNetworkDeps {
  readonly nodes: Informer<Node>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: {
    readonly nodeName: string;
    /** All pods of the cluster: one network, or one of each family. */
    readonly clusterCIDRs: readonly string[];
    readonly cniConfDir: string;
    readonly leaseDir: string;
    /** Networks that pods reach under their own address beside the cluster's. */
    readonly nonMasquerade?: readonly string[];
  };
}

export class NodeNetwork {
  readonly #deps: NodeNetworkDeps;
  readonly #ready = Promise.withResolvers<readonly string[]>();
  #wake = Promise.withResolvers<void>();
  /** As it was brought up the last time: pod networks and MTU. */
  #attached: string | undefined;
  readonly #overlay = new Overlay();

  constructor(deps: NodeNetworkDeps) {
    this.#deps = deps;
  }

  /** Resolves with the bridge's addresses, one a family, once pods can be connected: after the node was given its pod network. */
  get ready(): Promise<readonly string[]> {
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
          await elapses(clock, LOOK_EVERY_MS, this.#wake.promise);
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof ProgramError || isSystemError(error))) throw error;
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
    const podCIDRs = own === undefined ? [] : podCIDRsOf(own);
    const [address] = own === undefined ? [] : nodeAddresses(own);
    if (podCIDRs.length === 0 || address === undefined) return;
    const families = podCIDRs.map(ipFamilyOf);
    const links = await presentLinks(signal);
    const local = links.filter(({ ifname }) => ifname !== BRIDGE && ifname !== VXLAN);
    const prefixes = local.flatMap(addressesOf);
    const tunnel = ipFamilyOf(address);
    // What a node has of a family that is not ours, nobody here can ask for.
    const peers = peersOf(nodes.list(), config.nodeName, tunnel).filter(({ podCIDR }) => families.includes(ipFamilyOf(podCIDR)));
    const near = (to: string): boolean => isOnLink(to, prefixes);
    const far = peers.filter((peer) => peer.address === undefined || !near(peer.address));
    const link = local.find((each) => addressesOf(each).some((prefix) => prefix.startsWith(`${address}/`)));
    const mtu = (link?.mtu ?? USUAL_MTU) - (far.length > 0 ? VXLAN_OVERHEAD[tunnel] : 0);
    await this.#attach(podCIDRs, mtu, links, signal);
    await this.#overlay.bring({ nodeAddress: address, podCIDRs, mtu }, far, signal);
    const changes = routeChanges(await presentRoutes(families, signal), desiredRoutes(peers, near));
    if (changes.length > 0) await ipBatch(changes, signal);
    this.#ready.resolve(podCIDRs.map((podCIDR) => gatewayOf(podCIDR).address));
  }

  /** Does nothing when all of it is as it was the last time. */
  async #attach(podCIDRs: readonly string[], mtu: number, links: readonly Link[], signal: AbortSignal): Promise<void> {
    const { config, clock, logger } = this.#deps;
    const wanted = [...podCIDRs, mtu].join(' ');
    if (this.#attached === wanted) {
      if (await this.#stands(podCIDRs, links, signal)) return;
      logger.warn('somebody took away of the pod network; it is brought up anew');
    }
    this.#attached = undefined;
    if (!existsSync('/proc/sys/net/bridge')) await this.#loadBridgeFilter(signal);
    for (const family of podCIDRs.map(ipFamilyOf)) {
      allowForwarding(family);
      setSysctl(BRIDGE_FILTER[family], '1');
    }
    await ensureBridge(podCIDRs, mtu, links, signal);
    const loose = links.some(({ ifname }) => ifname === BRIDGE) ? [] : await reattachPods(podCIDRs, signal);
    if (loose.length > 0) logger.warn('pods were plugged into the bridge again, which somebody had removed', { links: loose });
    const inside = [...config.clusterCIDRs, ...(config.nonMasquerade ?? [])];
    await runNetworkProgram('nft', ['-f', '-'], {
      input: Readable.from(podCIDRs.map((podCIDR) => masqueradeTable(podCIDR, inside))),
      signal,
    });
    trackConnections(logger); // the kernel has the settings once there are rules
    // Last: containerd says that the network is ready as soon as it finds the file.
    mkdirSync(config.leaseDir, { recursive: true });
    const freed = removeLostLeases(config.leaseDir, clock.now());
    if (freed.length > 0) logger.info('addresses of pods that a power failure had lost are free again', { addresses: freed });
    mkdirSync(config.cniConfDir, { recursive: true });
    const file = join(config.cniConfDir, CNI_FILE);
    writeFileSync(`${file}.new`, cniConfig({ podCIDRs, mtu, leaseDir: config.leaseDir }));
    renameSync(`${file}.new`, file);
    const first = firstCniFile(readdirSync(config.cniConfDir));
    if (first !== CNI_FILE)
      logger.warn("pods get another network than this node's: remove the other configuration", { taken: first, file });
    this.#attached = wanted;
    logger.info('the pod network is up', { podCIDRs, bridge: BRIDGE, mtu });
  }

  /** Whether what was made is there: a firewall that is loaded anew, or `sysctl --system`, undoes it and tells nobody. */
  async #stands(podCIDRs: readonly string[], links: readonly Link[], signal: AbortSignal): Promise<boolean> {
    const families = podCIDRs.map(ipFamilyOf);
    return (
      existsSync(join(this.#deps.config.cniConfDir, CNI_FILE)) &&
      gatewaysOf(podCIDRs).every((gateway) =>
        links.some((link) => link.ifname === BRIDGE && link.flags.includes('UP') && addressesOf(link).includes(gateway)),
      ) &&
      families.every((family) => isSetTo(FORWARDING[family], '1') && isSetTo(BRIDGE_FILTER[family], '1')) &&
      (await rulesStand(masqueradeStake(families), { signal }))
    );
  }

  async #loadBridgeFilter(signal: AbortSignal): Promise<void> {
    try {
      await runNetworkProgram('modprobe', ['br_netfilter'], { signal });
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      const message = 'Services and network policies may not hold between pods of this node: the kernel has no br_netfilter';
      this.#deps.logger.warn(message, { error });
    }
  }
}

/** Where the device that carries the node's address does not tell: Ethernet's. Bytes. */
const USUAL_MTU = 1_500;

interface Link {
  readonly ifname: string;
  /** Hardware address. */
  readonly address: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly scope: string; readonly local: string; readonly prefixlen: number }[];
}

async function presentLinks(signal: AbortSignal): Promise<readonly Link[]> {
  return JSON.parse(await runNetworkProgram('ip', ['-json', 'address', 'show'], { signal })) as readonly Link[];
}

/** Those that reach beyond the link, with prefix length: `10.0.0.1/24`. */
const addressesOf = (link: Link): readonly string[] =>
  link.addr_info.filter(({ scope }) => scope !== 'link').map(({ local, prefixlen }) => `${local}/${prefixlen}`);

/** Of the bridge, with prefix length. */
const gatewaysOf = (podCIDRs: readonly string[]): readonly string[] =>
  podCIDRs.map(gatewayOf).map(({ address, prefix }) => `${address}/${prefix}`);

/**
 * The bridge with its addresses, so that servers can listen on it before the first pod. Another address of these families on
 * it is removed. Its hardware address is given: else it is the lowest of its ports', and whenever that pod ends all others
 * send to nobody until they ask again, up to a minute later. Source: plugins bridge.go ensureAddr.
 */
async function ensureBridge(podCIDRs: readonly string[], mtu: number, links: readonly Link[], signal: AbortSignal): Promise<void> {
  const wanted = gatewaysOf(podCIDRs);
  const families = podCIDRs.map(ipFamilyOf);
  const bridge = links.find((link) => link.ifname === BRIDGE);
  const present = bridge === undefined ? [] : addressesOf(bridge).filter((old) => families.includes(ipFamilyOf(old)));
  const mac = bridge?.address ?? hardwareAddress('bridge', gatewayOf(podCIDRs[0] as string).address);
  await ipBatch(
    [
      ...(bridge === undefined ? [`link add ${BRIDGE} type bridge`] : []),
      `link set ${BRIDGE} address ${mac}`,
      ...present.filter((old) => !wanted.includes(old)).map((old) => `address del ${old} dev ${BRIDGE}`),
      ...wanted.filter((each) => !present.includes(each)).map((each) => `address add ${each} dev ${BRIDGE}${nodad(each)}`),
      `link set ${BRIDGE} mtu ${mtu} up`,
    ],
    signal,
  );
}

const WIDTH = { IPv4: 32, IPv6: 128 } as const;

async function presentRoutes(families: readonly IpFamily[], signal: AbortSignal): Promise<readonly PodRoute[]> {
  const routes: PodRoute[] = [];
  for (const family of families) {
    const flag = family === 'IPv4' ? '-4' : '-6';
    const text = await runNetworkProgram('ip', ['-json', flag, 'route', 'show', 'proto', String(ROUTE_PROTOCOL)], { signal });
    const rows = (text.trim() === '' ? [] : JSON.parse(text)) as readonly {
      readonly dst: string;
      readonly gateway?: string;
      readonly dev?: string;
    }[];
    for (const { dst, gateway = '', dev } of rows) {
      const podCIDR = dst.includes('/') ? dst : `${dst}/${WIDTH[family]}`;
      routes.push({ podCIDR, via: gateway, ...(dev === VXLAN ? { dev: VXLAN } : {}) });
    }
  }
  return routes;
}

/** Takes away all that `run` made, for good: interfaces, routes, rules and the CNI configuration. Safe to repeat. */
export async function removeNodeNetwork(cniConfDir: string, leaseDir: string): Promise<void> {
  rmSync(join(cniConfDir, CNI_FILE), { force: true });
  rmSync(leaseDir, { recursive: true, force: true });
  const links = JSON.parse(await runNetworkProgram('ip', ['-json', 'link', 'show'])) as readonly { readonly ifname: string }[];
  const routes = routeChanges(await presentRoutes(hasIpv6() ? ['IPv4', 'IPv6'] : ['IPv4'], new AbortController().signal), []);
  const ours = links.filter(({ ifname }) => ifname === BRIDGE || ifname === VXLAN);
  const lines = [...routes, ...ours.map(({ ifname }) => `link del ${ifname}`)];
  if (lines.length > 0) await ipBatch(lines);
  await removeTables([...NETWORK_TABLES, ...POLICY_TABLES, ...tablesOf('kube-proxy')]);
}
