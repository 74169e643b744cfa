// What a node's side has beside its kubelet: pod network, network policies, service proxy, DNS, volumes. Each has the identity
// and the client it would have in a process of its own, and all that it works with is made when it begins, so that one that broke
// begins anew as such a process would.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { runNetworkProgram } from '#base/program.ts';
import { endpointslices, namespaces, networkpolicies, nodes, pods, servicecidrs, services } from '#api/resources.ts';
import type { EndpointSlice, Namespace, NetworkPolicy, Node, Pod, Service, ServiceCIDR } from '#api/types.ts';
import type { Transport } from '#client/contract.ts';
import { createClient } from '#client/client.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { upstreamsOf } from '#dns/resolv-conf.ts';
import { createDnsServer } from '#dns/server.ts';
import { NodeNetwork } from '#network/node-network.ts';
import { Policies } from '#network/policy/policies.ts';
import { defaultBindAddresses } from '#proxy/bind-addresses.ts';
import { proxyEvents } from '#proxy/events.ts';
import { Proxy } from '#proxy/proxy.ts';
import type { Paths } from '../instance/paths.ts';
import { familiesOf, listOf } from '../settings/networks.ts';
import type { Settings } from '../settings/settings.ts';
import { serveClusterDns } from './cluster-dns.ts';
import { clusterCIDRs } from './deciders.ts';
import { keepRunning } from './keep-running.ts';
import { runLocalPath } from './local-path.ts';

export const RESOLV_CONF = '/etc/resolv.conf';

/** An identity: what the loopback transport or the client certificate of a component says. */
export interface PartIdentities {
  readonly proxy: Transport;
  readonly dns: Transport;
  readonly network: Transport;
  readonly localPath: Transport;
}

export interface PartDeps {
  readonly settings: Settings;
  readonly paths: Pick<Paths, 'cniConf' | 'volumes'>;
  /** Folder that the runtime reads CNI configuration from. */
  readonly cniConfDir: string;
  /** Certificates of the cluster's authority, PEM. */
  readonly authority: () => string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** One part, from its beginning until the signal aborts. */
type Part = (deps: PartDeps) => Promise<void>;

/** Runs all of them until the signal aborts. Never rejects. */
export async function runParts(identities: PartIdentities, deps: PartDeps): Promise<void> {
  /** Addresses of the bridge, which DNS listens on. */
  const bridge = Promise.withResolvers<readonly string[]>();
  const parts: Readonly<Record<string, Part>> = {
    network: (own) => runNetwork(identities.network, own, bridge.resolve),
    'network policies': (own) => runPolicies(identities.network, own),
    proxy: (own) => runProxy(identities.proxy, own),
    'local-path': (own) => runVolumes(identities.localPath, own),
    dns: (own) => runDns(identities.dns, own, bridge.promise),
  };
  await Promise.all(
    Object.entries(parts).map(([component, run]) => {
      const logger = deps.logger.with({ component });
      return keepRunning((signal) => run({ ...deps, logger, signal }), { clock: deps.clock, logger, signal: deps.signal });
    }),
  );
}

/** They run until the signal aborts. */
function informersOf(transport: Transport, { logger, clock, ids, signal }: PartDeps): InformerFactory {
  const factory = createInformerFactory({ client: createClient(transport), logger, clock, ids, managedFields: false });
  factory.start(signal);
  return factory;
}

async function runNetwork(transport: Transport, deps: PartDeps, ready: (addresses: readonly string[]) => void): Promise<void> {
  const { settings, paths, cniConfDir, clock, logger, signal } = deps;
  const network = new NodeNetwork({
    nodes: informersOf(transport, deps).informer<Node>(nodes),
    clock,
    logger,
    config: {
      nodeName: settings.nodeName,
      clusterCIDRs: listOf(settings.podCIDR),
      cniConfDir,
      leaseDir: join(paths.cniConf, '..', 'leases'),
      nonMasquerade: settings.nodes > 1 ? listOf(settings.nodeCIDR) : [],
    },
  });
  void network.ready.then(ready);
  await network.run(signal);
}

async function runPolicies(transport: Transport, deps: PartDeps): Promise<void> {
  const { settings, clock, logger, signal } = deps;
  const policies = new Policies({
    policies: informersOf(transport, deps).informer<NetworkPolicy>(networkpolicies),
    peers() {
      const followed = informersOf(transport, deps);
      return { pods: followed.informer<Pod>(pods), namespaces: followed.informer<Namespace>(namespaces) };
    },
    nodeName: settings.nodeName,
    families: familiesOf(settings.podCIDR),
    clock,
    logger,
  });
  await policies.run(signal);
}

async function runProxy(transport: Transport, deps: PartDeps): Promise<void> {
  const { settings, clock, ids, logger, signal } = deps;
  const { nodeName } = settings;
  const podCIDRs = listOf(settings.podCIDR);
  const informers = informersOf(transport, deps);
  const proxy = new Proxy({
    services: informers.informer<Service>(services),
    endpointSlices: informers.informer<EndpointSlice>(endpointslices),
    nodes: informers.informer<Node>(nodes, { fieldSelector: `metadata.name=${nodeName}` }),
    serviceCIDRs: informers.informer<ServiceCIDR>(servicecidrs),
    runProgram: runNetworkProgram,
    clock,
    logger,
    events: proxyEvents(createClient(transport), { nodeName, clock, ids, logger, signal }),
    config: {
      nodeName,
      podCIDRs,
      nodePortAddresses: settings.nodePortAddresses,
      bindAddresses: defaultBindAddresses(podCIDRs),
      flags: {
        'hostname-override': settings.nodeName,
        'cluster-cidr': settings.podCIDR,
        'nodeport-addresses': settings.nodePortAddresses.join(','),
        'proxy-mode': 'nftables',
      },
    },
  });
  await proxy.run(signal);
}

function runVolumes(transport: Transport, { settings, paths, authority, ...deps }: PartDeps): Promise<void> {
  return runLocalPath(transport, {
    place: { nodeName: settings.nodeName, root: paths.volumes },
    config: { clusterCIDRs: clusterCIDRs(settings.podCIDR), rootCA: authority() },
    ...deps,
  });
}

async function runDns(transport: Transport, deps: PartDeps, ready: Promise<readonly string[]>): Promise<void> {
  const { settings, clock, ids, logger, signal } = deps;
  const informers = informersOf(transport, deps);
  const slices = informers.informer<EndpointSlice>(endpointslices);
  const dns = createDnsServer({
    services: informers.informer<Service>(services),
    endpointSlices: slices,
    namespaces: informers.informer<Namespace>(namespaces),
    clock,
    ids,
    logger,
    config: { clusterDomain: settings.clusterDomain, upstreams },
  });
  try {
    await serveClusterDns({ dns, ready, slices, client: createClient(transport), nodeName: settings.nodeName, clock, logger }, signal);
  } finally {
    await dns.stop();
  }
}

/** Read each time it is asked for: the machine's resolvers change with its network. A machine may have none. */
function upstreams(): ReturnType<typeof upstreamsOf> {
  try {
    return upstreamsOf(readFileSync(RESOLV_CONF, 'utf8'), []);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
