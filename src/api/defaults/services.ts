// Defaults of a Service. Source: SetDefaults_Service.
import type { Service, ServicePort, ServiceSpec, ServiceStatus } from '../gen/core-v1.ts';
import type { New } from '../types.ts';
import { fill, typed, type DefaulterTable } from './fill.ts';

/** Three hours. Source: DefaultClientIPServiceAffinitySeconds. */
const CLIENT_IP_AFFINITY_SECONDS = 10_800;

function defaultService(service: New<Service>): New<Service> {
  const spec = defaultSpec(service.spec ?? {});
  const status = spec.type === 'LoadBalancer' ? defaultIngressMode(service.status) : service.status;
  return spec === service.spec && status === service.status ? service : { ...service, spec, ...(status === undefined ? {} : { status }) };
}

function defaultSpec(given: New<ServiceSpec>): New<ServiceSpec> {
  let spec = defaultAffinity(fill(given, { sessionAffinity: 'None', type: 'ClusterIP' }));
  if (spec.ports?.some((port) => defaultPort(port) !== port) === true) spec = { ...spec, ports: spec.ports.map(defaultPort) };
  if (isExternallyAccessible(spec)) spec = fill(spec, { externalTrafficPolicy: 'Cluster' });
  if (isRouted(spec.type)) spec = fill(spec, { internalTrafficPolicy: 'Cluster' });
  return spec.type === 'LoadBalancer' ? fill(spec, { allocateLoadBalancerNodePorts: true }) : spec;
}

function defaultAffinity(spec: New<ServiceSpec>): New<ServiceSpec> {
  if (spec.sessionAffinity === 'ClientIP') {
    if (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds !== undefined) return spec;
    return { ...spec, sessionAffinityConfig: { clientIP: { timeoutSeconds: CLIENT_IP_AFFINITY_SECONDS } } };
  }
  if (spec.sessionAffinity !== 'None' || spec.sessionAffinityConfig === undefined) return spec;
  const { sessionAffinityConfig: _dropped, ...rest } = spec;
  return rest;
}

function defaultPort(port: New<ServicePort>): New<ServicePort> {
  const { targetPort } = port;
  const withTarget = targetPort === undefined || targetPort === 0 || targetPort === '' ? { ...port, targetPort: port.port ?? 0 } : port;
  return fill(withTarget.targetPort === targetPort ? port : withTarget, { protocol: 'TCP' });
}

const isRouted = (type: string | undefined): boolean => type === 'ClusterIP' || type === 'NodePort' || type === 'LoadBalancer';

/** Source: pkg/api/v1/service ExternallyAccessible. */
function isExternallyAccessible({ type, externalIPs }: New<ServiceSpec>): boolean {
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && (externalIPs?.length ?? 0) > 0);
}

function defaultIngressMode(status: New<ServiceStatus> | undefined): New<ServiceStatus> | undefined {
  const ingress = status?.loadBalancer?.ingress;
  if (ingress?.some((one) => one.ip !== undefined && one.ipMode === undefined) !== true) return status;
  const withMode = ingress.map((one) => (one.ip === undefined ? one : fill(one, { ipMode: 'VIP' })));
  return { ...status, loadBalancer: { ...status?.loadBalancer, ingress: withMode } };
}

export const serviceDefaults: DefaulterTable = { 'io.k8s.api.core.v1.Service': typed(defaultService) };
