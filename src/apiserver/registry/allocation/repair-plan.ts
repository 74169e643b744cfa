// pure
// Where Services and the keys that keep addresses and ports for them disagree.
// Source: ipallocator/controller repairip.go, portallocator/controller repair.go.
import type { IPAddress, Service } from '#api/types.ts';
import { addressesOf, MANAGED_BY, portsOf } from './claim.ts';

/** A key of a node port, as it was read. */
export interface HeldPort {
  readonly port: string;
  /** `namespace/name` of the Service it is kept for. */
  readonly service: string;
  readonly modRevision: number;
}

export interface Holdings {
  readonly services: readonly Service[];
  readonly addresses: readonly IPAddress[];
  readonly ports: readonly HeldPort[];
}

export type Repair =
  /** The Service has what nothing keeps for it. */
  | { readonly kind: 'address-missing'; readonly service: Service; readonly ip: string }
  | { readonly kind: 'port-missing'; readonly service: Service; readonly port: string }
  /** It is kept for a Service that is gone (`service` absent), or that has another. */
  | { readonly kind: 'address-leaked'; readonly address: IPAddress; readonly service: Service | undefined }
  | { readonly kind: 'port-leaked'; readonly held: HeldPort; readonly service: Service | undefined };

export function planRepairs({ services, addresses, ports }: Holdings): readonly Repair[] {
  const byName = new Map(services.map((service) => [`${service.metadata.namespace}/${service.metadata.name}`, service]));
  const kept = new Set(addresses.map(({ metadata }) => metadata.name));
  const keptPorts = new Set(ports.map(({ port }) => port));
  return [
    ...services.flatMap((service): readonly Repair[] => [
      ...addressesOf(service).flatMap((ip) => (kept.has(ip) ? [] : [{ kind: 'address-missing' as const, service, ip }])),
      ...portsOf(service).flatMap((port) => (keptPorts.has(port) ? [] : [{ kind: 'port-missing' as const, service, port }])),
    ]),
    ...addresses.flatMap((address): readonly Repair[] => {
      if (address.metadata.labels?.[MANAGED_BY.label] !== MANAGED_BY.value) return []; // somebody else's
      const { resource, namespace = '', name } = address.spec.parentRef;
      const service = resource === 'services' ? byName.get(`${namespace}/${name}`) : undefined;
      const wanted = service !== undefined && addressesOf(service).includes(address.metadata.name);
      return wanted ? [] : [{ kind: 'address-leaked', address, service }];
    }),
    ...ports.flatMap((held): readonly Repair[] => {
      const service = byName.get(held.service);
      return service !== undefined && portsOf(service).includes(held.port) ? [] : [{ kind: 'port-leaked', held, service }];
    }),
  ];
}
