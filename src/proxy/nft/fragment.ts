// pure
// The rules of one Service: its elements in the shared maps and sets, and the chains it needs. A chain that says
// nothing of the Service is one for all that need it.
import { createHash } from 'node:crypto';
import type { EndpointSlice, Service, ServicePort } from '#api/types.ts';
import { type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import { addressesOf, clusterIPsOf, inAny, networksOf, outermost } from '../addresses.ts';
import { chooseEndpoints, endpointsOf, type ProxyEndpoint, type ProxyNode } from '../endpoints.ts';
import type { Affinities } from './affinities.ts';
import { affinityKey, affinitySet, endpointId, NFT_FAMILY, poolKey, type PoolMap, type PoolOf, type PoolProtocol } from './table.ts';

/** Maps and sets of the table that all Services share. */
export type SharedSet =
  | 'service-ips'
  | 'service-nodeports'
  | 'no-endpoint-services'
  | 'no-endpoint-nodeports'
  | PoolMap
  | 'cluster-ips'
  | 'hairpin'
  | 'firewall-ips'
  | 'nodeport-ips'
  | 'service-cidrs';

/** One element: `value` is empty for a set. */
export interface Element {
  readonly set: SharedSet;
  readonly key: string;
  readonly value: string;
}

export interface Fragment {
  /** Rules by chain, in order. Equal names of different Services have equal rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Endpoints that clients are remembered for, as `endpointId` tells them, by the seconds that is for. */
  readonly affinities: Affinities;
  readonly elements: readonly Element[];
}

/** Rules are of one family. */
export interface FragmentContext {
  readonly node: ProxyNode;
  /** Network of all pods, of the family: traffic to a cluster IP from elsewhere must come back through this node. */
  readonly podCIDR: string;
  /** Addresses of the node, of any family. */
  readonly nodeIPs: readonly string[];
}

const EMPTY: Fragment = { chains: new Map(), affinities: new Map(), elements: [] };

/** Source: API default of sessionAffinityConfig.clientIP.timeoutSeconds. */
const DEFAULT_AFFINITY_SECONDS = 10_800;
/** Source: NFT_CHAIN_MAXNAMELEN 128, with room for the prefix and the hash. */
const MAX_NAME = 60;

export function serviceFragment(service: Service, slices: readonly EndpointSlice[], context: FragmentContext): Fragment {
  const { spec } = service;
  const family = ipFamilyOf(context.podCIDR);
  const clusterIPs = clusterIPsOf(service, family);
  if (spec.type === 'ExternalName' || clusterIPs.length === 0) return EMPTY;

  const chains = new Map<string, readonly string[]>();
  const affinities = new Map<number, Set<string>>();
  const elements: Element[] = clusterIPs.map((key) => ({ set: 'cluster-ips', key, value: '' }));
  for (const port of spec.ports ?? []) {
    portFragment({ service, port, slices, clusterIPs, family, context }, { chains, affinities, elements });
  }
  return { chains, affinities, elements };
}

interface PortInput {
  readonly service: Service;
  readonly port: ServicePort;
  readonly slices: readonly EndpointSlice[];
  readonly clusterIPs: readonly string[];
  readonly family: IpFamily;
  readonly context: FragmentContext;
}

interface Output {
  readonly chains: Map<string, readonly string[]>;
  readonly affinities: Map<number, Set<string>>;
  readonly elements: Element[];
}

function portFragment({ service, port, slices, clusterIPs, family, context }: PortInput, out: Output): void {
  const { spec, metadata } = service;
  const protocol = port.protocol.toLowerCase();
  const name = `${metadata.namespace}/${metadata.name}/${protocol}/${port.name ?? ''}`;
  const suffix = chainSuffix(name);
  const ip = NFT_FAMILY[family];
  const named = { name: port.name ?? '', protocol: port.protocol, family };
  const chosen = chooseEndpoints(endpointsOf(slices, named, context.node), context.node);
  const internalLocal = spec.internalTrafficPolicy === 'Local';
  const externalLocal = spec.externalTrafficPolicy === 'Local';
  const internal = internalLocal ? chosen.local : chosen.cluster;
  const external = externalLocal ? chosen.local : chosen.cluster;

  const pool = { protocol, service, suffix, family };
  for (const own of new Set([...internal, ...external, ...chosen.cluster].map((e) => e.ip))) {
    out.elements.push({ set: 'hairpin', key: `${own} . ${own}`, value: '' });
  }
  const verdict = (to: string): string => `goto ${to}`;
  const refusal = verdict(chosen.anywhere ? 'drop-packet' : 'reject-packet');
  for (const clusterIP of clusterIPs) {
    const key = `${clusterIP} . ${protocol} . ${port.port}`;
    out.elements.push(
      internal.length > 0
        ? {
            set: 'service-ips',
            key,
            value: verdict(poolChain({ ...pool, key: `${clusterIP} . ${port.port}`, of: 'endpoints', endpoints: internal }, out)),
          }
        : { set: 'no-endpoint-services', key, value: refusal },
    );
  }
  for (const target of externalTargets({ service, port, family, context })) {
    const onNode = target.kind === 'nodePort';
    const key = onNode ? `${protocol} . ${target.port}` : `${target.ip} . ${protocol} . ${port.port}`;
    const asked = onNode ? String(target.port) : `${target.ip} . ${port.port}`;
    const to = (of: 'endpoints' | 'local-endpoints', endpoints: readonly ProxyEndpoint[]): string | undefined =>
      endpoints.length === 0 ? undefined : poolChain({ ...pool, key: asked, of: onNode ? `nodeport-${of}` : of, endpoints }, out);
    const everywhere = to('endpoints', chosen.cluster);
    const chain = externalLocal
      ? localPolicyChain({ everywhere, here: to('local-endpoints', chosen.local) }, ip, context.podCIDR, out)
      : masqueradingChain(everywhere, out);
    if (chain !== undefined) out.elements.push({ set: onNode ? 'service-nodeports' : 'service-ips', key, value: verdict(chain) });
    if (external.length === 0) out.elements.push({ set: onNode ? 'no-endpoint-nodeports' : 'no-endpoint-services', key, value: refusal });
    if (target.kind === 'loadBalancer' && target.sources.length > 0) firewall(target, { protocol, port: port.port, suffix, family }, out);
  }
}

/** Name of the chain for clients outside under the Cluster policy; undefined without a pool. */
function masqueradingChain(pool: string | undefined, out: Output): string | undefined {
  if (pool === undefined) return undefined;
  const chain = `external-${pool}`;
  out.chains.set(chain, ['jump mark-for-masquerade', `goto ${pool}`]);
  return chain;
}

/** As above, under the Local policy. Clients inside the cluster reach every endpoint, whatever the policy for those outside. */
function localPolicyChain(
  { everywhere, here }: { readonly everywhere: string | undefined; readonly here: string | undefined },
  ip: string,
  podCIDR: string,
  out: Output,
): string | undefined {
  if (everywhere === undefined && here === undefined) return undefined;
  const lines = [
    ...(everywhere === undefined
      ? []
      : [
          `${ip} saddr ${podCIDR} goto ${everywhere}`,
          'fib saddr type local jump mark-for-masquerade',
          `fib saddr type local goto ${everywhere}`,
        ]),
    ...(here === undefined ? [] : [`goto ${here}`]),
  ];
  const chain = `external-local-${hashOf(lines.join('\n'))}`;
  out.chains.set(chain, lines);
  return chain;
}

type ExternalTarget =
  | { readonly kind: 'nodePort'; readonly port: number }
  | { readonly kind: 'externalIP'; readonly ip: string }
  /** `sources`: of the family; none: from everywhere. */
  | { readonly kind: 'loadBalancer'; readonly ip: string; readonly sources: readonly string[] };

function externalTargets({
  service: { spec, status },
  port,
  family,
  context,
}: Pick<PortInput, 'service' | 'port' | 'family' | 'context'>): readonly ExternalTarget[] {
  const ingress = (status.loadBalancer?.ingress ?? []).filter(({ ipMode }) => ipMode !== 'Proxy');
  const balanced = addressesOf(
    ingress.map(({ ip }) => ip),
    family,
  );
  const ranges = networksOf(spec.loadBalancerSourceRanges ?? [], family);
  // Such an address is often one of the node's own, and then the source too of what the node itself sends there.
  const fromHere = context.nodeIPs.some((ip) => inAny(ranges, ip)) ? balanced.map((ip) => `${ip}/${family === 'IPv4' ? 32 : 128}`) : [];
  const sources = outermost([...ranges, ...fromHere]);
  return [
    ...(port.nodePort === undefined || port.nodePort === 0 || spec.type === 'ClusterIP'
      ? []
      : [{ kind: 'nodePort' as const, port: port.nodePort }]),
    ...addressesOf(spec.externalIPs ?? [], family).map((ip) => ({ kind: 'externalIP' as const, ip })),
    ...balanced.map((ip) => ({ kind: 'loadBalancer' as const, ip, sources })),
  ];
}

function firewall(
  { ip, sources }: Extract<ExternalTarget, { kind: 'loadBalancer' }>,
  at: { readonly protocol: string; readonly port: number; readonly suffix: string; readonly family: IpFamily },
  out: Output,
): void {
  const chain = `firewall-${at.suffix}`;
  out.chains.set(chain, [`${NFT_FAMILY[at.family]} saddr { ${sources.join(', ')} } return`, 'drop']);
  out.elements.push({ set: 'firewall-ips', key: `${ip} . ${at.protocol} . ${at.port}`, value: `goto ${chain}` });
}

interface Pool {
  /** What is sent to, as it stands in the map: `10.96.0.1 . 80`, or `30080`. */
  readonly key: string;
  readonly of: PoolOf;
  /** At least one. */
  readonly endpoints: readonly ProxyEndpoint[];
  readonly protocol: string;
  readonly service: Service;
  readonly suffix: string;
  readonly family: IpFamily;
}

/** Name of the chain that picks one of `endpoints` at random, or the one a client had before. */
function poolChain(pool: Pool, out: Output): string {
  const { key, of, endpoints, protocol, service, family } = pool;
  const map = `${protocol as PoolProtocol}-${of}` as const;
  const chain = `${map}-${endpoints.length}`;
  out.chains.set(chain, [`dnat ${NFT_FAMILY[family]} addr . port to ${poolKey(map, family, endpoints.length)} map @${map}`]);
  for (const [i, e] of endpoints.entries()) out.elements.push({ set: map, key: `${key} . ${i}`, value: `${e.ip} . ${e.port}` });
  return service.spec.sessionAffinity === 'ClientIP' ? affinityChain(pool, chain, out) : chain;
}

/**
 * Such a Service has a chain of its own, but neither sets nor maps: who is whose client stands in one set for all. Where that is
 * full, no client can be taken on, and `forgetful` serves those that are new.
 */
function affinityChain({ endpoints, protocol, service, suffix, family }: Pool, forgetful: string, out: Output): string {
  const seconds = service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS;
  const set = `@${affinitySet(seconds)}`;
  const ids = out.affinities.getOrInsert(seconds, new Set());
  const named = endpoints.map((e) => {
    const at = family === 'IPv4' ? `${e.ip}:${e.port}` : `[${e.ip}]:${e.port}`;
    const id = endpointId(`${suffix} ${at}`);
    ids.add(id);
    const client = affinityKey(family, id);
    return { client, led: `update ${set} { ${client} } meta l4proto ${protocol} dnat to ${at}` };
  });
  const chain = `service-${hashOf(endpoints.map((e) => `${e.ip} ${e.port}`).join())}-${suffix}`;
  out.chains.set(chain, [
    ...named.map(({ client, led }) => `${client} ${set} ${led}`),
    // One of those that are left, each as likely.
    ...named.map(({ led }, i) => `numgen random mod ${named.length - i} 0 ${led}`),
    `goto ${forgetful}`,
  ]);
  return chain;
}

/** Readable, and unique however long the names are. */
const chainSuffix = (name: string): string => `${hashOf(name)}-${name.slice(0, MAX_NAME)}`;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);
