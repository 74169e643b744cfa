// The pod network of one node: bridge, CNI configuration, masquerading, routes to the pods of other nodes.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { ProgramError, runProgram } from '#base/program.ts';
import type { Node } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import { BRIDGE, CNI_FILE, cniConfig, gatewayOf } from './cni-config.ts';
import { masqueradeTable, NETWORK_TABLE } from './masquerade.ts';
import { desiredRoutes, type PodRoute, ROUTE_PROTOCOL, routeChanges } from './routes-plan.ts';

/** After a refused command. Milliseconds. */
const RETRY_MS = 1_000;

const SYSCTLS: Readonly<Record<string, string>> = { 'net/ipv4/ip_forward': '1' };

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
    readonly mtu: number;
  };
}

export class NodeNetwork {
  readonly #deps: NodeNetworkDeps;
  readonly #ready = Promise.withResolvers<string>();
  #wake = Promise.withResolvers<void>();
  #podCIDR: string | undefined;

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
    const podCIDR = own?.spec.podCIDR;
    if (podCIDR === undefined || podCIDR === '') return;
    if (podCIDR !== this.#podCIDR) {
      await this.#attach(podCIDR, signal);
      this.#podCIDR = podCIDR;
    }
    const changes = routeChanges(await presentRoutes(signal), desiredRoutes(nodes.list(), config.nodeName));
    if (changes.length > 0) await ipBatch(changes, signal);
    this.#ready.resolve(gatewayOf(podCIDR).address);
  }

  async #attach(podCIDR: string, signal: AbortSignal): Promise<void> {
    const { config, logger } = this.#deps;
    for (const [name, value] of Object.entries(SYSCTLS)) {
      const path = `/proc/sys/${name}`;
      if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
    }
    const { address, prefix } = gatewayOf(podCIDR);
    await ensureBridge(`${address}/${prefix}`, config.mtu, signal);
    await runProgram('nft', ['-f', '-'], { input: Readable.from([masqueradeTable(podCIDR, [config.clusterCIDR])]), signal });
    // Last: containerd says that the network is ready as soon as it finds the file.
    mkdirSync(config.leaseDir, { recursive: true });
    mkdirSync(config.cniConfDir, { recursive: true });
    const file = join(config.cniConfDir, CNI_FILE);
    writeFileSync(`${file}.new`, cniConfig({ podCIDR, mtu: config.mtu, leaseDir: config.leaseDir }));
    renameSync(`${file}.new`, file);
    logger.info('the pod network is up', { podCIDR, bridge: BRIDGE, address });
  }
}

const ipBatch = (lines: readonly string[], signal?: AbortSignal): Promise<string> =>
  runProgram('ip', ['-batch', '-'], { input: Readable.from([`${lines.join('\n')}\n`]), ...(signal === undefined ? {} : { signal }) });

/** The bridge with its address, so that servers can listen on it before the first pod. Another address on it is removed. */
async function ensureBridge(address: string, mtu: number, signal: AbortSignal): Promise<void> {
  const links = JSON.parse(await runProgram('ip', ['-json', 'address', 'show'], { signal })) as readonly {
    readonly ifname: string;
    readonly addr_info: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
  }[];
  const bridge = links.find((link) => link.ifname === BRIDGE);
  const present = (bridge?.addr_info ?? []).filter((info) => info.family === 'inet').map((info) => `${info.local}/${info.prefixlen}`);
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
  const rows = (text.trim() === '' ? [] : JSON.parse(text)) as readonly { readonly dst: string; readonly gateway?: string }[];
  return rows.map((row) => ({ podCIDR: row.dst.includes('/') ? row.dst : `${row.dst}/32`, via: row.gateway ?? '' }));
}

/** Takes away all that `run` made, for good: interfaces, routes, rules and the CNI configuration. Safe to repeat. */
export async function removeNodeNetwork(cniConfDir: string, leaseDir: string): Promise<void> {
  rmSync(join(cniConfDir, CNI_FILE), { force: true });
  rmSync(leaseDir, { recursive: true, force: true });
  const links = JSON.parse(await runProgram('ip', ['-json', 'link', 'show'])) as readonly { readonly ifname: string }[];
  const routes = routeChanges(await presentRoutes(new AbortController().signal), []);
  const lines = [...routes, ...(links.some((link) => link.ifname === BRIDGE) ? [`link del ${BRIDGE}`] : [])];
  if (lines.length > 0) await ipBatch(lines);
  for (const table of [NETWORK_TABLE, 'ip kube-proxy']) {
    // Added first, since deleting what is not there is an error.
    await runProgram('nft', ['-f', '-'], { input: Readable.from([`add table ${table}\ndelete table ${table}\n`]) });
  }
}
