// What a Service's spec means to those who route to it.
import type { Pod, Service, ServicePort } from './gen/core-v1.ts';
import { isSidecar } from './pods.ts';

/** What `clusterIP` says of a Service that has none by wish. */
export const HEADLESS = 'None';

export function isHeadless({ spec }: Service): boolean {
  return spec?.clusterIP === HEADLESS;
}

/** Has an address of its own to route. Source: helper.IsServiceIPSet. */
export function hasClusterIp({ spec }: Service): boolean {
  return spec?.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== HEADLESS;
}

/** Source: service.ExternallyAccessible. */
export function isExternallyAccessible({ spec }: Service): boolean {
  return spec?.type === 'LoadBalancer' || spec?.type === 'NodePort' || (spec?.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0);
}

/** External traffic goes to endpoints on the node it arrives at only. Source: service.ExternalPolicyLocal. */
export function isExternalPolicyLocal(service: Service): boolean {
  return isExternallyAccessible(service) && service.spec?.externalTrafficPolicy === 'Local';
}

/** A load balancer asks each node whether it has endpoints. Source: service.NeedsHealthCheck. */
export function needsHealthCheck(service: Service): boolean {
  return service.spec?.type === 'LoadBalancer' && isExternalPolicyLocal(service);
}

/** The number of the pod's port that a Service port leads to; undefined when a name is not found there. Source: FindPort. */
export function findPodPort(pod: Pod, { targetPort, protocol, port }: ServicePort): number | undefined {
  if (targetPort === undefined) return port;
  if (typeof targetPort === 'number') return targetPort;
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)];
  for (const container of containers) {
    const found = container.ports?.find((one) => one.name === targetPort && one.protocol === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}
