// Services. Source: validateService, ValidateServiceCreate, ValidateServiceUpdate, ValidateServiceStatusUpdate.
// Cluster IPs and families are in service-ips.ts.
import type { LoadBalancerStatus, Service, ServicePort } from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { cidrErrors, ipErrors, parseIp } from '#apimachinery/ip.ts';
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from '#apimachinery/names.ts';
import { validateLabels } from '../label-selectors.ts';
import { labelName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { PROTOCOLS } from './containers.ts';
import { validateEndpointIp } from './endpoints.ts';
import { validatePort } from './probes.ts';
import { isHeadless, validateClusterIps, validateClusterIpsUpdate, validateFamiliesUpdate } from './service-ips.ts';

const META = Path.of('metadata');
const SPEC = Path.of('spec');
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const SOURCE_RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'";
/** Seconds. Source: MaxClientIPServiceAffinitySeconds. */
const MAX_AFFINITY = 86_400;

export function validateService(out: Problems, service: Service): void {
  validateObjectMeta(out, service.metadata, 'namespaced', labelName);
  validateCommon(out, service, undefined);
}

export function validateServiceUpdate(out: Problems, service: Service, old: Service): void {
  validateObjectMetaUpdate(out, service.metadata, old.metadata);
  validateClusterIpsUpdate(out, service, old);
  validateFamiliesUpdate(out, service, old);
  const sameClass = old.spec.loadBalancerClass === service.spec.loadBalancerClass;
  if (isLoadBalancer(old) && isLoadBalancer(service) && !sameClass) {
    out.invalid(SPEC.child('loadBalancerClass'), service.spec.loadBalancerClass ?? null, 'may not change once set');
  }
  validateLoadBalancerClass(out, service);
  if (
    needsHealthCheck(old) &&
    needsHealthCheck(service) &&
    (old.spec.healthCheckNodePort ?? 0) !== (service.spec.healthCheckNodePort ?? 0)
  ) {
    out.forbidden(SPEC.child('healthCheckNodePort'), 'field is immutable');
  }
  validateCommon(out, service, old);
}

function validateCommon(out: Problems, service: Service, old: Service | undefined): void {
  const { spec } = service;
  const annotations = service.metadata.annotations ?? {};
  const [mode, hints] = [annotations[TOPOLOGY_MODE], annotations[TOPOLOGY_HINTS]];
  if (mode !== undefined && hints !== undefined && mode !== hints) {
    out.invalid(META.child('annotations').key(TOPOLOGY_MODE), mode, `must match annotations[${TOPOLOGY_HINTS}] when both are specified`);
  }
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !isHeadless(service) && spec.type !== 'ExternalName') out.required(SPEC.child('ports'));
  validateType(out, service);
  const names = new Set<string>();
  ports.forEach((port, i) => validateServicePort(out, SPEC.child('ports').index(i), port, { names, needsName: ports.length > 1 }));
  validateLabels(out, SPEC.child('selector'), spec.selector);
  validateAffinity(out, service);
  validateClusterIps(out, service, old);
  spec.externalIPs?.forEach((ip, i) => {
    const path = SPEC.child('externalIPs').index(i);
    const errors = ipErrors(path, ip, old?.spec.externalIPs);
    if (errors.length > 0) out.add(errors);
    else validateEndpointIp(out, path, ip);
  });
  out.requiredOneOf(SPEC.child('type'), spec.type, TYPES);
  validatePorts(out, service);
  validateSourceRanges(out, service, old);
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer') {
    out.forbidden(SPEC.child('allocateLoadBalancerNodePorts'), ONLY_LOAD_BALANCER);
  }
  if (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === undefined)
    out.required(Path.of('allocateLoadBalancerNodePorts'));
  validateLoadBalancerClass(out, service);
  validateTraffic(out, service);
}

