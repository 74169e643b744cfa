// pure
// The endpoints of a Service's pods. Source: endpointslice utils.go podToEndpoint, getEndpointPorts, ShouldPodBeInEndpoints.
import { isPodReady, isPodTerminal } from '#api/pods.ts';
import { findPodPort } from '#api/services.ts';
import type { DiscoveryV1EndpointPort as EndpointPort, Endpoint, EndpointHints, Node, Pod, Service } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { isTopologyAware } from './topology.ts';

export interface Target {
  readonly endpoint: Endpoint;
  /** Pods may give one named port different numbers. */
  readonly ports: readonly EndpointPort[];
}

/** Targets of pods by Service, each in the version they were made of. */
const known = new WeakMap<Service, WeakMap<Pod, { readonly zone: string | undefined; readonly targets: readonly Target[] }>>();

/** In the order of pods, one for each family a pod has an address of; those at their end are left out. */
export function targetsOf(service: Service, pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): readonly Target[] {
  let ofService = known.get(service);
  if (ofService === undefined) known.set(service, (ofService = new WeakMap()));
  const all: Target[] = [];
  for (const pod of pods) {
    const { nodeName } = pod.spec;
    const zone = nodeName === undefined ? undefined : nodeOf(nodeName)?.metadata.labels?.[LABEL.zone];
    // Most pods are as they were at the last look.
    let found = ofService.get(pod);
    if (found === undefined || found.zone !== zone) ofService.set(pod, (found = { zone, targets: targetsOfPod(service, pod, zone) }));
    all.push(...found.targets);
  }
  return all;
}

function targetsOfPod(service: Service, pod: Pod, zone: string | undefined): readonly Target[] {
  if (isPodTerminal(pod)) return [];
  const ports = portsOf(service, pod);
  return podAddresses(pod).map((ip) => ({ endpoint: endpointOf(service, pod, ip, zone), ports }));
}

/** Source: getEndpointAddresses. */
function podAddresses({ status }: Pod): readonly string[] {
  const all = (status.podIPs ?? []).map(({ ip }) => ip).filter((ip) => ip !== '');
  if (all.length > 0) return all;
  return status.podIP === undefined || status.podIP === '' ? [] : [status.podIP];
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
