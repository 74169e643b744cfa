// pure
// Answers questions about the cluster domain and about reverse names of Services and endpoints. Everything it knows
// comes through ZoneData; ./zone-index.ts keeps that up to date.
import { formatIp, parseIp } from '#apimachinery/ip.ts';
import { addressRecord, type DnsRecord, type Question, ZONE_TTL, type ZoneAnswer } from './records.ts';
import type { EndpointRecord, ServicePortRecord, ServiceRecords } from './service-records.ts';

export interface ZoneData {
  service(namespace: string, name: string): ServiceRecords | undefined;
  hasNamespace(namespace: string): boolean;
  /** Names (absolute, without trailing dot) of Services and endpoints with this address. */
  namesOf(address: string): readonly string[];
  /** Changes with the data; the SOA serial. */
  readonly serial: number;
}

/** Version of the specification this zone follows. Source: dns-version TXT record. */
const SCHEMA_VERSION = '1.1.0';

const NX_DOMAIN: ZoneAnswer = { kind: 'nxDomain' };
const NO_DATA: ZoneAnswer = { kind: 'noData' };
const ELSEWHERE: ZoneAnswer = { kind: 'elsewhere' };

/** The Service of the cluster's DNS servers, which are those of the zone. */
const SERVERS = { namespace: 'kube-system', name: 'kube-dns' } as const;
/** Labels in front of the domain of the name that the SOA tells. */
const MASTER = 'ns.dns';

/** Aliases of aliases that are followed. Source: CoreDNS maxCnameChainLength. */
const MOST_ALIASES = 10;

export class Zone {
  readonly domain: string;
  readonly #suffix: string;
  readonly #data: ZoneData;

  /** `domain` in lower case without trailing dot: `cluster.local`. */
  constructor(domain: string, data: ZoneData) {
    this.domain = domain;
    this.#suffix = `.${domain}`;
    this.#data = data;
  }

  answer(question: Question): ZoneAnswer {
    return this.#answer(question, []);
  }

  /** `aliases`: names that led here. */
  #answer(question: Question, aliases: readonly string[]): ZoneAnswer {
    const { name, type } = question;
    const inside = name === this.domain || name.endsWith(this.#suffix);
    if (inside && (type === 'AXFR' || type === 'IXFR')) return { kind: 'refused' };
    if (name === this.domain) return this.#apex(type);
    if (inside) return this.#below(name.slice(0, -this.#suffix.length).split('.'), question, aliases);
    return name.endsWith('.in-addr.arpa') || name.endsWith('.ip6.arpa') ? this.#reverse(question) : ELSEWHERE;
  }

  /** Sent in the authority section of answers without records. */
  soa(): DnsRecord {
    return {
      type: 'SOA',
      name: this.domain,
      ttl: ZONE_TTL,
      data: {
        mname: `ns.dns.${this.domain}`,
        rname: `hostmaster.${this.domain}`,
        serial: this.#data.serial,
        refresh: 7200,
        retry: 1800,
        expire: 86_400,
        minimum: ZONE_TTL,
      },
    };
  }

