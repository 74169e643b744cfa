// What an update of a Service need not repeat: addresses and ports it was given. Pure.
// Source: service/storage patchAllocatedValues, normalizeClusterIPs; service strategy dropTypeDependentFields.
import type { Service, ServiceSpec } from '#api/types.ts';
import { without } from './without.ts';

const needsClusterIp = ({ type }: ServiceSpec): boolean => type !== 'ExternalName';

const mayHaveNodePort = ({ type }: ServiceSpec): boolean => type === 'NodePort' || type === 'LoadBalancer';

const needsNodePort = (spec: ServiceSpec): boolean =>
  mayHaveNodePort(spec) && !(spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === false);

const needsHealthPort = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local';

const needsTrafficPolicy = ({ type, externalIPs = [] }: ServiceSpec): boolean =>
  type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && externalIPs.length > 0);

const sameList = (a: readonly string[] = [], b: readonly string[] = []): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);

/** A create that names one address names the list of one. */
export function normalizedNew(service: Service): Service {
  const { clusterIP = '', clusterIPs = [] } = service.spec;
  return clusterIP !== '' && clusterIPs.length === 0 ? { ...service, spec: { ...service.spec, clusterIPs: [clusterIP] } } : service;
}

export function carried(service: Service, old: Service): Service {
  const spec = dropped(normalized(patched(service.spec, old.spec), old.spec), old.spec);
  const { loadBalancer } = service.status;
  const stale = spec.type !== 'LoadBalancer' && loadBalancer !== undefined && Object.keys(loadBalancer).length > 0;
  if (spec === service.spec && !stale) return service;
  return { ...service, spec, ...(stale ? { status: { ...service.status, loadBalancer: {} } } : {}) };
}

function patched(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  let next = spec;
  if (needsClusterIp(old) && needsClusterIp(spec)) {
    if ((next.clusterIP ?? '') === '' && old.clusterIP !== undefined) next = { ...next, clusterIP: old.clusterIP };
    if ((next.clusterIPs ?? []).length === 0 && next.clusterIP === old.clusterIP && old.clusterIPs !== undefined)
      next = { ...next, clusterIPs: old.clusterIPs };
  }
  if (needsNodePort(old) && needsNodePort(spec)) next = patchedPorts(next, old);
  if (needsHealthPort(old) && needsHealthPort(spec) && (next.healthCheckNodePort ?? 0) === 0 && old.healthCheckNodePort !== undefined) {
    next = { ...next, healthCheckNodePort: old.healthCheckNodePort };
  }
  return next;
}

/** Node ports by the name of the port, unless another port of the new object names them. */
function patchedPorts(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const numbers = ({ ports = [] }: ServiceSpec): Set<number> =>
    new Set(ports.map(({ nodePort = 0 }) => nodePort).filter((port) => port !== 0));
  const used = numbers(old).intersection(numbers(spec));
  const byName = new Map((old.ports ?? []).map(({ name = '', nodePort = 0 }) => [name, nodePort]));
  let changed = false;
  const ports = (spec.ports ?? []).map((port) => {
    const before = byName.get(port.name ?? '') ?? 0;
    if ((port.nodePort ?? 0) !== 0 || before === 0 || used.has(before)) return port;
    used.add(before);
    changed = true;
    return { ...port, nodePort: before };
  });
  return changed ? { ...spec, ports } : spec;
}

/** clusterIP and clusterIPs say the same, whichever of them the writer knows. */
function normalized(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const same = sameList(spec.clusterIPs, old.clusterIPs);
  const [ip, before] = [spec.clusterIP ?? '', old.clusterIP ?? ''];
  if (ip === before) {
    return (old.clusterIPs ?? []).length > 0 && (spec.clusterIPs ?? []).length === 0
      ? { ...spec, clusterIPs: old.clusterIPs as readonly string[] }
      : spec;
  }
  if (!same) return spec;
  return ip === '' ? without(spec, 'clusterIPs') : { ...spec, clusterIPs: [ip] };
}

/** A change of type takes along what the new type cannot have, where the writer left it as it was. */
function dropped(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  let next = spec;
  if (needsClusterIp(old) && !needsClusterIp(spec)) {
    if (sameList(spec.clusterIPs, old.clusterIPs)) next = without(next, 'clusterIP', 'clusterIPs');
    if (sameList(spec.ipFamilies, old.ipFamilies)) next = without(next, 'ipFamilies');
    if (spec.ipFamilyPolicy === old.ipFamilyPolicy) next = without(next, 'ipFamilyPolicy');
  }
  // A load balancer that is to have no node ports any more keeps those it has, until its writer takes them out.
  if (mayHaveNodePort(old) && !mayHaveNodePort(spec) && sameNodePorts(spec, old)) {
    next = { ...next, ports: (next.ports ?? []).map((port) => without(port, 'nodePort')) };
  }
  if (needsHealthPort(old) && !needsHealthPort(spec) && spec.healthCheckNodePort === old.healthCheckNodePort)
    next = without(next, 'healthCheckNodePort');
  const wasBalanced = old.type === 'LoadBalancer' && spec.type !== 'LoadBalancer';
  if (wasBalanced && spec.loadBalancerClass === old.loadBalancerClass) next = without(next, 'loadBalancerClass');
  if (wasBalanced && spec.allocateLoadBalancerNodePorts === old.allocateLoadBalancerNodePorts)
    next = without(next, 'allocateLoadBalancerNodePorts');
  if (needsTrafficPolicy(old) && !needsTrafficPolicy(spec) && spec.externalTrafficPolicy === old.externalTrafficPolicy)
    next = without(next, 'externalTrafficPolicy');
  return next;
}

/** Every node port of the new object was one of the old. Source: sameNodePorts. */
function sameNodePorts({ ports = [] }: ServiceSpec, old: ServiceSpec): boolean {
  const before = new Set((old.ports ?? []).map(({ nodePort = 0 }) => nodePort));
  return ports.every(({ nodePort = 0 }) => nodePort === 0 || before.has(nodePort));
}
