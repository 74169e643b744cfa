// Further nodes of one machine: network namespaces, joined by a bridge, each with a `proa agent` under a keeper of its own.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Clock, wait } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { rulesStand } from '#base/nft-rules.ts';
import { ProgramError, runNetworkProgram } from '#base/program.ts';
import { secrets } from '#api/resources.ts';
import { allowForwarding } from '#network/forwarding.ts';
import { removeTables } from '#network/tables.ts';
import type { Client } from '#client/contract.ts';
import { DetachedKeeper } from '../instance/detached-keeper.ts';
import { type Place, pathsOf } from '../instance/paths.ts';
import { LAUNCHER } from '../instance/launcher.ts';
import { authorityHash } from '../join/cluster-info.ts';
import { formatJoinToken, newJoinToken, tokenSecret } from '../join/token.ts';
import { Pki } from '../pki/store.ts';
import { familyOf, listOf } from '../settings/networks.ts';
import { apiServerURL, type Settings } from '../settings/settings.ts';
import {
  bridgeLines,
  cableLines,
  insideLines,
  type LocalNode,
  localNodes,
  NODE_BRIDGE,
  NODES_TABLES,
  outwardStake,
  outwardTable,
  plugLines,
  sidesOf,
  unfinishedLink,
} from './plan.ts';

export { localNodes } from './plan.ts';

/** A token that only this machine's own nodes are given, for a first start. Milliseconds. */
const TOKEN_MS = 60 * 60 * 1000;

/** Between looks whether the rules are still there. Milliseconds. */
const LOOK_EVERY_MS = 10_000;

export interface LocalNodesDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

export class LocalNodes {
  readonly #settings: Settings;
  readonly #deps: LocalNodesDeps;