function validateType(out: Problems, { spec }: Service): void {
  const headless = spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && headless) {
    out.invalid(SPEC.child('clusterIPs').index(0), 'None', `may not be set to 'None' for ${spec.type} services`);
  }
  if (spec.type !== 'ExternalName') return;
  const detail = 'may not be set for ExternalName services';
  if ((spec.clusterIPs ?? []).length > 0) out.forbidden(SPEC.child('clusterIPs'), detail);
  if ((spec.ipFamilies ?? []).length > 0) out.forbidden(SPEC.child('ipFamilies'), detail);
  if (spec.ipFamilyPolicy !== undefined) out.forbidden(SPEC.child('ipFamilyPolicy'), detail);
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') out.required(SPEC.child('externalName'));
  else out.each(SPEC.child('externalName'), name, dns1123Subdomain(name));
}

function validateServicePort(
  out: Problems,
  at: Path,
  port: ServicePort,
  { names, needsName }: { readonly names: Set<string>; readonly needsName: boolean },
): void {
  if (blank(port.name)) {
    if (needsName) out.required(at.child('name'));
  } else {
    out.each(at.child('name'), port.name, dns1123Label(port.name));
    if (names.has(port.name)) out.duplicate(at.child('name'), port.name);
    names.add(port.name);
  }
  out.each(at.child('port'), port.port, portNumber(port.port));
  out.requiredOneOf(at.child('protocol'), port.protocol, PROTOCOLS);
  validatePort(out, at.child('targetPort'), port.targetPort);
  if (port.appProtocol !== undefined) out.each(at.child('appProtocol'), port.appProtocol, qualifiedName(port.appProtocol));
}

function validatePorts(out: Problems, { spec }: Service): void {
  const ports = spec.ports ?? [];
  const at = SPEC.child('ports');
  if (spec.type === 'ClusterIP') {
    ports.forEach((port, i) => {
      if ((port.nodePort ?? 0) !== 0) out.forbidden(at.index(i).child('nodePort'), "may not be used when `type` is 'ClusterIP'");
    });
  }
  const nodePorts = new Set<string>();
  ports.forEach((port, i) => {
    if ((port.nodePort ?? 0) === 0) return;
    const key = `${port.protocol}/${port.nodePort}`;
    if (nodePorts.has(key)) out.duplicate(at.index(i).child('nodePort'), port.nodePort);
    nodePorts.add(key);
  });
  const own = new Set<string>();
  ports.forEach((port, i) => {
    const key = `${port.protocol}/${port.port}`;
    // The bad value is the internal type with only these two set.
    const shown = { Name: '', Protocol: port.protocol, AppProtocol: null, Port: port.port, TargetPort: 0, NodePort: 0 };
    if (own.has(key)) out.duplicate(at.index(i), shown);
    own.add(key);
  });
}

function validateAffinity(out: Problems, { spec }: Service): void {
  out.requiredOneOf(SPEC.child('sessionAffinity'), spec.sessionAffinity, ['ClientIP', 'None']);
  const at = SPEC.child('sessionAffinityConfig');
  const config = spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'None') {
    if (config !== undefined) out.forbidden(at, 'must not be set when session affinity is None');
  } else if (spec.sessionAffinity === 'ClientIP') {
    const detail = 'when session affinity type is ClientIP';
    const timeout = config?.clientIP?.timeoutSeconds;
    if (config === undefined) out.required(at, detail);
    else if (config.clientIP === undefined) out.required(at.child('clientIP'), detail);
    else if (timeout === undefined) out.required(at.child('clientIP', 'timeoutSeconds'), detail);
    else if (timeout <= 0 || timeout > MAX_AFFINITY) {
      out.invalid(at.child('clientIP', 'timeoutSeconds'), timeout, `must be greater than 0 and less than ${MAX_AFFINITY}`);
    }
  }
}

function validateSourceRanges(out: Problems, service: Service, old: Service | undefined): void {
  const ranges = service.spec.loadBalancerSourceRanges ?? [];
  const annotation = service.metadata.annotations?.[SOURCE_RANGES_ANNOTATION];
  if (ranges.length > 0) {
    const path = SPEC.child('LoadBalancerSourceRanges');
    if (service.spec.type !== 'LoadBalancer') out.forbidden(path, ONLY_LOAD_BALANCER);
    const before = old?.spec.loadBalancerSourceRanges?.map((range) => range.trim());
    ranges.forEach((range, i) => out.add(cidrErrors(path.index(i), range.trim(), before)));
  } else if (annotation !== undefined) {
    const path = META.child('annotations').key(SOURCE_RANGES_ANNOTATION);
    if (service.spec.type !== 'LoadBalancer') out.forbidden(path, ONLY_LOAD_BALANCER);
    if (old?.metadata.annotations?.[SOURCE_RANGES_ANNOTATION] === annotation || annotation.trim() === '') return;
    for (const range of annotation.trim().split(',')) out.add(cidrErrors(path, range.trim()));
  }
}

