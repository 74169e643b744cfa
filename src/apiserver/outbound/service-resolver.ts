// From a Service to an address of it, out of the cache. Source: apiserver pkg/util/proxy ResolveEndpoint, ResolveCluster.
import { endpointslices, services } from '#api/resources.ts';
import { isHeadless } from '#api/services.ts';
import type { EndpointSlice, Service } from '#api/types.ts';
import { notFound, StatusError } from '#apimachinery/errors.ts';
import type { Ids } from '#base/ids.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { Address, ServicePortRef, ServiceResolver } from './contract.ts';

/**
 * `endpoints`: straight to a ready endpoint, which needs no proxy on the API server's machine.
 * `clusterIP`: the Service's own address, or its external name. Source: --enable-aggregator-routing.
 */
export type ServiceRouting = 'endpoints' | 'clusterIP';

export interface ResolverDeps {
  readonly reader: CacheReader;
  readonly ids: Ids;
  readonly routing: ServiceRouting;
  /** Where this server itself listens; undefined before it does. */
  readonly self: () => Address | undefined;
}

export function serviceResolver({ reader, ids, routing, self }: ResolverDeps): ServiceResolver {
  return {
    resolve(wanted) {
      const { namespace, name, port } = wanted;
      if (namespace === 'default' && name === 'kubernetes' && port === 443) {
        const own = self();
        if (own !== undefined) return own;
      }
      const service = reader.get(services, name, namespace);
      if (service === undefined) throw notFound({ group: '', resource: 'services' }, name);
      if (routing === 'clusterIP') return clusterAddress(service, wanted);
      const slices = [...reader.list(endpointslices, namespace)].filter(
        ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name,
      );
      return endpointAddress(service, slices, wanted, () => ids.fraction());
    },
  };
}

const ROUTED: ReadonlySet<string> = new Set(['ClusterIP', 'NodePort', 'LoadBalancer']);

const unsupported = (type: string): StatusError => new StatusError('', `unsupported service type ${JSON.stringify(type)}`);

function portOf({ metadata, spec }: Service, { port }: ServicePortRef): NonNullable<Service['spec']['ports']>[number] {
  const found = (spec.ports ?? []).find((one) => one.port === port);
  if (found === undefined)
    throw new StatusError('ServiceUnavailable', `no service port ${port} found for service ${JSON.stringify(metadata.name)}`);
  return found;
}

/** @throws StatusError */
export function clusterAddress(service: Service, wanted: ServicePortRef): Address {
  const { type, clusterIP = '', externalName = '' } = service.spec;
  if (type === 'ExternalName') return { host: externalName, port: wanted.port };
  if (isHeadless(service)) throw new StatusError('', 'cannot route to service with ClusterIP "None"');
  if (!ROUTED.has(type)) throw unsupported(type);
  return { host: clusterIP, port: portOf(service, wanted).port };
}

/** @param fraction from 0 to below 1, chooses. @throws StatusError */
export function endpointAddress(
  service: Service,
  slices: readonly EndpointSlice[],
  wanted: ServicePortRef,
  fraction: () => number,
): Address {
  const { type, ipFamilies = [] } = service.spec;
  if (!ROUTED.has(type)) throw unsupported(type);
  const { name = '' } = portOf(service, wanted);
  const found = slices.flatMap(({ addressType, ports, endpoints }) => {
    const port = ports?.find((one) => (one.name ?? '') === name)?.port;
    if (port === undefined) return [];
    return (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .map(({ addresses }) => ({ family: addressType as string, host: addresses[0] as string, port }));
  });
  const preferred = found.filter(({ family }) => family === ipFamilies[0]);
  const choice = preferred.length > 0 ? preferred : found;
  const one = choice[Math.floor(fraction() * choice.length)];
  if (one === undefined)
    throw new StatusError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(service.metadata.name)}`);
  return { host: one.host, port: one.port };
}