  constructor(settings: Settings, deps: LocalNodesDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Makes namespaces, bridge and cables, where they are missing. @throws ProgramError */
  async connect(): Promise<void> {
    const nodes = localNodes(this.#settings);
    if (nodes.length === 0) return;
    const { nodeCIDR, podCIDR, serviceCIDR } = this.#settings;
    const sides = sidesOf(nodeCIDR);
    const links = await linkNames();
    if (!links.has(NODE_BRIDGE)) await ipBatch(bridgeLines(sides));
    for (const { cidr } of sides) allowForwarding(familyOf(cidr));
    const inside = [...listOf(podCIDR), ...listOf(serviceCIDR)];
    await runNetworkProgram('nft', ['-f', '-'], { input: Readable.from(sides.map((side) => outwardTable(side, inside))) });
    for (const node of nodes) {
      if (!links.has(node.link)) {
        const cable = unfinishedLink(node);
        if (links.has(cable)) await ipBatch([`link del ${cable}`]);
        if (!existsSync(join('/run/netns', node.namespace))) await runNetworkProgram('ip', ['netns', 'add', node.namespace]);
        await ipBatch(cableLines(node));
        await ipBatch(insideLines(node, sides), node.namespace);
        await ipBatch([`link set ${cable} name ${node.link}`]);
      }
      await ipBatch(plugLines(node));
    }
  }

  /** Until the signal aborts: a bridge and rules that somebody removed come back. */
  async keepConnected(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    if (this.#settings.nodes === 1) return;
    const stake = outwardStake(sidesOf(this.#settings.nodeCIDR));
    while (!signal.aborted) {
      try {
        await wait(clock, LOOK_EVERY_MS, signal);
        if ((await linkNames()).has(NODE_BRIDGE) && (await rulesStand(stake, { signal }))) continue;
        logger.warn("somebody removed the network of this machine's further nodes, or its rules; they are made anew");
        await this.connect();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ProgramError)) throw error;
        logger.error("this machine's further nodes are not connected", { error });
      }
    }
  }

  /** Starts each node's agent unless it runs. `client` may write tokens; `authority` is PEM. @throws StatusError, ConnectionError */
  async start(client: Client, authority: string): Promise<void> {
    const { logLevel, logMaxSize, kubeletPort, kubeletConfig, nodeLabels, nodePortAddresses } = this.#settings;
    const { imageCredentialProviderConfig: providers, imageCredentialProviderBinDir: providersBinDir } = this.#settings;
    for (const node of localNodes(this.#settings)) {
      const paths = pathsOf(node);
      const keeper = new DetachedKeeper(paths, this.#deps.clock);
      if (keeper.running()) continue;
      const fresh = !new Pki(paths.pki, this.#deps).holds('kubelet-client');
      const args = {
        server: apiServerURL(this.#settings),
        'data-dir': node.dataDir,
        'run-dir': node.runDir,
        'node-name': node.name,
        'node-ip': node.address,
        'cgroup-root': node.cgroupRoot,
        'kubelet-port': String(kubeletPort),
        'nodeport-addresses': nodePortAddresses.join(','),
        ...(nodeLabels.length === 0 ? {} : { 'node-labels': nodeLabels.join(',') }),
        ...(kubeletConfig === '' ? {} : { 'kubelet-config': kubeletConfig }),
        ...(providers === '' ? {} : { 'image-credential-provider-config': providers }),
        ...(providersBinDir === '' ? {} : { 'image-credential-provider-bin-dir': providersBinDir }),
        'log-level': logLevel,
        'log-max-size': String(logMaxSize),
        ...(fresh ? { 'token-file': await this.#token(client, node, authority) } : {}),
      };
      const flags = Object.entries(args).map(([flag, value]) => `--${flag}=${value}`);
      keeper.start(['nsenter', `--net=/run/netns/${node.namespace}`, LAUNCHER, 'agent', ...flags]);
      this.#deps.logger.info('a further node starts', { node: node.name, address: node.address, log: paths.log });
    }
  }

  async #token(client: Client, node: LocalNode, authority: string): Promise<string> {
    const token = newJoinToken(authorityHash(authority), this.#deps.ids);
    await client.create(secrets, tokenSecret(token, this.#deps.clock.now() + TOKEN_MS, `For node ${node.name} of the same machine.`));
    mkdirSync(node.dataDir, { recursive: true, mode: 0o711 });
    const file = join(node.dataDir, 'join-token');
    writeFileSync(file, formatJoinToken(token), { mode: 0o600 });
    return file;
  }
}

/** Ends the agents of all further nodes that run here. */
export async function stopLocalNodes(machine: Place, clock: Clock): Promise<void> {
  await Promise.all(placesOf(machine).map((place) => new DetachedKeeper(pathsOf(place), clock).stop()));
}

/** Takes the namespaces, the bridge and the rules away. Nothing may run in them any more. Safe to repeat. */
export async function disconnectLocalNodes(places: readonly NodePlaceOnDisk[]): Promise<void> {
  const links = await linkNames();
  for (const { index } of places) {
    if (links.has(`proa-${index}`)) await ipBatch([`link del proa-${index}`]);
    if (existsSync(`/run/netns/proa-${index}`)) await runNetworkProgram('ip', ['netns', 'delete', `proa-${index}`]);
  }
  if (links.has(NODE_BRIDGE)) await ipBatch([`link del ${NODE_BRIDGE}`]);
  await removeTables(NODES_TABLES);
}

export interface NodePlaceOnDisk extends Place {
  readonly index: string;
}

/** Of every further node there ever was here, whatever the settings say now. */
export function placesOf(machine: Place): readonly NodePlaceOnDisk[] {
  const { nodesData, nodesRun } = pathsOf(machine);
  if (!existsSync(nodesData)) return [];
  return readdirSync(nodesData).map((index) => ({ index, dataDir: join(nodesData, index), runDir: join(nodesRun, index) }));
}

/** After a first start nobody needs the token. */
export function forgetToken(file: string): void {
  rmSync(file, { force: true });
}

async function linkNames(): Promise<ReadonlySet<string>> {
  const links = JSON.parse(await runNetworkProgram('ip', ['-json', 'link', 'show'])) as readonly { readonly ifname: string }[];
  return new Set(links.map(({ ifname }) => ifname));
}

const ipBatch = (lines: readonly string[], namespace?: string): Promise<string> =>
  runNetworkProgram('ip', [...(namespace === undefined ? [] : ['-netns', namespace]), '-batch', '-'], {
    input: Readable.from([`${lines.join('\n')}\n`]),
  });
