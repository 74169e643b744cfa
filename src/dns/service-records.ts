// pure
// The addresses, ports and endpoint names of one Service, from the Service and its EndpointSlices.
// Source: CoreDNS plugin/kubernetes object.Service, object.Endpoints; DNS-based service discovery specification 1.1.
import type { EndpointSlice, Service } from '#api/types.ts';

export interface ServicePortRecord {
  /** Empty for an unnamed port, which has no SRV name of its own. */
  readonly name: string;
  /** `tcp`, `udp`, `sctp`. */
  readonly protocol: string;
  readonly port: number;
}

export interface EndpointRecord {
  /** First label of the endpoint's own name: its hostname, or its address with dashes. */
  readonly label: string;
  readonly address: string;
  readonly ports: readonly ServicePortRecord[];
}

export type ServiceRecords =
  | {
      readonly kind: 'clusterIP';
      readonly addresses: readonly string[];
      readonly ports: readonly ServicePortRecord[];
      readonly endpoints: readonly EndpointRecord[];
    }
  | { readonly kind: 'headless'; readonly endpoints: readonly EndpointRecord[] }
  | { readonly kind: 'externalName'; readonly target: string };

/** `10.244.0.7` → `10-244-0-7`, `fd00::7` → `fd00--7`, `fd00::` → `fd00--0`: no label ends with a dash. Source: CoreDNS endpointHostname. */
export const dashed = (address: string): string => address.replaceAll(/[.:]/g, '-').replace(/-$/, '-0');

export function serviceRecords(service: Service, slices: readonly EndpointSlice[]): ServiceRecords {
  const { spec } = service;
  if (spec.type === 'ExternalName') return { kind: 'externalName', target: (spec.externalName ?? '').toLowerCase().replace(/\.$/, '') };
  const endpoints = endpointRecords(slices, spec.publishNotReadyAddresses === true);
  const addresses = (spec.clusterIPs ?? [spec.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None');
  if (spec.clusterIP === 'None' || addresses.length === 0) return { kind: 'headless', endpoints };
  const ports = (spec.ports ?? []).map((p) => ({ name: p.name ?? '', protocol: p.protocol.toLowerCase(), port: p.port }));
  return { kind: 'clusterIP', addresses, ports, endpoints };
}

function endpointRecords(slices: readonly EndpointSlice[], publishNotReady: boolean): readonly EndpointRecord[] {
  const byAddress = new Map<string, EndpointRecord>();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const ports = (slice.ports ?? []).flatMap((p) =>
      p.port === undefined ? [] : [{ name: p.name ?? '', protocol: (p.protocol ?? 'TCP').toLowerCase(), port: p.port }],
    );
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions.ready === false && !publishNotReady) continue;
      for (const address of endpoint.addresses) {
        const known = byAddress.get(`${endpoint.hostname ?? ''} ${address}`);
        byAddress.set(`${endpoint.hostname ?? ''} ${address}`, {
          label: (endpoint.hostname ?? '') === '' ? dashed(address) : (endpoint.hostname as string),
          address,
          ports: known === undefined ? ports : mergePorts(known.ports, ports),
        });
      }
    }
  }
  return [...byAddress.values()];
}

/** One endpoint may stand in several slices with different ports. */
function mergePorts(a: readonly ServicePortRecord[], b: readonly ServicePortRecord[]): readonly ServicePortRecord[] {
  const key = (p: ServicePortRecord): string => `${p.name} ${p.protocol} ${p.port}`;
  const seen = new Set(a.map(key));
  return [...a, ...b.filter((p) => !seen.has(key(p)))];
}
