// pure
// The endpoints of a Service's pods. Source: endpointslice utils.go podToEndpoint, getEndpointPorts, ShouldPodBeInEndpoints.
import { isPodReady, isPodTerminal } from '#api/pods.ts';
import { findPodPort } from '#api/services.ts';
import type { DiscoveryV1EndpointPort as EndpointPort, Endpoint, Node, Pod, Service } from '#api/types.ts';

const ZONE_LABEL = 'topology.kubernetes.io/zone';

export interface Target {
  readonly endpoint: Endpoint;
  /** Pods may give one named port different numbers. */
  readonly ports: readonly EndpointPort[];
}

/** In the order of pods; those without an address or at their end are left out. */
export function targetsOf(service: Service, pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): readonly Target[] {
  return pods.flatMap((pod) => {
    const ip = pod.status.podIP;
    if (ip === undefined || ip === '' || isPodTerminal(pod)) return [];
    return [{ endpoint: endpointOf(service, pod, ip, nodeOf), ports: portsOf(service, pod) }];
  });
}

function endpointOf(service: Service, pod: Pod, ip: string, nodeOf: (name: string) => Node | undefined): Endpoint {
  const { metadata, spec } = pod;
  const serving = isPodReady(pod);
  const terminating = metadata.deletionTimestamp !== undefined;
  const zone = spec.nodeName === undefined ? undefined : nodeOf(spec.nodeName)?.metadata.labels?.[ZONE_LABEL];
  const named =
    spec.hostname !== undefined && spec.subdomain === service.metadata.name && metadata.namespace === service.metadata.namespace;
  return {
    addresses: [ip],
    conditions: { ready: service.spec.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    ...(named ? { hostname: spec.hostname as string } : {}),
    targetRef: { kind: 'Pod', namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
    ...(spec.nodeName === undefined ? {} : { nodeName: spec.nodeName }),
    ...(zone === undefined ? {} : { zone }),
  };
}

function portsOf({ spec }: Service, pod: Pod): readonly EndpointPort[] {
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
