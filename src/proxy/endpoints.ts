// pure
// Which endpoints of a Service take traffic: readiness, termination, topology. Source: kube-proxy topology.go.
import type { IpFamily } from '#apimachinery/ip.ts';
import type { EndpointSlice } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { addressesOf } from './addresses.ts';

export interface ProxyEndpoint {
  readonly ip: string;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** On this node. */
  readonly local: boolean;
  /** Hints; without any it is for all. */
  readonly forNodes: readonly string[];
  readonly forZones: readonly string[];
}

export interface ProxyNode {
  readonly name: string;
  /** Label topology.kubernetes.io/zone. */
  readonly zone: string | undefined;
}

/** All endpoints of one port in one family, each address once; a ready report wins over another for the same address. */
export function endpointsOf(
  slices: readonly EndpointSlice[],
  port: { readonly name: string; readonly protocol: string; readonly family: IpFamily },
  node: ProxyNode,
): readonly ProxyEndpoint[] {
  const byTarget = new Map<string, ProxyEndpoint>();
  for (const slice of slices) {
    if (slice.addressType !== port.family) continue;
    const match = (slice.ports ?? []).find((p) => (p.name ?? '') === port.name && (p.protocol ?? 'TCP') === port.protocol);
    if (match?.port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const [ip] = addressesOf(endpoint.addresses.slice(0, 1), port.family);
      if (ip === undefined) continue;
      const { ready = true, serving = ready, terminating = false } = endpoint.conditions;
      const known = byTarget.get(`${ip}:${match.port}`);
      if (known !== undefined && (known.ready || !ready)) continue;
      byTarget.set(`${ip}:${match.port}`, {
        ip,
        port: match.port,
        ready,
        serving,
        terminating,
        local: endpoint.nodeName === node.name,
        forNodes: (endpoint.hints?.forNodes ?? []).map((n) => n.name),
        forZones: (endpoint.hints?.forZones ?? []).map((z) => z.name),
      });
    }
  }
  // A stable order, so that equal input gives equal rules.
  return [...byTarget.values()].toSorted((a, b) => (a.ip === b.ip ? a.port - b.port : a.ip < b.ip ? -1 : 1));
}

export interface ChosenEndpoints {
  /** For traffic under the Cluster policy. */
  readonly cluster: readonly ProxyEndpoint[];
  /** For traffic under the Local policy; those on this node. */
  readonly local: readonly ProxyEndpoint[];
  /** There is one somewhere that can serve, so that a Local policy without a local one drops instead of refusing. */
  readonly anywhere: boolean;
}

/** Source: CategorizeEndpoints. */
export function chooseEndpoints(endpoints: readonly ProxyEndpoint[], node: ProxyNode): ChosenEndpoints {
  const usable = (among: readonly ProxyEndpoint[]): readonly ProxyEndpoint[] => {
    const ready = among.filter((e) => e.ready);
    // With none ready, endpoints that still serve while they end are better than none.
    return ready.length > 0 ? ready : among.filter((e) => e.serving && e.terminating);
  };
  const ready = endpoints.filter((e) => e.ready);
  // Whoever wrote the slices gave hints or none; the proxy does not ask why.
  const cluster = ready.length > 0 ? near(ready, node) : usable(endpoints);
  return { cluster, local: usable(endpoints.filter((e) => e.local)), anywhere: usable(endpoints).length > 0 };
}

/** Endpoints hinted for this node, else for its zone; all of them when any lacks its hint. Source: topologyModeFromHints. */
function near(ready: readonly ProxyEndpoint[], node: ProxyNode): readonly ProxyEndpoint[] {
  const hinted = (kind: 'forNodes' | 'forZones', place: string | undefined): readonly ProxyEndpoint[] =>
    place !== undefined && ready.every((e) => e[kind].length > 0) ? ready.filter((e) => e[kind].includes(place)) : [];
  const [forNode, forZone] = [hinted('forNodes', node.name), hinted('forZones', node.zone)];
  return forNode.length > 0 ? forNode : forZone.length > 0 ? forZone : ready;
}

/** `namespace/name` of the Service whose slice it is; none of one that no Service has. */
export function serviceKeyOf(slice: EndpointSlice): readonly string[] {
  const name = slice.metadata.labels?.[LABEL.serviceName];
  return name === undefined ? [] : [`${slice.metadata.namespace}/${name}`];
}