const isLoadBalancer = (service: Service): boolean => service.spec.type === 'LoadBalancer';
const isExternal = ({ spec }: Service): boolean =>
  spec.type === 'LoadBalancer' || spec.type === 'NodePort' || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);
const needsHealthCheck = (service: Service): boolean => isLoadBalancer(service) && service.spec.externalTrafficPolicy === 'Local';

function validateLoadBalancerClass(out: Problems, service: Service): void {
  const name = service.spec.loadBalancerClass;
  if (name === undefined) return;
  if (isLoadBalancer(service)) out.each(SPEC.child('loadBalancerClass'), name, qualifiedName(name));
  else out.forbidden(SPEC.child('loadBalancerClass'), ONLY_LOAD_BALANCER);
}

const POLICIES = ['Cluster', 'Local'];

function validateTraffic(out: Problems, service: Service): void {
  const { spec } = service;
  const external = spec.externalTrafficPolicy;
  const path = SPEC.child('externalTrafficPolicy');
  if (isExternal(service)) out.requiredOneOf(path, external, POLICIES);
  else if (!blank(external)) out.invalid(path, external, 'may only be set for externally-accessible services');

  const check = spec.healthCheckNodePort ?? 0;
  const checkAt = SPEC.child('healthCheckNodePort');
  if (needsHealthCheck(service)) {
    if (check === 0) out.required(checkAt);
    else out.each(checkAt, check, portNumber(check));
  } else if (check !== 0)
    out.invalid(checkAt, check, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");

  const internal = spec.internalTrafficPolicy;
  if (internal !== undefined) out.oneOf(SPEC.child('internalTrafficPolicy'), internal, POLICIES);
  else if (spec.type === 'NodePort' || spec.type === 'LoadBalancer' || spec.type === 'ClusterIP')
    out.required(SPEC.child('internalTrafficPolicy'));
  const distribution = spec.trafficDistribution;
  if (distribution !== undefined)
    out.oneOf(SPEC.child('trafficDistribution'), distribution, ['PreferClose', 'PreferSameZone', 'PreferSameNode']);
}

export function validateServiceStatusUpdate(out: Problems, service: Service, old: Service): void {
  validateObjectMetaUpdate(out, service.metadata, old.metadata);
  const at = Path.of('status', 'loadBalancer', 'ingress');
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  if (ingress.length > 0 && !isLoadBalancer(service)) out.forbidden(at, "may only be used when `spec.type` is 'LoadBalancer'");
  else validateLoadBalancer(out, at, service.status?.loadBalancer, old.status?.loadBalancer);
}

/** Source: ValidateLoadBalancerStatus. */
function validateLoadBalancer(out: Problems, at: Path, status: LoadBalancerStatus | undefined, old: LoadBalancerStatus | undefined): void {
  const before = (old?.ingress ?? []).map((ingress) => ingress.ip ?? '').filter((ip) => ip !== '');
  status?.ingress?.forEach(({ ip, ipMode, hostname }, i) => {
    const path = at.index(i);
    if (!blank(ip)) out.add(ipErrors(path.child('ip'), ip, before));
    if (ipMode === undefined) {
      if (!blank(ip)) out.required(path.child('ipMode'), 'must be specified when `ip` is set');
    } else if (blank(ip)) out.forbidden(path.child('ipMode'), 'may not be specified when `ip` is not set');
    else out.oneOf(path.child('ipMode'), ipMode, ['Proxy', 'VIP']);
    if (blank(hostname)) return;
    out.each(path.child('hostname'), hostname, dns1123Subdomain(hostname));
    if (parseIp(hostname) !== undefined) out.invalid(path.child('hostname'), hostname, 'must be a DNS name, not an IP address');
  });
}
