// pure
// Which connection-tracking entries must go so that UDP clients do not keep talking to what is no longer there. TCP ends
// by itself. Source: kube-proxy conntrack cleanup.go.
import type { EndpointSlice, Service } from '#api/types.ts';
import { type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import { clusterIPsOf } from './cluster-ips.ts';
import { endpointsOf, type ProxyNode } from './endpoints.ts';

/** A UDP port of a Service and what serves it, at one moment. */
export interface UdpFlow {
  readonly family: IpFamily;
  /** `10.96.0.10:53`, `fd00::a:53`, or `:30053` for a node port. */
  readonly frontends: readonly string[];
  /** Addresses that serve it. */
  readonly backends: ReadonlySet<string>;
}

export type FlowRemoval =
  /** Every entry whose original destination is this and whose answers come from `backend`. */
  | { readonly kind: 'backend'; readonly family: IpFamily; readonly frontend: string; readonly backend: string }
  /** Every entry to this: there was no endpoint before, so packets were tracked without translation. */
  | { readonly kind: 'frontend'; readonly family: IpFamily; readonly frontend: string };

/** Of one family, by the name of the port. */
export function udpFlows(
  service: Service,
  slices: readonly EndpointSlice[],
  node: ProxyNode,
  family: IpFamily,
): ReadonlyMap<string, UdpFlow> {
  const outer = [...(service.spec.externalIPs ?? []), ...(service.status.loadBalancer?.ingress ?? []).map((ingress) => ingress.ip ?? '')];
  const ips = [...clusterIPsOf(service, family), ...outer.filter((ip) => ip !== '' && ipFamilyOf(ip) === family)];
  const flows = new Map<string, UdpFlow>();
  for (const port of service.spec.ports ?? []) {
    if (port.protocol !== 'UDP' || service.spec.type === 'ExternalName') continue;
    const ready = endpointsOf(slices, { name: port.name ?? '', protocol: 'UDP', family }, node).filter(
      (e) => e.ready || (e.serving && e.terminating),
    );
    flows.set(port.name ?? '', {
      family,
      frontends: [
        ...ips.map((ip) => `${ip}:${port.port}`),
        ...(port.nodePort === undefined || port.nodePort === 0 ? [] : [`:${port.nodePort}`]),
      ],
      backends: new Set(ready.map((e) => e.ip)),
    });
  }
  return flows;
}

export function flowRemovals(before: ReadonlyMap<string, UdpFlow>, after: ReadonlyMap<string, UdpFlow>): readonly FlowRemoval[] {
  const removals: FlowRemoval[] = [];
  for (const [port, was] of before) {
    const now = after.get(port);
    const gone = [...was.backends].filter((ip) => now?.backends.has(ip) !== true);
    removals.push(
      ...was.frontends.flatMap((frontend) => gone.map((backend) => ({ kind: 'backend' as const, family: was.family, frontend, backend }))),
    );
  }
  for (const [port, now] of after) {
    const was = before.get(port);
    if (was === undefined || was.backends.size > 0 || now.backends.size === 0) continue;
    removals.push(...now.frontends.map((frontend) => ({ kind: 'frontend' as const, family: now.family, frontend })));
  }
  return removals;
}

/** Arguments of conntrack(8). */
export function conntrackArguments(removal: FlowRemoval): readonly string[] {
  const colon = removal.frontend.lastIndexOf(':');
  const [ip, port] = [removal.frontend.slice(0, colon), removal.frontend.slice(colon + 1)];
  return [
    '--delete',
    `--family=${removal.family === 'IPv4' ? 'ipv4' : 'ipv6'}`,
    '--proto=udp',
    ...(ip === '' ? [] : [`--orig-dst=${ip}`]),
    `--orig-port-dst=${port}`,
    ...(removal.kind === 'backend' ? [`--reply-src=${removal.backend}`] : []),
  ];
}
