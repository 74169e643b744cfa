// pure
// The rules of one Service: its chains, its affinity sets and its elements in the shared maps and sets.
import { createHash } from 'node:crypto';
import type { EndpointSlice, Service, ServicePort } from '#api/types.ts';
import { canonicalIp, type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import { clusterIPsOf } from '../cluster-ips.ts';
import { chooseEndpoints, endpointsOf, type ProxyEndpoint, type ProxyNode } from '../endpoints.ts';
import { NFT_FAMILY } from './table.ts';

/** Maps and sets of the table that all Services share. */
export type SharedSet =
  | 'service-ips'
  | 'service-nodeports'
  | 'no-endpoint-services'
  | 'no-endpoint-nodeports'
  | 'cluster-ips'
  | 'hairpin'
  | 'firewall-ips';

/** One element: `value` is empty for a set. */
export interface Element {
  readonly set: SharedSet;
  readonly key: string;
  readonly value: string;
}

export interface Fragment {
  /** Rules by chain, in order. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Time to live in seconds by the name of a set of client addresses. */
  readonly affinitySets: ReadonlyMap<string, number>;
  readonly elements: readonly Element[];
}

/** Rules are of one family. */
export interface FragmentContext {
  readonly node: ProxyNode;
  /** Network of all pods, of the family: traffic to a cluster IP from elsewhere must come back through this node. */
  readonly podCIDR: string;
}

const EMPTY: Fragment = { chains: new Map(), affinitySets: new Map(), elements: [] };

/** Source: API default of sessionAffinityConfig.clientIP.timeoutSeconds. */
const DEFAULT_AFFINITY_SECONDS = 10_800;
/** Source: NFT_CHAIN_MAXNAMELEN 128, with room for the prefix and the hash. */
const MAX_NAME = 90;

export function serviceFragment(service: Service, slices: readonly EndpointSlice[], context: FragmentContext): Fragment {
  const { spec } = service;
  const family = ipFamilyOf(context.podCIDR);
  const clusterIPs = clusterIPsOf(service, family);
  if (spec.type === 'ExternalName' || clusterIPs.length === 0) return EMPTY;

  const chains = new Map<string, readonly string[]>();
  const affinitySets = new Map<string, number>();
  const elements: Element[] = clusterIPs.map((key) => ({ set: 'cluster-ips', key, value: '' }));
  for (const port of spec.ports ?? []) {
    portFragment({ service, port, slices, clusterIPs, family, context }, { chains, affinitySets, elements });
  }
  return { chains, affinitySets, elements };
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
  readonly affinitySets: Map<string, number>;
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

  const internalChain = `${internalLocal ? 'service-local' : 'service'}-${suffix}`;
  const externalChain = `external-${suffix}`;
  const pools = new Map([[internalChain, internal]]);
  const externalPool = `${externalLocal ? 'service-local' : 'service'}-${suffix}`;
  const externals = externalTargets(service, port, family);
  if (externals.length > 0) {
    pools.set(externalPool, external);
    // Clients inside the cluster reach every endpoint, whatever the policy for those outside.
    pools.set(`service-${suffix}`, chosen.cluster);
  }
  for (const [chain, endpoints] of pools) {
    if (endpoints.length > 0) poolChain({ chain, endpoints, protocol, service, suffix, clusterIPs, family, podCIDR: context.podCIDR }, out);
  }
  for (const own of new Set([...internal, ...external, ...chosen.cluster].map((e) => e.ip))) {
    out.elements.push({ set: 'hairpin', key: `${own} . ${own}`, value: '' });
  }

  const verdict = (to: string): string => `goto ${to}`;
  const refusal = verdict(chosen.anywhere ? 'drop-packet' : 'reject-packet');
  for (const clusterIP of clusterIPs) {
    const key = `${clusterIP} . ${protocol} . ${port.port}`;
    out.elements.push(
      internal.length > 0
        ? { set: 'service-ips', key, value: verdict(internalChain) }
        : { set: 'no-endpoint-services', key, value: refusal },
    );
  }
  if (externals.length === 0) return;
  const reachable = external.length > 0 || chosen.cluster.length > 0;
  if (reachable) {
    out.chains.set(externalChain, [
      ...(externalLocal
        ? [
            ...(chosen.cluster.length === 0
              ? []
              : [
                  `${ip} saddr ${context.podCIDR} goto service-${suffix}`,
                  `fib saddr type local jump mark-for-masquerade`,
                  `fib saddr type local goto service-${suffix}`,
                ]),
            ...(external.length === 0 ? [] : [`goto ${externalPool}`]),
          ]
        : ['jump mark-for-masquerade', `goto ${externalPool}`]),
    ]);
  }
  for (const target of externals) {
    const port_ = target.kind === 'nodePort';
    const key = port_ ? `${protocol} . ${target.port}` : `${target.ip} . ${protocol} . ${port.port}`;
    if (reachable) out.elements.push({ set: port_ ? 'service-nodeports' : 'service-ips', key, value: verdict(externalChain) });
    if (external.length === 0) out.elements.push({ set: port_ ? 'no-endpoint-nodeports' : 'no-endpoint-services', key, value: refusal });
    if (target.kind === 'loadBalancer' && target.sources.length > 0) firewall(target, { protocol, port: port.port, suffix, family }, out);
  }
}

type ExternalTarget =
  | { readonly kind: 'nodePort'; readonly port: number }
  | { readonly kind: 'externalIP'; readonly ip: string }
  /** `sources`: of the family; none: from everywhere. */
  | { readonly kind: 'loadBalancer'; readonly ip: string; readonly sources: readonly string[] };

function externalTargets({ spec, status }: Service, port: ServicePort, family: IpFamily): readonly ExternalTarget[] {
  const ours = (ip: string | undefined): ip is string => ip !== undefined && ip !== '' && ipFamilyOf(ip) === family;
  const sources = (spec.loadBalancerSourceRanges ?? []).filter(ours);
  return [
    ...(port.nodePort === undefined || port.nodePort === 0 || spec.type === 'ClusterIP'
      ? []
      : [{ kind: 'nodePort' as const, port: port.nodePort }]),
    ...(spec.externalIPs ?? []).filter(ours).map((ip) => ({ kind: 'externalIP' as const, ip: canonicalIp(ip) })),
    ...(status.loadBalancer?.ingress ?? [])
      .filter((ingress) => ingress.ipMode !== 'Proxy')
      .map((ingress) => ingress.ip)
      .filter(ours)
      .map((ip) => ({ kind: 'loadBalancer' as const, ip: canonicalIp(ip), sources })),
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
  readonly chain: string;
  readonly endpoints: readonly ProxyEndpoint[];
  readonly protocol: string;
  readonly service: Service;
  readonly suffix: string;
  readonly clusterIPs: readonly string[];
  readonly family: IpFamily;
  readonly podCIDR: string;
}

/** The chain that picks one of `endpoints` at random, or the one a client had before. */
function poolChain({ chain, endpoints, protocol, service, suffix, clusterIPs, family, podCIDR }: Pool, out: Output): void {
  const ip = NFT_FAMILY[family];
  const masquerade = clusterIPs.map((clusterIP) => `${ip} daddr ${clusterIP} ${ip} saddr != ${podCIDR} jump mark-for-masquerade`);
  if (service.spec.sessionAffinity !== 'ClientIP') {
    const targets = endpoints.map((e, i) => `${i} : ${e.ip} . ${e.port}`).join(', ');
    out.chains.set(chain, [
      ...masquerade,
      `meta l4proto ${protocol} dnat ${ip} addr . port to numgen random mod ${endpoints.length} map { ${targets} }`,
    ]);
    return;
  }
  const seconds = service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS;
  const named = endpoints.map((e) => {
    const id = `${suffix}/${e.ip.replaceAll(':', '-')}/${e.port}`; // nftables takes no colon in a name
    const set = `affinity-${seconds}-${id}`; // a set's timeout cannot be changed, so it is part of the name
    out.affinitySets.set(set, seconds);
    out.chains.set(`endpoint-${id}`, [
      `update @${set} { ${ip} saddr }`,
      `meta l4proto ${protocol} dnat to ${family === 'IPv4' ? e.ip : `[${e.ip}]`}:${e.port}`,
    ]);
    return { set, chain: `endpoint-${id}` };
  });
  out.chains.set(chain, [
    ...masquerade,
    ...named.map((e) => `${ip} saddr @${e.set} goto ${e.chain}`),
    `numgen random mod ${named.length} vmap { ${named.map((e, i) => `${i} : goto ${e.chain}`).join(', ')} }`,
  ]);
}

/** Readable, and unique however long the names are. */
function chainSuffix(name: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${hash}-${name.slice(0, MAX_NAME - 30)}`;
}
