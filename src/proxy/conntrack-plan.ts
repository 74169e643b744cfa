// pure
// Which connection-tracking entries must go so that UDP clients do not keep talking to what is no longer there. TCP ends
// by itself. Source: kube-proxy conntrack cleanup.go.
import type { EndpointSlice, Service } from '#api/types.ts';
import type { IpFamily } from '#apimachinery/ip.ts';
import { addressesOf, clusterIPsOf } from './addresses.ts';
import { endpointsOf, type ProxyNode } from './endpoints.ts';

/**
 * What serves UDP at one moment, in one family: addresses with ports, `10.244.0.2 5353`, by where it is served: `10.96.0.10 53`,
 * or ` 30053` for a node port.
 */
export type UdpFlows = ReadonlyMap<string, ReadonlySet<string>>;

export interface FlowRemoval {
  readonly family: IpFamily;
  /** The original destination. */
  readonly frontend: string;
  /** Where answers come from; without it every entry goes: nothing served there before, so packets were tracked untranslated. */
  readonly backend?: string;
}

export function udpFlows(service: Service, slices: readonly EndpointSlice[], node: ProxyNode, family: IpFamily): UdpFlows {
  const outer = [...(service.spec.externalIPs ?? []), ...(service.status.loadBalancer?.ingress ?? []).map((ingress) => ingress.ip)];
  const ips = [...clusterIPsOf(service, family), ...addressesOf(outer, family)];
  const flows = new Map<string, ReadonlySet<string>>();
  for (const port of service.spec.ports ?? []) {
    if (port.protocol !== 'UDP' || service.spec.type === 'ExternalName') continue;
    const serving = endpointsOf(slices, { name: port.name ?? '', protocol: 'UDP', family }, node).filter(
      (e) => e.ready || (e.serving && e.terminating),
    );
    const backends = new Set(serving.map((e) => `${e.ip} ${e.port}`));
    for (const ip of ips) flows.set(`${ip} ${port.port}`, backends);
    if (port.nodePort !== undefined && port.nodePort !== 0) flows.set(` ${port.nodePort}`, backends);
  }
  return flows;
}

const NOBODY: ReadonlySet<string> = new Set();

export function flowRemovals(before: UdpFlows, after: UdpFlows, family: IpFamily): readonly FlowRemoval[] {
  const served = (flows: UdpFlows, frontend: string): ReadonlySet<string> => flows.get(frontend) ?? NOBODY;
  return [
    ...[...before].flatMap(([frontend, was]) =>
      [...was.difference(served(after, frontend))].map((backend) => ({ family, frontend, backend })),
    ),
    ...[...after].filter(([at, now]) => now.size > 0 && served(before, at).size === 0).map(([frontend]) => ({ family, frontend })),
  ];
}

/** Destination of the question, and source of the answer. */
const ENTRY = /dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) dst=\S+ sport=(\d+) /;

/** What an earlier proxy left behind: entries to what is served now, by others than serve it. `listing`: of conntrack(8). */
export function staleFlows(listing: string, flows: UdpFlows, family: IpFamily): readonly FlowRemoval[] {
  const stale = new Map<string, FlowRemoval>();
  for (const line of listing.split('\n')) {
    const [, to = '', toPort = '', by = '', byPort = ''] = ENTRY.exec(line) ?? [];
    const backend = `${by} ${byPort}`;
    for (const frontend of [`${to} ${toPort}`, ` ${toPort}`]) {
      const serving = flows.get(frontend) ?? NOBODY;
      if (serving.size > 0 && !serving.has(backend)) stale.set(`${frontend} ${backend}`, { family, frontend, backend });
    }
  }
  return [...stale.values()];
}

const FAMILY_FLAG: Readonly<Record<IpFamily, string>> = { IPv4: '--family=ipv4', IPv6: '--family=ipv6' };

/** Arguments of conntrack(8). */
export function removalArguments({ family, frontend, backend }: FlowRemoval): readonly string[] {
  const [ip = '', port = ''] = frontend.split(' ');
  const [from = '', fromPort = ''] = backend?.split(' ') ?? [];
  return [
    '--delete',
    FAMILY_FLAG[family],
    '--proto=udp',
    ...(ip === '' ? [] : [`--orig-dst=${ip}`]),
    `--orig-port-dst=${port}`,
    ...(from === '' ? [] : [`--reply-src=${from}`, `--reply-port-src=${fromPort}`]),
  ];
}

/** Arguments of conntrack(8) that list what `staleFlows` reads. */
export const listArguments = (family: IpFamily): readonly string[] => ['--dump', FAMILY_FLAG[family], '--proto=udp'];
