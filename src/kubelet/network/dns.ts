// pure
// A pod's resolver configuration: from its dnsPolicy and dnsConfig, the cluster's DNS and the node's resolv.conf.
import type { Pod } from '#api/types.ts';
import { isHostNetworkPod, podLabel } from '../pod/identity.ts';

/** Contents of a resolv.conf. */
export interface ResolverConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface DnsSettings {
  readonly clusterDNS: readonly string[];
  /** `cluster.local`; empty for none. */
  readonly clusterDomain: string;
  /** The node's resolver configuration; undefined when kubelets are told to use none. */
  readonly host: ResolverConfig | undefined;
  /** The node's first address is IPv6. */
  readonly ipv6: boolean;
}

export interface PodDns {
  readonly config: ResolverConfig;
  /** Warnings the pod is told about, upstream's texts. */
  readonly warnings: readonly { readonly reason: 'DNSConfigForming' | 'MissingClusterDNS'; readonly message: string }[];
}

/** Source: validation.MaxDNSNameservers, MaxDNSSearchPaths, MaxDNSSearchListChars. */
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;
/** Source: dns defaultDNSOptions. */
const CLUSTER_OPTIONS = ['ndots:5'];

/** Source: Configurer.GetPodDNS. */
export function podDns(pod: Pod, settings: DnsSettings): PodDns {
  const warnings: PodDns['warnings'][number][] = [];
  const base = baseConfig(pod, settings, warnings);
  const own = pod.spec.dnsConfig;
  const merged: ResolverConfig =
    own === undefined
      ? base
      : {
          servers: unique([...base.servers, ...(own.nameservers ?? [])]),
          searches: unique([...base.searches, ...(own.searches ?? [])]),
          options: mergeOptions(base.options, own.options ?? []),
        };
  return { config: fitLimits(merged, warnings), warnings };
}

function baseConfig(pod: Pod, settings: DnsSettings, warnings: PodDns['warnings'][number][]): ResolverConfig {
  const { dnsPolicy } = pod.spec;
  if (dnsPolicy === 'None') return { servers: [], searches: [], options: [] };
  const cluster = dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !isHostNetworkPod(pod));
  if (cluster && settings.clusterDNS.length > 0) {
    return { servers: settings.clusterDNS, searches: clusterSearches(pod, settings), options: CLUSTER_OPTIONS };
  }
  if (cluster) {
    const message = `kubelet does not have ClusterDNS IP configured and cannot create Pod using "${dnsPolicy}" policy. Falling back to "Default" policy.`;
    warnings.push({ reason: 'MissingClusterDNS', message: `pod: "${podLabel(pod)}". ${message}` });
  }
  return settings.host ?? { servers: [settings.ipv6 ? '::1' : '127.0.0.1'], searches: ['.'], options: [] };
}

function clusterSearches(pod: Pod, { clusterDomain, host }: DnsSettings): readonly string[] {
  const hosts = host?.searches ?? [];
  if (clusterDomain === '') return hosts;
  return unique([`${pod.metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain, ...hosts]);
}

function unique(items: readonly string[]): readonly string[] {
  return [...new Set(items)];
}

/** A pod's option replaces the same one of its policy. Source: mergeDNSOptions. */
function mergeOptions(base: readonly string[], own: readonly { readonly name?: string; readonly value?: string }[]): readonly string[] {
  const out = new Map<string, string>();
  for (const option of base) {
    const colon = option.indexOf(':');
    out.set(colon === -1 ? option : option.slice(0, colon), colon === -1 ? '' : option.slice(colon + 1));
  }
  for (const { name = '', value } of own) if (name !== '') out.set(name, value ?? '');
  return [...out].map(([name, value]) => (value === '' ? name : `${name}:${value}`));
}

/** Source: formDNSConfigFitsLimits. */
function fitLimits({ servers, searches, options }: ResolverConfig, warnings: PodDns['warnings'][number][]): ResolverConfig {
  const keptServers = servers.slice(0, MAX_NAMESERVERS);
  if (keptServers.length < servers.length) {
    const message = `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${keptServers.join(' ')}`;
    warnings.push({ reason: 'DNSConfigForming', message });
  }
  const keptSearches: string[] = [];
  for (const search of searches.slice(0, MAX_SEARCHES)) {
    if ([...keptSearches, search].join(' ').length > MAX_SEARCH_CHARS) break;
    keptSearches.push(search);
  }
  if (keptSearches.length < searches.length) {
    const message = `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${keptSearches.join(' ')}`;
    warnings.push({ reason: 'DNSConfigForming', message });
  }
  return { servers: keptServers, searches: keptSearches, options };
}

/** Later `search` and `options` lines replace earlier ones. Source: dns parseResolvConf. */
export function parseResolvConf(text: string): ResolverConfig {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...rest] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && rest[0] !== undefined) servers.push(rest[0]);
    if (keyword === 'search') searches = rest.map((domain) => (domain === '.' ? domain : domain.replace(/\.$/, '')));
    if (keyword === 'options') options = rest;
  }
  return { servers, searches, options };
}