  #apex(type: string): ZoneAnswer {
    if (type === 'SOA') return records([this.soa()]);
    if (type !== 'NS') return NO_DATA;
    const { name, addresses: own } = this.#servers();
    const glue = own.map((address) => addressRecord(name, address));
    return records([{ type: 'NS', name: this.domain, ttl: ZONE_TTL, data: name }], glue);
  }

  #servers(): { readonly name: string; readonly addresses: readonly string[] } {
    const service = this.#data.service(SERVERS.namespace, SERVERS.name);
    if (service?.kind !== 'clusterIP') return { name: `${MASTER}${this.#suffix}`, addresses: [] };
    return { name: `${SERVERS.name}.${SERVERS.namespace}.svc${this.#suffix}`, addresses: service.addresses };
  }

  /** `labels` are those in front of the domain, leftmost first. */
  #below(labels: readonly string[], question: Question, aliases: readonly string[]): ZoneAnswer {
    const kind = labels.at(-1) as string;
    const namespace = labels.at(-2);
    if (labels.length === 1 && kind === 'dns-version') {
      return question.type === 'TXT' ? records([{ type: 'TXT', name: question.name, ttl: ZONE_TTL, data: SCHEMA_VERSION }]) : NO_DATA;
    }
    if (labels.join('.') === MASTER) return records(addresses(this.#servers().addresses, question));
    if (kind !== 'svc' && kind !== 'pod') return labels.length === 1 && kind === 'dns' ? NO_DATA : NX_DOMAIN;
    if (namespace === undefined) return NO_DATA;
    if (!this.#data.hasNamespace(namespace)) return NX_DOMAIN;
    const rest = labels.slice(0, -2);
    if (rest.length === 0) return NO_DATA;
    return kind === 'pod' ? pod(rest, question) : this.#service(rest, namespace, question, aliases);
  }

  #service(labels: readonly string[], namespace: string, question: Question, aliases: readonly string[]): ZoneAnswer {
    const service = this.#data.service(namespace, labels.at(-1) as string);
    if (service === undefined) return NX_DOMAIN;
    const front = labels.slice(0, -1);
    if (service.kind === 'externalName') return front.length === 0 ? this.#alias(service.target, question, aliases) : NX_DOMAIN;
    if (front.length === 0) return byService(service, question);
    if (front.length === 1) {
      const endpoints = service.endpoints.filter((endpoint) => endpoint.label === front[0]);
      return endpoints.length === 0 ? NX_DOMAIN : byEndpoints(endpoints, question);
    }
    const [port, protocol] = front;
    if (front.length !== 2 || !port?.startsWith('_') || !protocol?.startsWith('_')) return NX_DOMAIN;
    const wanted = (p: ServicePortRecord): boolean => `_${p.name.toLowerCase()}` === port && `_${p.protocol}` === protocol;
    const found = portRecords(service, wanted, question, labels.at(-1) as string, `${namespace}.svc${this.#suffix}`);
    if (found.answers.length === 0) return NX_DOMAIN;
    if (question.type === 'SRV' || question.type === 'ANY') return { kind: 'records', ...found };
    return records(addresses(servedAt(service, wanted), question));
  }

  /** An alias with what it stands for, as far as that is in here; alone where that is nothing. One that closes a circle is not told. */
  #alias(target: string, { name, type }: Question, aliases: readonly string[]): ZoneAnswer {
    if (parseIp(target) !== undefined) return NX_DOMAIN;
    const path = [...aliases, name];
    if (target === '' || path.includes(target) || path.length > MOST_ALIASES) return NO_DATA;
    const alias: DnsRecord = { type: 'CNAME', name, ttl: ZONE_TTL, data: target };
    if (type === 'CNAME') return records([alias]);
    const next = this.#answer({ name: target, type }, path);
    switch (next.kind) {
      case 'records':
        return records([alias, ...next.answers]);
      case 'alias':
        return { kind: 'alias', answers: [alias, ...next.answers], target: next.target };
      case 'elsewhere':
        return { kind: 'alias', answers: [alias], target };
      default:
        return records([alias]);
    }
  }

  #reverse({ name, type }: Question): ZoneAnswer {
    const address = addressOfReverseName(name);
    const names = address === undefined ? [] : this.#data.namesOf(address);
    if (names.length === 0) return ELSEWHERE;
    return type === 'PTR' || type === 'ANY' ? records(names.map((data) => ({ type: 'PTR', name, ttl: ZONE_TTL, data }))) : NO_DATA;
  }
}

function records(answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = []): ZoneAnswer {
  return answers.length === 0 ? NO_DATA : { kind: 'records', answers, additionals };
}

/** An address has only one family: a question for the other one has no data. */
function addresses(list: readonly string[], { name, type }: Question): readonly DnsRecord[] {
  return list.map((address) => addressRecord(name, address)).filter((record) => record.type === type || type === 'ANY');
}

type Served = Exclude<ServiceRecords, { kind: 'externalName' }>;

function byService(service: Served, question: Question): ZoneAnswer {
  // A headless Service without endpoints does not exist for DNS. Source: CoreDNS findServices.
  if (service.kind === 'headless' && service.endpoints.length === 0) return NX_DOMAIN;
  if (question.type === 'SRV') {
    const [name, ...parent] = question.name.split('.');
    const found = portRecords(service, () => true, question, name as string, parent.join('.'));
    return records(found.answers, found.additionals);
  }
  return records(addresses(service.kind === 'clusterIP' ? service.addresses : service.endpoints.map((e) => e.address), question));
}

