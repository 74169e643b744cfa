// pure
// The Endpoints of a Service, as older clients read them. Source: pkg/controller/endpoint endpoints_controller.go.
import { deepEqual } from '#apimachinery/json-value.ts';
import { canonicalIp } from '#apimachinery/ip.ts';
import { isPodReady, isPodTerminal } from '#api/pods.ts';
import { isHeadless } from '#api/services.ts';
import type { DiscoveryV1EndpointPort, EndpointAddress, EndpointPort, Endpoints, EndpointSubset, New, Pod, Service } from '#api/types.ts';
import { ANNOTATION, LABEL } from '#api/well-known.ts';
import { isNamedBy, portsOf } from '../endpointslice/endpoints.ts';
import { repacked } from './repack.ts';

/** Most addresses one object holds. Source: maxCapacity. */
const MAX_ADDRESSES = 1000;

/** Source: the label that tells users not to write these themselves. */
const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const CONTROLLER = 'endpoint-controller';

/** Elections of older components keep their state in Endpoints, which change every few seconds and have no Service. */
export const keepsElection = ({ metadata }: Endpoints): boolean =>
  metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'] !== undefined;

export interface Wanted {
  readonly subsets: readonly EndpointSubset[];
  readonly overCapacity: boolean;
}

/** What a pod is to a Service. */
export interface Member {
  readonly address: EndpointAddress;
  readonly ready: boolean;
  readonly ports: readonly DiscoveryV1EndpointPort[];
  /** Equal for equal ports. */
  readonly group: string;
}

export function wantedEndpoints(pods: readonly (Member | undefined)[]): Wanted {
  const members = pods.filter((member) => member !== undefined);
  const groups = Map.groupBy(members, ({ group }) => group);
  const subsets = packed([...groups.keys()].toSorted().map((key) => subsetOf(groups.get(key) ?? [])));
  const total = subsets.reduce((sum, { addresses = [], notReadyAddresses = [] }) => sum + addresses.length + notReadyAddresses.length, 0);
  return { subsets: total > MAX_ADDRESSES ? truncated(subsets, total) : subsets, overCapacity: total > MAX_ADDRESSES };
}

/** Pods whose named ports have other numbers share a subset for each port that is the same. */
function packed(subsets: readonly EndpointSubset[]): readonly EndpointSubset[] {
  if (subsets.length < 2) return subsets;
  return repacked(subsets)
    .map(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
      const sorted = ports.toSorted(byText);
      return {
        ...some('addresses', addresses),
        ...some('notReadyAddresses', notReadyAddresses),
        ...(sorted.length === 0 ? {} : { ports: sorted }),
      };
    })
    .toSorted(byText);
}

