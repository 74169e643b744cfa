// Keeps the zone's data in step with Services, EndpointSlices and Namespaces, computing a Service's records when asked
// and forgetting them when anything they came from changes.
import type { EndpointSlice, Namespace, Service } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import { serviceRecords, type ServiceRecords } from './service-records.ts';
import type { ZoneData } from './zone.ts';

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const BY_SERVICE = 'dns-service';

export interface ZoneSources {
  readonly services: Informer<Service>;
  readonly endpointSlices: Informer<EndpointSlice>;
  readonly namespaces: Informer<Namespace>;
}

export class ZoneIndex implements ZoneData {
  readonly #sources: ZoneSources;
  readonly #domain: string;
  /** Records by `namespace/name`; absent until asked for. */
  readonly #records = new Map<string, ServiceRecords>();
  /** Names by address; what each Service contributed stands in #named, so that it can be taken back. */
  readonly #reverse = new Map<string, Set<string>>();
  readonly #named = new Map<string, readonly (readonly [address: string, name: string])[]>();
  /** Services whose reverse names must be worked out again before the next reverse question. */
  readonly #stale = new Set<string>();
  #serial = 0;

  constructor(domain: string, sources: ZoneSources) {
    this.#domain = domain;
    this.#sources = sources;
    sources.endpointSlices.addIndex(BY_SERVICE, (slice) => {
      const service = serviceOf(slice);
      return service === undefined ? [] : [service];
    });
    const changed = (key: string | undefined): void => {
      if (key === undefined) return;
      this.#serial++;
      this.#records.delete(key);
      this.#stale.add(key);
    };
    const keyOf = (service: Service): string => `${service.metadata.namespace}/${service.metadata.name}`;
    sources.services.addHandlers({
      added: (service) => changed(keyOf(service)),
      updated: (service) => changed(keyOf(service)),
      deleted: (service) => changed(keyOf(service)),
    });
    sources.endpointSlices.addHandlers({
      added: (slice) => changed(serviceOf(slice)),
      updated(slice, previous) {
        changed(serviceOf(slice));
        if (serviceOf(previous) !== serviceOf(slice)) changed(serviceOf(previous));
      },
      deleted: (slice) => changed(serviceOf(slice)),
    });
  }

  get serial(): number {
    return this.#serial % 2 ** 32;
  }

  service(namespace: string, name: string): ServiceRecords | undefined {
    const key = `${namespace}/${name}`;
    const known = this.#records.get(key);
    if (known !== undefined) return known;
    const service = this.#sources.services.get(name, namespace);
    if (service === undefined) return undefined;
    const records = serviceRecords(service, this.#sources.endpointSlices.byIndex(BY_SERVICE, key));
    this.#records.set(key, records);
    return records;
  }

  hasNamespace(namespace: string): boolean {
    return this.#sources.namespaces.get(namespace) !== undefined;
  }

  namesOf(address: string): readonly string[] {
    for (const key of this.#stale) this.#rename(key);
    this.#stale.clear();
    return [...(this.#reverse.get(address) ?? [])];
  }

  #rename(key: string): void {
    for (const [address, name] of this.#named.get(key) ?? []) {
      const names = this.#reverse.get(address);
      names?.delete(name);
      if (names?.size === 0) this.#reverse.delete(address);
    }
    const [namespace, name] = key.split('/') as [string, string];
    const pairs = reverseNames(this.service(namespace, name), `${name}.${namespace}.svc.${this.#domain}`);
    if (pairs.length === 0) {
      this.#named.delete(key);
      return;
    }
    this.#named.set(key, pairs);
    for (const [address, full] of pairs) this.#reverse.set(address, (this.#reverse.get(address) ?? new Set()).add(full));
  }
}

function reverseNames(records: ServiceRecords | undefined, name: string): readonly (readonly [string, string])[] {
  if (records === undefined || records.kind === 'externalName') return [];
  const endpoints = records.endpoints.map((e) => [expanded(e.address), `${e.label}.${name}`] as const);
  return records.kind === 'clusterIP' ? [...records.addresses.map((a) => [expanded(a), name] as const), ...endpoints] : endpoints;
}

/** IPv6 in the full form that reverse names decode to; IPv4 as it is. */
function expanded(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = (part: string | undefined): string[] => (part === undefined || part === '' ? [] : part.split(':'));
  const front = groups(head);
  const back = groups(tail);
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - front.length - back.length }, () => '0');
  return [...front, ...zeros, ...back].map((group) => group.padStart(4, '0')).join(':');
}

/** `namespace/name` of the Service a slice belongs to. */
function serviceOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.[SERVICE_NAME_LABEL];
  return name === undefined ? undefined : `${slice.metadata.namespace}/${name}`;
}