function byEndpoints(endpoints: readonly EndpointRecord[], question: Question): ZoneAnswer {
  if (question.type === 'SRV') {
    const ports = endpoints.flatMap((e) => e.ports.map(({ port }) => ({ port, target: question.name })));
    const own = endpoints.map((e) => addressRecord(question.name, e.address));
    return records(srvRecords(question.name, ports), own);
  }
  return records(
    addresses(
      endpoints.map((e) => e.address),
      question,
    ),
  );
}

/** Addresses that serve one of the ports that `wanted` takes, each once. */
function servedAt(service: Served, wanted: (port: ServicePortRecord) => boolean): readonly string[] {
  if (service.kind === 'clusterIP') return service.addresses;
  return [...new Set(service.endpoints.filter((e) => e.ports.some(wanted)).map((e) => e.address))];
}

/** SRV records of the ports that `wanted` takes: those of a cluster IP, or of each endpoint of a headless Service. */
function portRecords(
  service: Served,
  wanted: (port: ServicePortRecord) => boolean,
  { name }: Question,
  serviceName: string,
  parent: string,
): { readonly answers: readonly DnsRecord[]; readonly additionals: readonly DnsRecord[] } {
  const target = `${serviceName}.${parent}`;
  if (service.kind === 'clusterIP') {
    const ports = service.ports.filter(wanted);
    const found = ports.flatMap(({ port }) => service.addresses.map(() => ({ port, target })));
    const additionals = ports.length === 0 ? [] : service.addresses.map((address) => addressRecord(target, address));
    return { answers: srvRecords(name, found), additionals };
  }
  const found = service.endpoints.flatMap((endpoint) => endpoint.ports.filter(wanted).map(({ port }) => ({ endpoint, port })));
  return {
    answers: srvRecords(
      name,
      found.map(({ endpoint, port }) => ({ port, target: `${endpoint.label}.${target}` })),
    ),
    additionals: [...new Set(found.map((f) => f.endpoint))].map((e) => addressRecord(`${e.label}.${target}`, e.address)),
  };
}

/**
 * Each target and port once, however many addresses it has: those of two families have one name. Weights share 100 evenly among
 * addresses. Source: CoreDNS plugin.SRV.
 */
function srvRecords(name: string, found: readonly { readonly port: number; readonly target: string }[]): readonly DnsRecord[] {
  const weight = Math.max(1, Math.floor(100 / found.length));
  const distinct = new Map(found.map(({ port, target }) => [`${target} ${port}`, { priority: 0, weight, port, target }]));
  return Array.from(distinct.values(), (data) => ({ type: 'SRV', name, ttl: ZONE_TTL, data }));
}

/** `10-244-0-7.ns.pod`: the address is in the name. Source: CoreDNS `pods insecure`, kubeadm's default. */
function pod(labels: readonly string[], question: Question): ZoneAnswer {
  const [label] = labels;
  if (labels.length !== 1 || label === undefined) return NX_DOMAIN;
  const address = addressOfDashes(label);
  return address === undefined ? NX_DOMAIN : records(addresses([address], question));
}

/** Of IPv4 where three dashes stand apart, else of IPv6. */
function addressOfDashes(label: string): string | undefined {
  const isV4 = label.split('-').length === 4 && !label.includes('--');
  const text = label.replaceAll('-', isV4 ? '.' : ':');
  const ip = parseIp(text);
  if (ip === undefined) return undefined;
  const address = formatIp(ip);
  return isV4 && address !== text ? undefined : address; // no zeros in front
}

/** `7.0.244.10.in-addr.arpa` → `10.244.0.7`; 32 nibbles of ip6.arpa → the address in full, lower case. */
export function addressOfReverseName(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa')) {
    const octets = name.slice(0, -'.in-addr.arpa'.length).split('.');
    return octets.length === 4 && octets.every((o) => /^\d{1,3}$/.test(o) && Number(o) <= 255) ? octets.toReversed().join('.') : undefined;
  }
  const nibbles = name.slice(0, -'.ip6.arpa'.length).split('.');
  if (nibbles.length !== 32 || !nibbles.every((n) => /^[0-9a-f]$/.test(n))) return undefined;
  return (nibbles.toReversed().join('').match(/.{4}/g) as string[]).join(':');
}