/** Any order, as long as it stays. */
function byText(a: EndpointSubset | EndpointPort, b: EndpointSubset | EndpointPort): number {
  const [x, y] = [a, b].map((one) => JSON.stringify('ports' in one ? one.ports : one)) as [string, string];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Undefined for a pod that has no part in it. */
export function memberOf(service: Service, pod: Pod): Member | undefined {
  const publish = service.spec.publishNotReadyAddresses === true;
  const ip = addressOf(service, pod);
  if (ip === undefined || isPodTerminal(pod) || (pod.metadata.deletionTimestamp !== undefined && !publish)) return undefined;
  const ports = portsOf(service, pod);
  if (ports.length === 0 && (service.spec.ports ?? []).length > 0) return undefined;
  return { address: endpointAddress(service, pod, ip), ready: publish || isPodReady(pod), ports, group: JSON.stringify(ports) };
}

/** Of the Service's first family. */
function addressOf({ spec }: Service, { status }: Pod): string | undefined {
  const [family] = spec.ipFamilies ?? [];
  const all = (status.podIPs ?? []).map(({ ip }) => ip);
  if (family === undefined || all.length === 0)
    return status.podIP === undefined || status.podIP === '' ? undefined : canonicalIp(status.podIP);
  const found = all.find((ip) => ip.includes(':') === (family === 'IPv6'));
  return found === undefined ? undefined : canonicalIp(found);
}

function endpointAddress(service: Service, pod: Pod, ip: string): EndpointAddress {
  const { metadata, spec } = pod;
  return {
    ip,
    ...(isNamedBy(service, pod) ? { hostname: spec.hostname as string } : {}),
    ...(spec.nodeName === undefined ? {} : { nodeName: spec.nodeName }),
    targetRef: { kind: 'Pod', namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
  };
}

const byIp = (a: EndpointAddress, b: EndpointAddress): number => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0);

function subsetOf(members: readonly Member[]): EndpointSubset {
  const addresses = members
    .filter(({ ready }) => ready)
    .map(({ address }) => address)
    .toSorted(byIp);
  const notReadyAddresses = members
    .filter(({ ready }) => !ready)
    .map(({ address }) => address)
    .toSorted(byIp);
  const ports = (members[0]?.ports ?? []).map(({ name, port = 0, protocol, appProtocol }) => ({
    ...(name === '' ? {} : { name }),
    port,
    protocol,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  }));
  return { ...some('addresses', addresses), ...some('notReadyAddresses', notReadyAddresses), ...(ports.length === 0 ? {} : { ports }) };
}

const some = (key: 'addresses' | 'notReadyAddresses', list: readonly EndpointAddress[]): Partial<EndpointSubset> =>
  list.length === 0 ? {} : { [key]: list };

/** Ready addresses are kept before others, each subset by its share of the kind there is too much of. Source: truncateEndpoints. */
function truncated(subsets: readonly EndpointSubset[], total: number): readonly EndpointSubset[] {
  const ready = subsets.reduce((sum, { addresses = [] }) => sum + addresses.length, 0);
  const cuts = ready > MAX_ADDRESSES ? 'addresses' : 'notReadyAddresses';
  const [room, of] = cuts === 'addresses' ? [MAX_ADDRESSES, ready] : [MAX_ADDRESSES - ready, total - ready];
  let left = room;
  return subsets.flatMap((subset) => {
    const list = subset[cuts] ?? [];
    const kept = list.slice(0, Math.min(left, Math.ceil((list.length * room) / of)));
    left -= kept.length;
    const { addresses: all = [], notReadyAddresses: _, ...ports } = subset;
    const [addresses, others] = cuts === 'addresses' ? [kept, []] : [all, kept];
    return addresses.length + others.length === 0
      ? []
      : [{ ...ports, ...some('addresses', addresses), ...some('notReadyAddresses', others) }];
  });
}

/** What to write; undefined when `present` says it all already. */
export function planEndpoints(
  service: Service,
  { subsets, overCapacity }: Wanted,
  present: Endpoints | undefined,
  triggerTime: string | undefined,
): New<Endpoints> | undefined {
  const { metadata } = service;
  const { [LABEL.headlessService]: _headless, ...ofService } = metadata.labels ?? {};
  const labels = { ...ofService, ...(isHeadless(service) ? { [LABEL.headlessService]: '' } : {}), [MANAGED_BY]: CONTROLLER };
  const {
    [ANNOTATION.endpointsOverCapacity]: capacity,
    [ANNOTATION.endpointsLastChange]: _time,
    ...others
  } = present?.metadata.annotations ?? {};
  const same =
    present !== undefined &&
    deepEqual(present.subsets ?? [], subsets) &&
    deepEqual(present.metadata.labels ?? {}, labels) &&
    capacity === (overCapacity ? 'truncated' : undefined);
  if (same) return undefined;
  const annotations = {
    ...others,
    ...(overCapacity ? { [ANNOTATION.endpointsOverCapacity]: 'truncated' } : {}),
    ...(triggerTime === undefined ? {} : { [ANNOTATION.endpointsLastChange]: triggerTime }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...(present?.metadata ?? { name: metadata.name, namespace: metadata.namespace }), labels, annotations },
    subsets,
  };
}
