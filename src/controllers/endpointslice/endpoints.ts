// pure
// The endpoints of a Service's pods. Source: endpointslice utils.go podToEndpoint, getEndpointPorts, ShouldPodBeInEndpoints.
import { canonicalIp } from '#apimachinery/ip.ts';
import { isPodReady, isPodTerminal } from '#api/pods.ts';
import { findPodPort } from '#api/services.ts';
import type { DiscoveryV1EndpointPort as EndpointPort, Endpoint, EndpointHints, Pod, Service } from '#api/types.ts';
import { type Target, targetOf } from './target.ts';
import { isTopologyAware } from './topology.ts';

/** One for each family the pod has an address of; none for one at its end. `zone`: where its node stands. */
export function targetsOfPod(service: Service, pod: Pod, zone: string | undefined): readonly Target[] {
  if (isPodTerminal(pod)) return [];
  const ports = portsOf(service, pod);
  return podAddresses(pod).map((ip) => targetOf(endpointOf(service, pod, ip, zone), ports));
}

/** However they were written. Source: getEndpointAddresses. */
function podAddresses({ status }: Pod): readonly string[] {
  const all = (status.podIPs ?? []).map(({ ip }) => ip).filter((ip) => ip !== '');
  if (all.length > 0) return all.map(canonicalIp);
  return status.podIP === undefined || status.podIP === '' ? [] : [canonicalIp(status.podIP)];
}

function endpointOf(service: Service, pod: Pod, ip: string, zone: string | undefined): Endpoint {
  const { metadata, spec } = pod;
  const serving = isPodReady(pod);
  const terminating = metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  // Hints by CPU share are put on later, when all endpoints are known.
  const hints = ready && !isTopologyAware(service) ? hintsOf(service, spec.nodeName, zone) : undefined;
  return {
    addresses: [ip],
    conditions: { ready, serving, terminating },
    ...(isNamedBy(service, pod) ? { hostname: spec.hostname as string } : {}),
    targetRef: { kind: 'Pod', namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
    ...(spec.nodeName === undefined ? {} : { nodeName: spec.nodeName }),
    ...(zone === undefined ? {} : { zone }),
    ...(hints === undefined ? {} : { hints }),
  };
}

/** The pod has a DNS name below the Service's. */
export function isNamedBy(service: Service, { metadata, spec }: Pod): boolean {
  return spec.hostname !== undefined && spec.subdomain === service.metadata.name && metadata.namespace === service.metadata.namespace;
}

/** Which clients should come to this endpoint first. Source: trafficdist ReconcileHints. */
function hintsOf({ spec }: Service, node: string | undefined, zone: string | undefined): EndpointHints | undefined {
  const forZones = zone === undefined || zone === '' ? undefined : [{ name: zone }];
  switch (spec.trafficDistribution) {
    case 'PreferClose':
    case 'PreferSameZone':
      return forZones === undefined ? undefined : { forZones };
    case 'PreferSameNode':
      if (node === undefined) return undefined;
      return { ...(forZones === undefined ? {} : { forZones }), forNodes: [{ name: node }] };
    default:
      return undefined;
  }
}

export function portsOf({ spec }: Service, pod: Pod): readonly EndpointPort[] {
  return (spec.ports ?? []).flatMap((port) => {
    const number = findPodPort(pod, port);
    if (number === undefined) return []; // this pod does not have that port: it has no part in it
    return [
      {
        name: port.name ?? '',
        protocol: port.protocol,
        port: number,
        ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
      },
    ];
  });
}
