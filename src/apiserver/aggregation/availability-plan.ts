// pure. Whether an APIService can be used, as far as objects tell; what they do not tell, a probe must.
// Source: kube-aggregator pkg/controllers/status/remote sync.
import type { APIService, APIServiceCondition } from '#api/gen/apiregistration-v1.ts';
import type { EndpointSlice, Service } from '#api/types.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { ServicePortRef } from '../outbound/contract.ts';

export type Availability = Pick<APIServiceCondition, 'status' | 'reason' | 'message'>;

export const LOCAL: Availability = { status: 'True', reason: 'Local', message: 'Local APIServices are always available' };
export const PASSED: Availability = { status: 'True', reason: 'Passed', message: 'all checks passed' };

export const unavailable = (reason: string, message: string): Availability => ({ status: 'False', reason, message });

/** The Service behind; undefined for a group version of this server's own. */
export function backendOf({ spec }: APIService): ServicePortRef | undefined {
  if (spec.service === undefined) return undefined;
  const { namespace = '', name = '', port } = spec.service;
  return { namespace, name, port };
}

/** What objects say against it; undefined when only the server itself can tell. */
export function objection(
  { namespace, name, port }: ServicePortRef,
  service: Service | undefined,
  slices: readonly EndpointSlice[],
): Availability | undefined {
  const where = `service/${name} in ${goQuote(namespace)}`;
  if (service === undefined) return unavailable('ServiceNotFound', `${where} is not present`);
  if (service.spec.type !== 'ClusterIP') return undefined;
  const found = service.spec.ports?.find((one) => one.port === port);
  if (found === undefined) return unavailable('ServicePortError', `${where} is not listening on port ${port}`);
  if (slices.length === 0) return unavailable('EndpointsNotFound', `cannot find endpointslices for ${where}`);
  const { name: portName = '' } = found;
  if (slices.some((slice) => hasEndpoint(slice, portName))) return undefined;
  return unavailable('MissingEndpoints', `endpointslices for ${where} have no addresses with port name ${goQuote(portName)}`);
}

function hasEndpoint({ endpoints, ports }: EndpointSlice, portName: string): boolean {
  const isReady = (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false);
  return isReady && (ports ?? []).some(({ name, port }) => (name ?? '') === portName && port !== undefined);
}
