// Services and what stands behind and before them. Source: printers.go printService, printEndpoints, printIngress, …
import type { Endpoints, EndpointSlice, Ingress, IngressClass, IPAddress, NetworkPolicy, Service, ServiceCIDR } from '#api/types.ts';
import { joinHostPort } from '#apimachinery/ip.ts';
import { formatLabelSelector } from '#apimachinery/labels.ts';
import { labelsCell, listCell, LISTED_MOST, loadBalancerCell, NONE, UNSET } from './cells.ts';
import { created, name, printer, text, wide } from './columns.ts';
import type { TablePrinter } from './contract.ts';

export const services: TablePrinter<Service> = printer<Service>([
  name,
  text('Type', 'How the service is reached.', ({ spec }) => spec.type),
  text('Cluster-IP', 'Address within the cluster.', ({ spec }) => spec.clusterIPs?.[0] ?? NONE),
  text('External-IP', 'Addresses from outside the cluster.', externalIp),
  text('Port(s)', 'Ports, with those on the nodes where there are any.', ports),
  created,
  wide(text('Selector', 'Labels of the pods behind the service.', ({ spec }) => labelsCell(spec.selector))),
]);

/** Source: getServiceExternalIP. */
function externalIp({ spec, status }: Service): string {
  const external = spec.externalIPs ?? [];
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external.join(',') || NONE;
    case 'LoadBalancer': {
      const balancer = loadBalancerCell(status.loadBalancer.ingress);
      return [...(balancer === '' ? [] : [balancer]), ...external].join(',') || '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

/** Source: makePortString. */
function ports({ spec }: Service): string {
  const all = (spec.ports ?? []).map(
    ({ port, nodePort, protocol }) => `${port}${nodePort === undefined || nodePort === 0 ? '' : `:${nodePort}`}/${protocol}`,
  );
  return all.join(',') || NONE;
}

export const endpoints: TablePrinter<Endpoints> = printer<Endpoints>([
  name,
  text('Endpoints', 'Addresses and ports that are ready.', endpointsCell),
  created,
]);

/** Source: formatEndpoints: subsets without ports, as headless services have, show addresses alone. */
function endpointsCell({ subsets = [] }: Endpoints): string {
  if (subsets.length === 0) return NONE;
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0 ? addresses.map(({ ip }) => ip) : ports.flatMap(({ port }) => addresses.map(({ ip }) => joinHostPort(ip, port))),
  );
  return listCell(all, '');
}

export const endpointSlices: TablePrinter<EndpointSlice> = printer<EndpointSlice>([
  name,
  text('AddressType', 'Kind of the addresses.', ({ addressType }) => addressType),
  text('Ports', 'Ports of every endpoint.', (slice) =>
    listCell(
      (slice.ports ?? []).map(({ port, name: portName }) => port ?? portName ?? '*'),
      UNSET,
    ),
  ),
  text('Endpoints', 'Addresses of the endpoints.', (slice) =>
    listCell(
      (slice.endpoints ?? []).flatMap(({ addresses }) => addresses),
      UNSET,
    ),
  ),
  created,
]);

export const ingresses: TablePrinter<Ingress> = printer<Ingress>([
  name,
  text('Class', 'Name of the IngressClass that serves it.', ({ spec }) => spec?.ingressClassName ?? NONE),
  text('Hosts', 'Host names its rules are for.', hosts),
  text('Address', 'Where the load balancer is reached.', ({ status }) => loadBalancerCell(status?.loadBalancer?.ingress)),
  text('Ports', 'Ports the load balancer listens on.', ({ spec }) => ((spec?.tls ?? []).length === 0 ? '80' : '80, 443')),
  created,
]);

/** Source: formatHosts: rules without a host are left out, yet counted. */
function hosts({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const named = rules.map(({ host }) => host ?? '');
  const shown: string[] = [];
  let more = false;
  for (const host of named) {
    if (shown.length === LISTED_MOST) more = true;
    else if (host !== '') shown.push(host);
  }
  if (shown.length === 0) return '*';
  return more ? `${shown.join(',')} + ${rules.length - LISTED_MOST} more...` : shown.join(',');
}

export const ingressClasses: TablePrinter<IngressClass> = printer<IngressClass>([
  name,
  text('Controller', 'Controller that serves ingresses of this class.', ({ spec }) => spec?.controller ?? ''),
  text('Parameters', 'Object with further settings.', ({ spec }) => {
    const parameters = spec?.parameters;
    if (parameters === undefined) return NONE;
    return `${parameters.kind}${parameters.apiGroup === undefined ? '' : `.${parameters.apiGroup}`}/${parameters.name}`;
  }),
  created,
]);

export const networkPolicies: TablePrinter<NetworkPolicy> = printer<NetworkPolicy>([
  name,
  text('Pod-Selector', 'Labels of the pods it is about.', ({ spec }) => formatLabelSelector(spec?.podSelector ?? {})),
  created,
]);

export const serviceCidrs: TablePrinter<ServiceCIDR> = printer<ServiceCIDR>([
  name,
  text('CIDRs', 'Ranges that service addresses are taken from.', ({ spec }) => (spec?.cidrs ?? []).join(',')),
  created,
]);

export const ipAddresses: TablePrinter<IPAddress> = printer<IPAddress>([
  name,
  text('ParentRef', 'What the address belongs to.', ({ spec }) => {
    const parent = spec?.parentRef;
    if (parent === undefined) return NONE;
    const { group = '', resource, namespace = '' } = parent;
    return `${`${resource}${group === '' ? '' : `.${group}`}`.toLowerCase()}${namespace === '' ? '' : `/${namespace}`}/${parent.name}`;
  }),
]);
